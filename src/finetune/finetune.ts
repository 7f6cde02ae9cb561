import type { LossName } from '../autodiff/loss.ts';
import type { FeedSource } from '../data/feeds.ts';
import type { Engine } from '../engine/engine.ts';
import { DataError, OptionError } from '../errors/errors.ts';
import { constantsOf, replaceConstants } from '../graph/constants.ts';
import { constantOf, tensorOf } from '../ir/access.ts';
import type { Constant, Model } from '../ir/model.ts';
import type { RunOptions } from '../progress/progress.ts';
import { learningRate, type RateSchedule } from '../schedule/learning-rate.ts';
import { type Random, random, sampleWithoutReplacement } from '../tensor/random.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { SGD_DEFAULTS, type SgdOptions, sgdStep, type TrainedArray } from './sgd.ts';
import { type RunningStatistics, type TrainingProgram, trainingProgram } from './training-program.ts';

/** What {@link finetune} is asked for. */
export interface FinetuneOptions extends RunOptions, SgdOptions {
  readonly engine: Engine;
  /** Samples with labels (cross-entropy) or targets (mse). */
  readonly source: FeedSource;
  readonly loss?: Exclude<LossName, 'random'>;
  readonly epochs?: number;
  /** Samples a step. */
  readonly batch?: number;
  readonly rate?: number;
  readonly schedule?: RateSchedule;
  /** Epochs over which the rate rises. */
  readonly warmup?: number;
  /** Weights of these constants that are zero stay zero; absent = of all parameters of rank 2 and more. */
  readonly masked?: readonly string[] | 'all' | 'none';
  /** Leaves batch normalisation as it is in inference. */
  readonly frozenStatistics?: boolean;
  /** Draws augmented samples, as the data set was opened to. */
  readonly augment?: boolean;
  readonly seed?: number;
  readonly threads?: number;
  readonly onEpoch?: (epoch: EpochFacts) => void | Promise<void>;
}

/** Defaults of {@link finetune}. */
export const FINETUNE_DEFAULTS = {
  loss: 'cross-entropy',
  epochs: 1,
  batch: 128,
  rate: 0.01,
  schedule: 'cosine',
  warmup: 0,
  masked: 'all',
  frozenStatistics: false,
  augment: false,
  seed: 1,
  ...SGD_DEFAULTS,
} as const;

/** How one epoch went. */
export interface EpochFacts {
  readonly epoch: number;
  /** Mean over the epoch's samples, each before its step. */
  readonly loss: number;
  /** Learning rate of the last step. */
  readonly rate: number;
  readonly samplesPerSecond: number;
}

/** What {@link finetune} gives back. */
export interface Finetuned {
  readonly model: Model;
  readonly epochs: readonly EpochFacts[];
  readonly steps: number;
}

/**
 * Trains a model's parameters by stochastic gradient descent on its own data; zeros of pruned weights stay zeros, and
 * with them their momentum. Each epoch goes through the samples once in random order; an incomplete last batch is left out.
 *
 * @throws OptionError         for settings that cannot be
 * @throws DataError           if there are no labels or targets, fewer samples than a batch, or the loss is not finite
 * @throws UnsupportedOpError  if a node on the way cannot be differentiated
 * Deterministic given `seed` and one thread count. Cost: about three forward passes a sample and epoch; memory: the
 * parameters three times, and the activations of a batch.
 */
export async function finetune(model: Model, options: FinetuneOptions): Promise<Finetuned> {
  const settings = { ...FINETUNE_DEFAULTS, ...defined(options) };
  const { source, engine, loss, seed } = settings;
  const batch = source.fixedBatch ?? Math.min(settings.batch, source.count);
  for (const [name, value] of [
    ['epochs', settings.epochs],
    ['batch', batch],
  ] as const)
    if (!Number.isInteger(value) || value < 1)
      throw new OptionError(`Cannot train with ${name} ${value}: wanted a whole number above 0`);
  if (source.count < batch)
    throw new DataError(`Cannot train on batches of ${batch}: the data has ${source.count} samples`);
  if (loss === 'mse' ? !source.hasTargets : !source.labelled)
    throw new DataError(`Cannot train: the data has no ${loss === 'mse' ? 'targets' : 'labels'}`);
  const perEpoch = Math.floor(source.count / batch);
  const plan = {
    schedule: settings.schedule,
    rate: settings.rate,
    warmup: Math.round(settings.warmup * perEpoch),
    steps: settings.epochs * perEpoch,
  };
  learningRate(0, plan);
  const { inputs } = await source.feeds(Int32Array.from({ length: batch }, (_, i) => i));
  const program = await trainingProgram({
    engine,
    model,
    loss,
    feeds: inputs,
    samples: batch,
    frozenStatistics: settings.frozenStatistics,
    ...(settings.threads !== undefined && { threads: settings.threads }),
  });
  try {
    const state = initialState(model, program, settings.masked);
    const epochs: EpochFacts[] = [];
    for (let epoch = 0; epoch < settings.epochs; epoch++) {
      const rng = random(seed).fork(`epoch ${epoch}`);
      const facts = await trainEpoch(program, state, { settings, plan, epoch, batch, rng });
      epochs.push(facts);
      await settings.onEpoch?.(facts);
    }
    return { model: written(model, program, state), epochs, steps: plan.steps };
  } finally {
    await program.release();
  }
}

/** Options that were given: an undefined one takes its default. */
function defined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}

