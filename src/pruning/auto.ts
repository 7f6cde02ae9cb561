import { unfold } from '../apply/unfold.ts';
import { storedPosition } from '../apply/weights.ts';
import type { Constraint } from '../constraints/constraint.ts';
import type { FeedSource } from '../data/feeds.ts';
import { capture } from '../engine/capture.ts';
import type { Engine } from '../engine/engine.ts';
import { DataError, OptionError, UnsupportedOpError } from '../errors/errors.ts';
import { type Finetuned, type FinetuneOptions, finetune, type SupportsAt } from '../finetune/finetune.ts';
import type { OptimizerName } from '../finetune/optimizer.ts';
import { constantsOf, replaceConstants } from '../graph/constants.ts';
import { statisticsInputs } from '../graph/operators/table.ts';
import type { WeightLayer } from '../graph/weights.ts';
import { constantOf, tensorOf } from '../ir/access.ts';
import type { Constant, Model } from '../ir/model.ts';
import { headsOf } from '../outputs/decide.ts';
import { outputUnits } from '../outputs/units.ts';
import type { RunOptions } from '../progress/progress.ts';
import { type Kept, recallNumber, WITHOUT_RECALL, within } from '../progress/recall.ts';
import { sizeOf } from '../tensor/tensor.ts';
import { chooseTraining, judgeOf, type Objective, type Target } from './auto-choice.ts';
import { largestDivisor } from './gradients.ts';
import type { Keeping } from './job.ts';

/** What {@link pruneByImitation} is asked for. */
export interface ImitationRequest extends RunOptions {
  readonly engine: Engine;
  readonly model: Model;
  readonly layers: readonly WeightLayer[];
  /** Where a training of so many steps starts; null or absent = at the model itself, which is imitated. */
  readonly start?: (steps: number) => Promise<Start | null>;
  /** Called with states of the training that are within the budget, the last one included; the training waits for it. */
  readonly onState?: (model: Model, target: Target) => Promise<void>;
  /** Samples, with labels or without. */
  readonly source: FeedSource;
  /** Sets that close in on the budget; the last one is what was asked for. */
  readonly constraints: readonly Constraint[];
  /** Steps, or the minutes that they may take; steps win. */
  readonly steps?: number;
  readonly minutes?: number;
  /** Samples a step. */
  readonly batch: number;
  readonly seed: number;
  readonly augment: boolean;
  readonly threads?: number;
  /** Default: nothing is kept. */
  readonly keeping?: Keeping | undefined;
}

/** Where a training starts. */
export interface Start {
  /** What it is, in words. */
  readonly what: string;
  /** The model with other weights. */
  readonly model: Model;
  /** Those of the constraints that are still to be met on the way; a single one is met already. */
  readonly constraints: readonly Constraint[];
}

/** Constants of {@link pruneByImitation}, chosen on held-out training data (docs/experiments.md). */
export const AUTO_DEFAULTS = {
  /** Share of the steps after which the support stays. */
  closingIn: 0.7,
} as const;

/** Weight of the dense model's probabilities where labels are the target, and their temperature. */
const BESIDE_LABELS = { share: 0.1, temperature: 4 };
/** Samples that the variance of the outputs is taken over. */
const VARIANCE_SAMPLES = 128;
/** Numbers in all intermediate values of one run, and samples that batch statistics need at least. */
const NUMBERS_A_RUN = 16_000_000;
const LEAST_SAMPLES = 8;
/** Steps that are timed where minutes are given; the first of them warms up. */
const TIMED_STEPS = 8;
const TIMED_RATE = 1e-6;
/** States that are looked at behind the step at which the support stays. */
const LOOKS = 4;
/** A training that diverges goes back, to this share of its rate. */
const RETREAT = { times: 4, factor: 0.2 };
/** Share of the minutes that is planned for: the rest is for reading, writing and a machine that is not always as fast. */
const PLANNED_SHARE = 0.93;
/** Share of the minutes that is left for the training at least, whatever came before it. */
const LEAST_SHARE = 0.1;

/** Steps that a training should have: below, its batches are smaller, as far as their gradients still say something. */
const LEAST_STEPS = 64;
const LEAST_BATCH = 8;

