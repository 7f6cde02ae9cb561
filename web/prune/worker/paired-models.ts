import type { Dataset } from '../../../src/data/dataset.ts';
import { feedsFromDataset } from '../../../src/data/dataset-feeds.ts';
import type { PreprocessOptions } from '../../../src/data/preprocess.ts';
import type { Engine, Session } from '../../../src/engine/engine.ts';
import type { Model } from '../../../src/ir/model.ts';
import { decideOutputs } from '../../../src/outputs/decide.ts';
import type { Head } from '../../../src/outputs/heads.ts';
import { widenTensor } from '../../../src/tensor/half.ts';
import type { Tensor } from '../../../src/tensor/tensor.ts';
import type { Compared, Guess } from '../protocol.ts';
import { samplePicture } from './sample-picture.ts';

/** The model as it was, and as it is. */
export interface Pair {
  readonly dense: Model;
  readonly pruned: Model;
}

/** Rows to be shown to both models. */
export interface ShownRows {
  readonly dataset: Dataset;
  readonly rows: readonly number[];
  /** How the data set was opened, so that pictures can be shown as they were. */
  readonly preprocess: PreprocessOptions;
  readonly name: (row: number) => string;
}

/** Two models ready to run side by side. */
export interface PairedModels {
  /** @throws DataError if a row cannot be read; EngineError if a model does not run */
  compare(shown: ShownRows): Promise<Compared[]>;
  release(): Promise<void>;
}

/** Guesses that are shown of each model. */
const GUESSES = 3;

/** Opens both. Cost: the memory of both models, until released. */
export async function pairedModels(engine: Engine, { dense, pruned }: Pair): Promise<PairedModels> {
  const sessions = [await engine.createSession(dense), await engine.createSession(pruned)] as const;

  const guess = async (session: Session, { name, kind }: Head, asked: Asked): Promise<Guess[]> => {
    const y = widenTensor((await session.run(asked.inputs, [name])).get(name) as Tensor);
    const first = (y.data as Float32Array).subarray(0, y.data.length / asked.rows);
    return best(shares(first, kind));
  };

  return {
    compare: async ({ dataset, rows, preprocess, name }) => {
      const source = feedsFromDataset(dense, dataset);
      const { judged } = await decideOutputs(dense, { engine, source });
      const batch = source.fixedBatch ?? 1;
      const found: Compared[] = [];
      for (const row of rows) {
        const { inputs, labels } = await source.feeds(Int32Array.from({ length: batch }, () => row));
        found.push({
          row,
          name: name(row),
          picture: samplePicture((await dataset.batch([row])).x, preprocess),
          label: labels?.[0] ?? null,
          dense: await guess(sessions[0], judged, { inputs, rows: batch }),
          pruned: await guess(sessions[1], judged, { inputs, rows: batch }),
        });
      }
      return found;
    },
    release: async () => {
      for (const session of sessions) await session.release();
    },
  };
}

/** Inputs of one run, and how often they hold the row that is asked about. */
interface Asked {
  readonly inputs: Map<string, Tensor>;
  readonly rows: number;
}

/** Probabilities of the classes. */
function shares(row: Float32Array, kind: Head['kind']): Float64Array {
  if (kind === 'probabilities' || kind === 'sigmoids') return Float64Array.from(row);
  const top = row.reduce((most, x) => Math.max(most, x), Number.NEGATIVE_INFINITY);
  const powers = Float64Array.from(row, (x) => Math.exp(x - top));
  const sum = powers.reduce((total, x) => total + x, 0);
  return powers.map((x) => x / sum);
}

function best(row: Float64Array): Guess[] {
  const order = Array.from(row.keys()).sort((a, b) => (row[b] as number) - (row[a] as number) || a - b);
  return order.slice(0, GUESSES).map((label) => ({ label, share: row[label] as number }));
}
