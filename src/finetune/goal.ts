import type { LossName } from '../autodiff/loss.ts';
import type { FedBatch, FeedSource } from '../data/feeds.ts';
import type { Engine } from '../engine/engine.ts';
import { OptionError } from '../errors/errors.ts';
import type { Model } from '../ir/model.ts';
import { decideOutputs, headsOf } from '../outputs/decide.ts';
import type { Head } from '../outputs/heads.ts';
import { type HeldAgainst, heldAgainst } from '../outputs/held-against.ts';
import { atRawEnds } from '../outputs/raw.ts';
import type { Distillation, TrainingRequest } from './training-program.ts';

/** What a training goes by. */
export interface Goal {
  /** The model at its raw ends, and what its loss is. */
  readonly program: Pick<TrainingRequest, 'model' | 'loss' | 'ends' | 'axis' | 'units' | 'teacher'>;
  /** What a batch is held against; null where a teacher's outputs are all that is wanted. */
  readonly held: (fed: FedBatch) => HeldAgainst | null;
}

/** What of a training's options says what it goes by. */
export interface GoalRequest {
  readonly engine: Engine;
  readonly source: FeedSource;
  readonly loss?: Exclude<LossName, 'random'>;
  readonly output?: string;
  readonly units?: readonly (number | null)[];
  readonly teacher?: Distillation;
}

/**
 * Finds out what the outputs are, and makes ready what is compared.
 *
 * @throws OptionError, DataError  as {@link decideOutputs}, or if a teacher has other outputs
 */
export async function goalOf(model: Model, asked: GoalRequest): Promise<Goal> {
  const { engine, source, loss, output, units, teacher } = asked;
  if (units !== undefined) return imitationOf(model, asked, units);
  const outputs = await decideOutputs(model, {
    engine,
    source,
    labels: teacher?.share === 1 ? 'model' : 'data',
    ...(loss !== undefined && { loss }),
    ...(output !== undefined && { output }),
  });
  const { judged, reading } = outputs;
  const pair = teacher && (await pairedHeads([judged], teacher.model, { engine, source }));
  const raw = atRawEnds(model, pair?.own ?? [judged]);
  return {
    program: {
      model: raw.model,
      loss: outputs.loss === 'random' ? 'mse' : outputs.loss,
      ends: raw.ends,
      axis: reading.axes[0] ?? 0,
      ...(teacher && pair && { teacher: { ...teacher, ...atTeacher(teacher.model, pair.theirs) } }),
    },
    held: (fed) => heldAgainst(outputs, fed),
  };
}

async function imitationOf(
  model: Model,
  { engine, source, teacher }: GoalRequest,
  units: readonly (number | null)[],
): Promise<Goal> {
  if (teacher?.share !== 1) throw new OptionError('Cannot imitate all outputs: wanted a teacher of share 1');
  const { heads } = await headsOf(model, { engine, source });
  const kept = heads.filter((_, i) => units[i] !== null);
  const { own, theirs } = alike(await pairedHeads(kept, teacher.model, { engine, source }));
  const raw = atRawEnds(model, own);
  return {
    program: {
      model: raw.model,
      loss: 'mse',
      ends: raw.ends,
      units: units.filter((unit) => unit !== null),
      teacher: { ...teacher, ...atTeacher(teacher.model, theirs) },
    },
    held: () => null,
  };
}

/** Heads of a model, and those of a teacher that correspond to them. */
interface Paired {
  readonly own: readonly Head[];
  readonly theirs: readonly Head[];
}

function atTeacher(model: Model, heads: readonly Head[]): { readonly model: Model; readonly ends: readonly string[] } {
  const raw = atRawEnds(model, heads);
  return { model: raw.model, ends: raw.ends };
}

/** Where two heads are not of one kind, both as they are given out: their raw values could not be compared. */
function alike({ own, theirs }: Paired): Paired {
  const isAlike = own.map(({ kind, behind }, i) => kind === theirs[i]?.kind && !behind === !theirs[i]?.behind);
  const plain = (head: Head, i: number): Head =>
    isAlike[i] ? head : { ...head, kind: 'values', axes: [], behind: null, rawType: head.type };
  return { own: own.map(plain), theirs: theirs.map(plain) };
}

/** The heads of a teacher by the names of a model's. */
async function pairedHeads(
  heads: readonly Head[],
  teacher: Model,
  at: { readonly engine: Engine; readonly source: FeedSource },
): Promise<Paired> {
  const found = (await headsOf(teacher, at)).heads;
  const pairs = heads.map((head, i): [own: Head, theirs: Head] => {
    const other = found.find(({ name }) => name === head.name) ?? found[i];
    if (other === undefined || String(other.dims) !== String(head.dims))
      throw new OptionError(
        `Cannot imitate the teacher: wanted an output like "${head.name}" of shape [${head.dims}] a sample, it has ${found.map(({ name, dims }) => `"${name}" [${dims}]`).join(', ')}`,
      );
    return [head, other];
  });
  return { own: pairs.map(([own]) => own), theirs: pairs.map(([, theirs]) => theirs) };
}
