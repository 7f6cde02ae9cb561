import { narrowLike } from '../apply/narrow-floats.ts';
import type { LossName } from '../autodiff/loss.ts';
import type { InputRoom } from '../data/dataset.ts';
import { elementsOf, type FeedSource, float32Feeds } from '../data/feeds.ts';
import type { Engine, Room } from '../engine/engine.ts';
import { DataError, OptionError } from '../errors/errors.ts';
import { asFloat32 } from '../graph/passes/widen-floats.ts';
import type { Model } from '../ir/model.ts';
import { headsOf } from '../outputs/decide.ts';
import type { HeldAgainst } from '../outputs/held-against.ts';
import { outputUnits } from '../outputs/units.ts';
import type { RunOptions } from '../progress/progress.ts';
import { testedFeeds } from '../samples/tested-feeds.ts';
import { learningRate, type RateSchedule } from '../schedule/learning-rate.ts';
import { bigInts } from '../tensor/filled.ts';
import { type Random, random, sampleWithoutReplacement } from '../tensor/random.ts';
import { sizeOf, type Tensor } from '../tensor/tensor.ts';
import { type SeenLosses, watchLoss } from './divergence.ts';
import { type Goal, goalOf } from './goal.ts';
import { type Guard, type GuardStand, guardOf, type Retreat } from './guard.ts';
import { keptStatistics } from './kept-statistics.ts';
import { OPTIMIZER_DEFAULTS, type Optimizer, type OptimizerOptions, optimizer } from './optimizer.ts';
import { type Distillation, type TrainingProgram, type TrainingStep, trainingProgram } from './training-program.ts';
import {
  follow,
  initialState,
  masksOf,
  restore,
  restoreMasks,
  type State,
  takeSupports,
  written,
} from './training-state.ts';

/** What {@link finetune} is asked for. */
export interface FinetuneOptions extends RunOptions, OptimizerOptions {
  readonly engine: Engine;
  /** Samples with labels (cross-entropy) or targets (mse); a teacher of share 1 needs neither. */
  readonly source: FeedSource;
  /** Default: what the outputs and the data say ({@link decideOutputs}). */
  readonly loss?: Exclude<LossName, 'random'>;
  /** The output that labels or targets are about; default: the first that they fit. */
  readonly output?: string;
  /**
   * All outputs of floats imitate the teacher's, labels and targets are not looked at: what the squared error of each of
   * {@link headsOf} is divided by, null for one that is left out. Needs a teacher of share 1.
   */
  readonly units?: readonly (number | null)[];
  readonly epochs?: number;
  /** Steps in all, in the place of epochs: the last epoch may end early. */
  readonly steps?: number;
  /** Samples a step. */
  readonly batch?: number;
  /**
   * Samples of one run of the graph, a divisor of the batch: the runs of a step proceed at once, a thread each, and their
   * gradients are averaged. Batch statistics are those of a run. Default: the batch, in one run with all threads.
   */
  readonly part?: number;
  readonly rate?: number;
  readonly schedule?: RateSchedule;
  /** Epochs over which the rate rises. */
  readonly warmup?: number;
  /** Of the cosine: how often the rate jumps back to the start. */
  readonly restarts?: number;
  /** Share of the labels' probability that is spread over all classes. */
  readonly smoothing?: number;
  /** A model of the same inputs and outputs, the dense one above all, whose outputs are targets. */
  readonly teacher?: Distillation;
  /** Weights of these constants that are zero stay zero; absent = of the weights of all layers. */
  readonly masked?: readonly string[] | 'all' | 'none';
  /** Changes the supports on the way: asked before each step. */
  readonly supports?: SupportsAt;
  /** Leaves batch normalisation as it is in inference. */
  readonly frozenStatistics?: boolean;
  /** Draws augmented samples, as the data set was opened to. */
  readonly augment?: boolean;
  readonly seed?: number;
  readonly threads?: number;
  readonly onEpoch?: (epoch: EpochFacts) => void | Promise<void>;
  /** Called after each step; the training waits for it. `state` is valid until it returns; `model` is a copy of its own. */
  readonly onStep?: (state: () => TrainingState, model: () => Model) => void | Promise<void>;
  /**
   * Where the training diverges it goes back to an earlier state, at `factor` times the rate, so many times; else, and after
   * that, it is given up.
   */
  readonly retreat?: Retreat;
  /** Loss of a model that has learnt nothing, by which a divergence is told; default ln(classes), or the variance of the targets. */
  readonly unit?: number;
  /** Goes on from here, to the same result to the bit; the model and all other options must be those of the first part. */
  readonly from?: TrainingState;
}