/** Samples of a step within so many sample gradients in all. */
export function batchWithin(gradients: number, batch: number): number {
  const smaller = Math.max(LEAST_BATCH, Math.floor(gradients / LEAST_STEPS));
  return Math.min(batch, smaller, Math.max(1, gradients));
}

/** What {@link pruneByImitation} gives back. */
export interface Imitated {
  readonly model: Model;
  /** Steps of the training and of the trials before it. */
  readonly steps: number;
  readonly target: Target;
  /** Parameters that could not be trained. */
  readonly blocked: readonly string[];
  /** Where it started, in words; null = at the model itself. */
  readonly from: string | null;
  readonly optimizer: OptimizerName;
  readonly rate: number;
  /** Mean loss of the last epoch: cross-entropy, or in variances of the dense model's output (0 = the same outputs, 1 = a constant). */
  readonly loss: number;
}

/**
 * Trains a model to give the outputs that it gave before, while its support closes in on a budget: steps of gradient
 * descent on the squared error of all outputs, logits where there are such; every few steps the support is chosen anew as the largest weights that the
 * next constraint allows. Batch normalisation runs on batch statistics, and its running ones follow; where it was folded
 * into convolutions it is put back for the training ({@link unfold}).
 *
 *   loss = mean of |z(w) - z(dense)|^2 / var z(dense) over the outputs z      the learning rate falls along half a cosine
 *
 * The outputs of the dense model say more about a sample than its label, so few samples do, and none has to be labelled.
 * But a model that is often wrong on this data holds back one that imitates it: then short trainings by the labels and by
 * the outputs are compared on labelled samples that were set aside, and the better target is taken.
 *
 * @throws OptionError         if there is no step to take
 * @throws UnsupportedOpError  if a layer cannot be trained
 * @throws DataError           if the loss is not finite, or there are fewer samples than a batch
 * Deterministic given `seed`, `steps` and one thread count; with `minutes`, as many steps as the machine manages.
 * Cost: `steps` x `batch` sample gradients, and as many forward passes.
 */
export async function pruneByImitation(request: ImitationRequest): Promise<Imitated> {
  const started = performance.now();
  const { engine, model, source, threads } = request;
  const { heads } = await headsOf(model, request);
  const units = await outputUnits(model, heads, {
    engine,
    source,
    count: VARIANCE_SAMPLES,
    ...(threads !== undefined && { threads }),
  });
  let { model: student, fold } = await unfold(model, { engine, source });
  const part = await partOf(request, student);
  const pace: Pace = { samplesPerSecond: 0 };
  const outputs: Objective = {
    target: 'dense outputs',
    unit: 1,
    training: trainingOf(request, { part, pace }, { units, teacher: { model, share: 1, temperature: 1 } }),
  };
  if (request.steps === undefined)
    await finetune(student, { ...outputs.training, rate: TIMED_RATE, steps: TIMED_STEPS });
  const stepsLeft = (): number => request.steps ?? stepsWithin(request, { pace, started });
  const recall = within(request.keeping?.recall ?? WITHOUT_RECALL, `training by ${request.batch}`);
  const planned = await recallNumber(recall, 'steps planned', async () => stepsLeft());
  const smaller = batchWithin(planned * request.batch, request.batch);
  if (request.steps === undefined && smaller < request.batch) {
    const spent = (performance.now() - started) / 60_000;
    return pruneByImitation({
      ...request,
      batch: smaller,
      minutes: Math.max(LEAST_SHARE, 1 - spent / (request.minutes ?? 1)) * (request.minutes ?? 1),
    });
  }
  if (!Number.isInteger(planned) || planned < 1)
    throw new OptionError(`Cannot train for ${planned} steps: wanted at least one; allow more gradients or minutes`);
  const start = (await request.start?.(planned)) ?? null;
  if (start !== null) ({ model: student, fold } = await unfold(start.model, { engine, source }));
  const supports = (count: number): SupportsAt => supportsOf({ ...request, ...start }, closedAt(start, count));
  const steps = await recallNumber(recall, 'steps', async () => Math.max(1, stepsLeft()));
  const judge = await judgeOf(request);
  const labels: Objective = {
    target: 'labels',
    unit: 1,
    training: trainingOf(request, { part, pace }, { teacher: { model, ...BESIDE_LABELS } }),
  };
  const { objective, way, spent } = await chooseTraining({
    student,
    steps,
    judge,
    objectives: judge === null ? [outputs] : [outputs, labels],
    startsWithin: start?.constraints.length === 1,
    supportsOf: supports,
    recall,
  });
  const left = await recallNumber(recall, 'steps left', async () =>
    Math.max(1, request.steps === undefined ? stepsWithin(request, { pace, started }) : steps - spent),
  );
  const asked = (state: Model): Model => ({
    ...model,
    graph: { ...fold(state).graph, outputs: model.graph.outputs },
  });
  const looks = looksOf(closedAt(start, left), left);
  const from = request.keeping?.training ?? null;
  let taken = from?.done ?? 0;
  const look = async (step: number, work: () => Promise<Kept>): Promise<void> => {
    const kept = await recall(`state at ${step}`, work);
    await request.onState?.(asked(withTrained(student, kept)), objective.target);
  };
  let isDone = true;
  const kept = await recall('trained', async () => {
    isDone = false;
    for (const step of looks) if (step <= taken) await look(step, noState);
    const trained = await finetune(student, {
      ...objective.training,
      ...way,
      steps: left,
      supports: supports(left),
      retreat: RETREAT,
      ...(objective.target === 'dense outputs' && { unit: objective.unit }),
      ...(from && { from }),
      onStep: async (stand, state) => {
        taken++;
        if (looks.has(taken)) await look(taken, async () => trainedIn(student, state()));
        await request.keeping?.onTraining(() => ({ ...stand(), done: taken }));
      },
    });
    return endOf(student, trained);
  });
  if (isDone) for (const step of looks) if (step <= left) await look(step, noState);
  const { loss, blocked, weights } = endIn(student, kept);
  const last = asked(withTrained(student, weights));
  await request.onState?.(last, objective.target);
  return {
    model: last,
    steps: left + spent,
    target: objective.target,
    blocked,
    from: start?.what ?? null,
    ...way,
    loss: loss / objective.unit,
  };
}

