import type { Dataset } from '../../../src/data/dataset.ts';
import { feedsFromDataset, widenTensor } from '../../../src/data/feeds.ts';
import type { PreprocessOptions } from '../../../src/data/preprocess.ts';
import type { Engine, Session } from '../../../src/engine/engine.ts';
import type { Model } from '../../../src/ir/model.ts';
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
  const output = dense.graph.outputs[0]?.name ?? '';

  const guess = async (session: Session, inputs: Map<string, Tensor>, rows: number): Promise<Guess[]> => {
    const y = widenTensor((await session.run(inputs, [output])).get(output) as Tensor);
    const { ends } = logitsOf(dense.graph, output, y.dims);
    const first = (y.data as Float32Array).subarray(0, y.data.length / rows);
    return best(shares(first, ends));
  };

  return {
    compare: async ({ dataset, rows, preprocess, name }) => {
      const source = feedsFromDataset(dense, dataset);
      const batch = source.fixedBatch ?? 1;
      const found: Compared[] = [];
      for (const row of rows) {
        const { inputs, labels } = await source.feeds(Int32Array.from({ length: batch }, () => row));
        found.push({
          row,
          name: name(row),
          picture: samplePicture((await dataset.batch([row])).x, preprocess),
          label: labels?.[0] ?? null,
          dense: await guess(sessions[0], inputs, batch),
          pruned: await guess(sessions[1], inputs, batch),
        });
      }
      return found;
    },
    release: async () => {
      for (const session of sessions) await session.release();
    },
  };
}

/** Probabilities of the classes. */
function shares(row: Float32Array, ends: 'softmax' | 'log-softmax' | 'logits'): Float64Array {
  if (ends === 'softmax') return Float64Array.from(row);
  const top = row.reduce((most, x) => Math.max(most, x), Number.NEGATIVE_INFINITY);
  const powers = Float64Array.from(row, (x) => Math.exp(x - top));
  const sum = powers.reduce((total, x) => total + x, 0);
  return powers.map((x) => x / sum);
}

function best(row: Float64Array): Guess[] {
  const order = Array.from(row.keys()).sort((a, b) => (row[b] as number) - (row[a] as number) || a - b);
  return order.slice(0, GUESSES).map((label) => ({ label, share: row[label] as number }));
}