/** Where a training stands: all that it needs to go on. */
export interface TrainingState {
  /** The epoch that is next, or under way, from 0; and its next step. */
  readonly epoch: number;
  readonly step: number;
  /** Sums over that epoch so far: of the losses, and of the samples that were classified right. */
  readonly loss: number;
  readonly hits: number;
  /** Epochs that are done. */
  readonly epochs: readonly EpochFacts[];
  /** Parameters, what the optimiser remembers of them, running statistics. */
  readonly arrays: ReadonlyMap<string, Float32Array | Float64Array>;
  /** By which a divergence is told; absent in states of before there was one. */
  readonly seen?: SeenLosses | undefined;
  /** Steps that are done, without those that were given up; where the caller counts them. */
  readonly done?: number | undefined;
  /** Of a run of several steps: the one whose training it is. */
  readonly of?: number | undefined;
  /** Of a training that may go back: its guard, whose state is among the arrays, and the steps of the epoch that were given up. */
  readonly guard?: (Omit<GuardStand, 'arrays'> & { readonly given: number }) | undefined;
}

/**
 * The supports of parameters from a step on (1 = kept, in the file's order), or undefined to leave all as they are. What
 * is off its support becomes zero, and what the optimiser remembers of it too; parameters that are not named keep their supports.
 *
 * @param step    from 0
 * @param values  the parameters as they are, by name
 */
export type SupportsAt = (
  step: number,
  values: ReadonlyMap<string, Float32Array>,
) => ReadonlyMap<string, Uint8Array> | undefined;

/** Defaults of {@link finetune}. */
export const FINETUNE_DEFAULTS = {
  epochs: 1,
  batch: 128,
  rate: 0.01,
  schedule: 'cosine',
  warmup: 0,
  restarts: 0,
  smoothing: 0,
  masked: 'all',
  frozenStatistics: false,
  augment: false,
  seed: 1,
  ...OPTIMIZER_DEFAULTS,
} as const;

/** How one epoch went. */
export interface EpochFacts {
  readonly epoch: number;
  /** Mean over the epoch's samples, each before its step. */
  readonly loss: number;
  /** Share of them that were classified right, or as the teacher does where there are no labels; null where there are no classes. */
  readonly accuracy: number | null;
  /** Learning rate of the last step. */
  readonly rate: number;
  readonly samplesPerSecond: number;
}

/** What {@link finetune} gives back. */
export interface Finetuned {
  readonly model: Model;
  readonly epochs: readonly EpochFacts[];
  readonly steps: number;
  /** What is not as usual, in a sentence; absent where nothing is. */
  readonly remark?: string;
  /** Parameters that stayed as they were, for an operator behind them that cannot be differentiated. */
  readonly blocked: readonly string[];
}

/**
 * Trains a model's parameters by stochastic gradient descent on its own data; zeros of pruned weights stay zeros, and
 * with them their momentum. Each epoch goes through the samples once in random order; an incomplete last batch is left out. Where the
 * model insists on a larger batch than there are samples, they fill it again and again; the loss is that of each once.
 *
 * @throws OptionError         for settings that cannot be
 * @throws DataError           if there are no labels or targets, or the training diverges: the loss is not finite, rises far
 *                             above what it was, or the model ends as one that knows nothing
 * @throws UnsupportedOpError  if nodes that cannot be differentiated are in the way of all parameters
 * Models of other floats are trained in float32 and given back in their own types, rounded.
 * Deterministic given `seed` and one thread count. Cost: about three forward passes a sample and epoch; memory: the
 * parameters three times, and the activations of a batch.
 */
export async function finetune(model: Model, options: FinetuneOptions): Promise<Finetuned> {
  const single = asFloat32(model);
  if (single === model) return train(model, options);
  const { source, teacher, onStep } = options;
  const back = (trained: Model): Model => narrowLike(model, trained);
  const trained = await train(single, {
    ...options,
    source: float32Feeds(source),
    ...(teacher && { teacher: { ...teacher, model: asFloat32(teacher.model) } }),
    ...(onStep && { onStep: (state, now) => onStep(state, () => back(now())) }),
  });
  return { ...trained, model: back(trained.model) };
}