/** Names of a training's end besides those of weights, which they cannot be. */
const END = { loss: '\0loss', blocked: '\0blocked' } as const;

/** The end of a training: what it changed, its last loss, and by their places the parameters that stayed as they were. */
function endOf(student: Model, { model, epochs, blocked }: Finetuned): Kept {
  const names = [...constantsOf(student.graph).keys()];
  return new Map<string, Float32Array | Float64Array>([
    ...trainedIn(student, model),
    [END.loss, Float64Array.of((epochs.at(-1) as (typeof epochs)[number]).loss)],
    [END.blocked, Float64Array.from(blocked.map((name) => names.indexOf(name)))],
  ]);
}

/** The same read again. */
function endIn(student: Model, kept: Kept): { loss: number; blocked: string[]; weights: Kept } {
  const names = [...constantsOf(student.graph).keys()];
  const { loss, blocked } = END;
  return {
    loss: kept.get(loss)?.[0] as number,
    blocked: [...(kept.get(blocked) ?? [])].map((i) => names[i] as string),
    weights: new Map([...kept].filter(([name]) => name !== loss && name !== blocked)),
  };
}

/** What a training changed of a model. */
function trainedIn({ graph }: Model, trained: Model): Kept {
  const before = constantsOf(graph);
  const changed = [...constantsOf(trained.graph)].filter(([name, constant]) => before.get(name) !== constant);
  return new Map(changed.map(([name, constant]) => [name, tensorOf(constant).data as Float32Array]));
}

/** The model with that. */
function withTrained(model: Model, kept: Kept): Model {
  const before = constantsOf(model.graph);
  const changed = [...kept].map(([name, data]) => {
    const { dims } = before.get(name) as Constant;
    return [name, constantOf({ type: 'float32', dims, data })] as const;
  });
  return { ...model, graph: replaceConstants(model.graph, new Map(changed)) };
}

/** @throws DataError always: a state that was looked at is kept before the steps behind it */
async function noState(): Promise<Kept> {
  throw new DataError('Cannot go on: the state holds a training, and not what was seen of it');
}