interface State {
  readonly values: Map<string, Float32Array>;
  readonly arrays: readonly TrainedArray[];
  /** Running mean and variance by constant. */
  readonly running: Map<string, Float64Array>;
}

function initialState(
  model: Model,
  { parameters, statistics }: TrainingProgram,
  masked: FinetuneOptions['masked'],
): State {
  const constants = constantsOf(model.graph);
  const read = (name: string): Float32Array =>
    Float32Array.from(tensorOf(constants.get(name) as Constant).data as Float32Array);
  const isMasked = (name: string, rank: number): boolean =>
    masked === 'none' ? false : masked === undefined || masked === 'all' ? rank > 1 : masked.includes(name);
  const values = new Map(parameters.map(({ name }) => [name, read(name)]));
  const arrays = parameters.map(({ name, dims }): TrainedArray => {
    const own = values.get(name) as Float32Array;
    const velocity = new Float32Array(own.length);
    if (!isMasked(name, dims.length) || own.every((x) => x !== 0)) return { values: own, velocity };
    return { values: own, velocity, mask: Uint8Array.from(own, (x) => (x === 0 ? 0 : 1)) };
  });
  const running = new Map(
    statistics.flatMap(({ mean, variance }) => [mean, variance]).map((name) => [name, Float64Array.from(read(name))]),
  );
  return { values, arrays, running };
}

interface Epoch {
  readonly settings: FinetuneOptions & Required<Pick<FinetuneOptions, 'epochs' | 'augment'>>;
  readonly plan: Parameters<typeof learningRate>[1];
  readonly epoch: number;
  readonly batch: number;
  readonly rng: Random;
}

async function trainEpoch(
  program: TrainingProgram,
  state: State,
  { settings, plan, epoch, batch, rng }: Epoch,
): Promise<EpochFacts> {
  const { source, augment, signal, onProgress } = settings;
  const started = performance.now();
  const order = sampleWithoutReplacement(rng.fork('order'), source.count, source.count);
  const noise = rng.fork('augment');
  const perEpoch = Math.floor(source.count / batch);
  const read = async (step: number): Promise<Map<string, Tensor>> => {
    const fed = await source.feeds(order.subarray(step * batch, (step + 1) * batch), augment ? noise : undefined);
    const target = fed.targets ?? labelsOf(program, fed.labels);
    return fed.inputs.set(program.target.name, { ...target, dims: program.target.dims } as Tensor);
  };
  let sum = 0;
  let rate = 0;
  for (let step = 0; step < perEpoch; step++) {
    signal?.throwIfAborted();
    rate = learningRate(epoch * perEpoch + step, plan);
    const { gradients, losses, measured } = await program.run(await read(step), state.values);
    for (const loss of losses) sum += loss;
    if (!Number.isFinite(sum))
      throw new DataError(
        `Cannot go on training: the loss is not finite at step ${step + 1} of epoch ${epoch + 1}; lower the learning rate`,
      );
    state.arrays.forEach((array, i) => {
      const gradient = gradients[i];
      if (gradient != null) sgdStep(array, gradient, rate, settings);
    });
    program.statistics.forEach((statistic, i) => {
      const now = measured[i] as (typeof measured)[number];
      follow(state.running, statistic, now);
    });
    onProgress?.({
      step: `training epoch ${epoch + 1} of ${settings.epochs}`,
      done: (step + 1) * batch,
      total: perEpoch * batch,
      unit: 'samples',
    });
  }
  const samples = perEpoch * batch;
  return {
    epoch: epoch + 1,
    loss: sum / samples,
    rate,
    samplesPerSecond: (1000 * samples) / (performance.now() - started),
  };
}

function labelsOf({ classes }: TrainingProgram, labels: Int32Array | undefined): Pick<Tensor, 'type' | 'data'> {
  if (labels === undefined) throw new DataError('Cannot train: the data has no labels');
  const bad = labels.find((label) => label < 0 || label >= (classes ?? Number.POSITIVE_INFINITY));
  if (bad !== undefined) throw new DataError(`Cannot train: a label is ${bad}, the model has ${classes} classes`);
  return { type: 'int64', data: BigInt64Array.from(labels, BigInt) };
}

/** running := (1 - share) running + share batch; the batch's variance without bias, m / (m - 1), as frameworks keep it. */
function follow(
  running: State['running'],
  { mean, variance, share, cells }: RunningStatistics,
  now: { readonly mean: Float32Array; readonly variance: Float32Array },
): void {
  const [means, variances] = [running.get(mean) as Float64Array, running.get(variance) as Float64Array];
  const unbiased = cells > 1 ? cells / (cells - 1) : 1;
  for (let c = 0; c < means.length; c++) {
    means[c] = (1 - share) * (means[c] as number) + share * (now.mean[c] as number);
    variances[c] = (1 - share) * (variances[c] as number) + share * unbiased * (now.variance[c] as number);
  }
}

function written(model: Model, { parameters }: TrainingProgram, { values, running }: State): Model {
  const constants = constantsOf(model.graph);
  const replacements = new Map<string, Constant>();
  const put = (name: string, data: Float32Array): void => {
    const { dims } = constants.get(name) as Constant;
    replacements.set(name, constantOf({ type: 'float32', dims, data }));
  };
  for (const { name } of parameters) put(name, values.get(name) as Float32Array);
  for (const [name, numbers] of running) put(name, Float32Array.from(numbers));
  return { ...model, graph: replaceConstants(model.graph, replacements) };
}