/** {@link finetune} of a model whose floats are all float32. */
async function train(model: Model, options: FinetuneOptions): Promise<Finetuned> {
  const tested = await testedFeeds(options.engine, model, options.source);
  const settings = { ...FINETUNE_DEFAULTS, ...defined(options), source: tested };
  const { source, engine, seed } = settings;
  const batch = batchOf(source, settings.batch);
  const part = source.fixedBatch ?? Math.min(settings.part ?? batch, batch);
  for (const [name, value] of [
    ['epochs', settings.epochs],
    ['steps', settings.steps ?? 1],
    ['batch', batch],
    ['part', part],
  ] as const)
    if (!Number.isInteger(value) || value < 1)
      throw new OptionError(`Cannot train with ${name} ${value}: wanted a whole number above 0`);
  if (batch % part !== 0)
    throw new OptionError(`Cannot train in parts of ${part}: wanted a divisor of the batch, ${batch}`);
  const perEpoch = Math.max(1, Math.floor(source.count / batch));
  const plan = {
    schedule: settings.schedule,
    rate: settings.rate,
    warmup: Math.round(settings.warmup * perEpoch),
    restarts: settings.restarts,
    steps: settings.steps ?? settings.epochs * perEpoch,
  };
  learningRate(0, plan);
  const rule = optimizer(settings);
  const goal = await goalOf(model, settings);
  const first = await source.feeds(Int32Array.from({ length: part }, (_, i) => i % source.count));
  const inWorkers = batch > part || elementsOf(first) >= WORTH_A_THREAD;
  const program = await trainingProgram({
    ...goal.program,
    engine,
    feeds: first.inputs,
    samples: part,
    ...(inWorkers && { workers: Math.min(batch / part, settings.threads ?? engine.cores) }),
    frozenStatistics: settings.frozenStatistics,
    smoothing: settings.smoothing,
    ...(settings.threads !== undefined && { threads: settings.threads }),
  });
  try {
    const state = initialState(model, program, { masked: settings.masked, slots: rule.slots });
    const epochs: EpochFacts[] = [...(settings.from?.epochs ?? [])];
    const { from } = settings;
    if (from !== undefined) restore(state, from.arrays);
    if (from !== undefined && settings.supports !== undefined) restoreMasks(state, from.arrays);
    const ignorant =
      settings.unit ?? (await ignorantLoss(program, { settings, loss: goal.program.loss, held: goal.held(first) }));
    const { rate, retreat } = settings;
    const guard = guardOf(state, {
      watch: watchLoss({ ignorant }, from?.seen),
      retreat,
      rate,
      steps: plan.steps,
      from: from?.guard && { ...from.guard, arrays: from.arrays },
    });
    for (let epoch = from?.epoch ?? 0; epoch * perEpoch < plan.steps; epoch++) {
      const rng = random(seed).fork(`epoch ${epoch}`);
      const begun = epoch === from?.epoch ? from : { step: 0, loss: 0, hits: 0 };
      const at = { model, settings, plan, epoch, epochs, batch, part, rng, rule, begun, guard, held: goal.held };
      const facts = await trainEpoch(program, state, at);
      epochs.push(facts);
      await settings.onEpoch?.(facts);
    }
    const remark = keptStatistics(program.kept);
    return {
      model: written(model, program, state),
      epochs,
      steps: plan.steps,
      blocked: program.blocked,
      ...(remark && { remark }),
    };
  } finally {
    await program.release();
  }
}

/** Loss of a model that has learnt nothing; null where it cannot be told. */
async function ignorantLoss(
  { classes }: TrainingProgram,
  { settings, loss, held }: { settings: FinetuneOptions; loss: LossName; held: HeldAgainst | null },
): Promise<number | null> {
  const { engine, source, threads, teacher } = settings;
  if (held?.kind === 'numbers') {
    const { numbers } = held;
    const mean = numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
    if (loss === 'binary-cross-entropy') return Math.max(entropyOf(mean), LEAST_ENTROPY);
    return numbers.reduce((sum, x) => sum + (x - mean) ** 2, 0) / numbers.length || null;
  }
  if (classes !== null) return Math.log(classes);
  if (teacher === undefined) return null;
  const options = { engine, source, count: SCALE_SAMPLES, ...(threads !== undefined && { threads }) };
  try {
    const { heads } = await headsOf(teacher.model, { engine, source });
    return (await outputUnits(teacher.model, heads, options)).find((unit) => unit !== null) ?? null;
  } catch (thrown) {
    if (thrown instanceof DataError) return null;
    throw thrown;
  }
}