/** Samples of one run: as many of a step as share the cache, and enough of them where batch statistics are taken. */
async function partOf({ engine, source, batch }: ImitationRequest, student: Model): Promise<number> {
  const samples = Math.min(batch, source.count);
  if (source.fixedBatch !== null) return samples;
  const captured = await capture(engine, student, (await source.feeds([0])).inputs);
  const numbers = [...captured.values()].reduce(
    (sum, { type, dims }) => sum + (type.startsWith('float') ? sizeOf(dims) : 0),
    0,
  );
  const normalizes = student.graph.nodes.some((node) => statisticsInputs(node).length > 0);
  return largestDivisor(samples, Math.max(normalizes ? LEAST_SAMPLES : 1, Math.floor(NUMBERS_A_RUN / numbers)));
}

function trainingOf(
  request: ImitationRequest,
  { part, pace }: { part: number; pace: Pace },
  loss: Pick<FinetuneOptions, 'units' | 'teacher'>,
): FinetuneOptions {
  const { engine, source, batch, seed, augment, threads, signal, onProgress } = request;
  return {
    engine,
    source,
    batch,
    part,
    seed,
    augment,
    masked: 'none',
    onEpoch: ({ samplesPerSecond }) => {
      pace.samplesPerSecond = samplesPerSecond;
    },
    ...loss,
    ...(threads !== undefined && { threads }),
    ...(signal && { signal }),
    ...(onProgress && { onProgress }),
  };
}

/** How fast the last training went. */
interface Pace {
  samplesPerSecond: number;
}

/** The steps that fit into what is left of the minutes. */
function stepsWithin(
  { minutes = 0, batch }: ImitationRequest,
  { pace, started }: { pace: Pace; started: number },
): number {
  if (!(minutes > 0)) throw new OptionError(`Cannot train for ${minutes} minutes: wanted a number above 0`);
  const planned = 60 * minutes * PLANNED_SHARE;
  const left = Math.max(LEAST_SHARE * planned, planned - (performance.now() - started) / 1000);
  return Math.floor((left * pace.samplesPerSecond) / batch);
}

/** The step from which on the support stays. */
function closedAt(start: Start | null, steps: number): number {
  return start?.constraints.length === 1 ? 0 : Math.min(steps - 1, Math.round(AUTO_DEFAULTS.closingIn * steps));
}

/** Steps behind which the state is looked at, the last one apart. */
function looksOf(closed: number, steps: number): Set<number> {
  const each = (steps - closed) / LOOKS;
  return new Set(Array.from({ length: LOOKS - 1 }, (_, i) => closed + Math.max(1, Math.round((i + 1) * each))));
}

/** The supports of the steps: the largest weights that the constraint of the moment allows, the last of them from `last` on. */
function supportsOf({ layers, constraints }: ImitationRequest, last: number): SupportsAt {
  const at = new Map<number, Constraint>();
  constraints.forEach((constraint, t) => {
    at.set(Math.round((last * t) / Math.max(1, constraints.length - 1)), constraint);
  });
  if (constraints.length === 1) at.set(last, constraints[0] as Constraint);
  return (step, values) => {
    const constraint = at.get(step);
    return constraint && supportsOfLargest(layers, constraint, values);
  };
}

/** @throws UnsupportedOpError if a layer is not among the trained parameters */
function supportsOfLargest(
  layers: readonly WeightLayer[],
  constraint: Constraint,
  values: ReadonlyMap<string, Float32Array>,
): Map<string, Uint8Array> {
  const importance = new Float64Array(layers.reduce((sum, { size }) => sum + size, 0));
  let start = 0;
  for (const layer of layers) {
    const w = values.get(layer.name);
    if (w === undefined)
      throw new UnsupportedOpError(
        `Cannot train weight "${layer.name}": it is not a float32 constant of a layer that can be trained; leave it out`,
        { remedies: [{ option: 'exclude', value: layer.name }] },
      );
    for (let i = 0; i < layer.size; i++) importance[start + i] = (w[storedPosition(layer, i)] as number) ** 2;
    start += layer.size;
  }
  const support = constraint.support(importance);
  start = 0;
  const supports = new Map<string, Uint8Array>();
  for (const layer of layers) {
    const mask = new Uint8Array(layer.size);
    for (let i = 0; i < layer.size; i++) mask[storedPosition(layer, i)] = support[start + i] as number;
    supports.set(layer.name, mask);
    start += layer.size;
  }
  return supports;
}