/** Cross-entropy of yes or no by the share of yes alone. */
function entropyOf(share: number): number {
  const part = (p: number): number => (p > 0 ? -p * Math.log(p) : 0);
  return part(share) + part(1 - share);
}

/** Where nearly all answers are the same, a loss of this is not learnt yet. */
const LEAST_ENTROPY = 0.01;

/** Samples that the scale of a teacher's outputs is taken from. */
const SCALE_SAMPLES = 32;

/** The batch that was asked for, as far as there are samples; in whole batches of the size that the model insists on. */
function batchOf({ fixedBatch, count }: FeedSource, asked: number): number {
  const most = Math.min(asked, count);
  return fixedBatch === null ? most : fixedBatch * Math.max(1, Math.floor(most / fixedBatch));
}

/** The samples in random order; where they do not fill a batch, again and again, in another order each time. */
function orderOf(count: number, batch: number, rng: Random): Int32Array {
  const order = sampleWithoutReplacement(rng.fork('order'), count, count);
  if (count >= batch) return order;
  const filled = new Int32Array(batch);
  for (let at = 0, again = 0; at < batch; at += count, again++) {
    const part = again === 0 ? order : sampleWithoutReplacement(rng.fork(`order ${again}`), count, count);
    filled.set(part.subarray(0, batch - at), at);
  }
  return filled;
}

/** Numbers in a step's inputs from which on they are read while the step before runs in another thread. */
const WORTH_A_THREAD = 50_000;

/** Options that were given: an undefined one takes its default. */
function defined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}

interface Epoch {
  readonly model: Model;
  readonly guard: Guard;
  readonly settings: FinetuneOptions & Required<Pick<FinetuneOptions, 'epochs' | 'augment'>>;
  readonly plan: Parameters<typeof learningRate>[1];
  readonly epoch: number;
  readonly epochs: readonly EpochFacts[];
  readonly batch: number;
  readonly part: number;
  readonly rng: Random;
  readonly rule: Optimizer;
  readonly held: Goal['held'];
  /** Steps that are done already, and their sums. */
  readonly begun: Pick<TrainingState, 'step' | 'loss' | 'hits' | 'guard'>;
}

async function trainEpoch(
  program: TrainingProgram,
  state: State,
  { model, guard, settings, plan, epoch, epochs, batch, part, rng, rule, begun, held }: Epoch,
): Promise<EpochFacts> {
  const { source, augment, signal, onProgress } = settings;
  const started = performance.now();
  const order = orderOf(source.count, batch, rng);
  const used = Math.min(batch, source.count);
  const perEpoch = Math.max(1, Math.floor(source.count / batch));
  const steps = Math.min(perEpoch, plan.steps - epoch * perEpoch);
  const parts = Array.from({ length: batch / part }, (_, i) => i * part);
  const inputRooms = [parts, parts].map((all) => all.map((): InputRoom => ({}))); // of the steps that are odd, and of the others
  const read = async (step: number, at: number): Promise<Map<string, Tensor>> => {
    const noise = augment ? rng.fork(`augment ${step}${at === 0 ? '' : `, part ${at / part}`}`) : undefined;
    const start = step * batch + at;
    const fed = await source.feeds(order.subarray(start, start + part), noise, inputRooms[step % 2]?.[at / part]);
    if (program.target === null) return fed.inputs;
    return fed.inputs.set(program.target.name, targetOf(program.target.dims, held(fed)));
  };
  /** Read, and augmented, while the step before runs: a session in worker threads leaves this one free. */
  const readStep = (step: number): Promise<Map<string, Tensor>[]> => {
    const feeds = Promise.all(parts.map((at) => read(step, at)));
    feeds.catch(() => undefined); // a failure shows when the feeds are taken, not before
    return feeds;
  };
  const rooms = parts.map((): Room => ({}));
  let next = readStep(begun.step);
  let { loss: sum, hits: right } = begun;
  let given = begun.guard?.given ?? 0; // steps that were given up
  let rate = learningRate(epoch * perEpoch + begun.step, plan);
  for (let step = begun.step; step < steps; step++) {
    signal?.throwIfAborted();
    const taken = epoch * perEpoch + step;
    takeSupports(program, state, settings.supports?.(taken, state.values));
    rate = learningRate(taken, plan);
    const fed = await next;
    const running = Promise.all(fed.map((feeds, i) => program.run(feeds, state.values, rooms[i])));
    if (step + 1 < steps) next = readStep(step + 1);
    const runs = await running;
    const moment = { taken, step: step + 1, epoch: epoch + 1 };
    const back = guard.before(sumOf(runs, used) / used, moment);
    if (back !== null) {
      for (let t = back + 1; t <= taken; t++) takeSupports(program, state, settings.supports?.(t, state.values));
      given++;
      continue;
    }
    const gradients = meanGradients(runs);
    sum += sumOf(runs, used);
    for (const { hits } of runs) for (const hit of hits?.subarray(0, used) ?? []) right += hit;
    rate *= guard.slowdown();
    state.arrays.forEach((array, i) => {
      const gradient = gradients[i];
      if (gradient != null) rule.step(array, gradient, rate, taken);
    });
    for (const { measured } of runs)
      program.statistics.forEach((statistic, i) => {
        follow(state.running, statistic, measured[i] as (typeof measured)[number]);
      });
    onProgress?.({
      step: `training epoch ${epoch + 1} of ${Math.ceil(plan.steps / perEpoch)}`,
      done: (step + 1) * used,
      total: steps * used,
      unit: 'samples',
    });
    if (taken + 1 === plan.steps) {
      const end = await Promise.all(fed.map((feeds, i) => program.run(feeds, state.values, rooms[i])));
      guard.behind(sumOf(end, used) / used, moment);
    }
    await settings.onStep?.(
      () => ({
        ...{ epoch, step: step + 1, loss: sum, hits: right, epochs, seen: guard.seen() },
        ...standOf(state, { guard, given, changes: settings.supports !== undefined }),
      }),
      () => written(model, program, state),
    );
  }
  const samples = (steps - begun.step) * used;
  const counted = (steps - given) * used; // none where every step was given up: then there is no loss
  return {
    epoch: epoch + 1,
    loss: sum / counted,
    accuracy: program.classes === null ? null : right / counted,
    rate,
    samplesPerSecond: (1000 * samples) / (performance.now() - started),
  };
}

/** All arrays of a training that goes on later, and where its guard stands. */
function standOf(
  state: State,
  { guard, given, changes }: { guard: Guard; given: number; changes: boolean },
): Pick<TrainingState, 'arrays' | 'guard'> {
  const stand = guard.stand();
  if (stand === null && !changes) return { arrays: state.named };
  const { arrays = [], ...rest } = stand ?? {};
  return {
    arrays: new Map([...state.named, ...(changes ? masksOf(state) : []), ...arrays]),
    ...(stand && { guard: { ...(rest as Omit<GuardStand, 'arrays'>), given } }),
  };
}

/** The losses of the first samples of each run, or of all. */
function sumOf(runs: readonly TrainingStep[], used: number): number {
  let sum = 0;
  for (const { losses } of runs) for (const loss of losses.subarray(0, used)) sum += loss;
  return sum;
}

/** By parameter; those of the first run are overwritten. */
function meanGradients(runs: readonly TrainingStep[]): TrainingStep['gradients'] {
  const [first, ...others] = runs as readonly [TrainingStep, ...TrainingStep[]];
  if (others.length === 0) return first.gradients;
  first.gradients.forEach((gradient, i) => {
    if (gradient === null) return;
    const more = others.map(({ gradients }) => gradients[i] as Float32Array);
    for (let j = 0; j < gradient.length; j++) {
      let sum = gradient[j] as number;
      for (const other of more) sum += other[j] as number;
      gradient[j] = sum / runs.length;
    }
  });
  return first.gradients;
}

/** @throws DataError if a batch has no answers, or not as many as the loss takes */
function targetOf(dims: readonly number[], held: HeldAgainst | null): Tensor {
  const values = held?.kind === 'classes' ? held.classes : held?.numbers;
  if (values === undefined) throw new DataError('Cannot train: a batch of the data has no labels or targets');
  if (values.length !== sizeOf(dims))
    throw new DataError(
      `Cannot train: wanted ${sizeOf(dims)} labels or targets a batch, the data has ${values.length}`,
    );
  return values instanceof Int32Array
    ? { type: 'int64', dims, data: bigInts(values) }
    : { type: 'float32', dims, data: values };
}
