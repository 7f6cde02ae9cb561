import { elementsOf, type FeedSource, float32Feeds } from '../data/feeds.ts';
import { weighedBatches } from '../data/whole-batches.ts';
import type { Engine, Tensors } from '../engine/engine.ts';
import { DataError } from '../errors/errors.ts';
import { constantsOf, replaceConstants } from '../graph/constants.ts';
import { asFloat32 } from '../graph/passes/widen-floats.ts';
import { tensorOf } from '../ir/access.ts';
import type { Constant, Model } from '../ir/model.ts';
import type { RunOptions } from '../progress/progress.ts';
import { testedFeeds } from '../samples/tested-feeds.ts';
import { random, sampleWithoutReplacement } from '../tensor/random.ts';
import {
  type ChannelStatistics,
  hasConstants,
  measureStatistics,
  RESTORE_EPSILON,
  type Site,
  type Statistics,
} from './batch-statistics.ts';
import { type OwnConvolution, ownConvolution, vectorOf, withChannels } from './convolution-channels.ts';
import { narrowLike } from './narrow-floats.ts';

/** Options of {@link recalibrate}. */
export interface RecalibrateOptions extends RunOptions {
  readonly engine: Engine;
  /** Calibration samples; their labels are not used. */
  readonly source: FeedSource;
  readonly samples?: number;
  readonly batch?: number;
  readonly seed?: number;
}

/** Defaults of {@link recalibrate}. */
export const RECALIBRATE_DEFAULTS = { samples: 2000, batch: 200, seed: 1 } as const;

/** The default batch shrinks for large inputs, down to a few samples, so that all activations of a batch fit in memory. */
const ELEMENTS_A_BATCH = 2_000_000;
const LEAST_BATCH = 25;

/** What {@link recalibrate} gives back. */
export interface Recalibrated {
  readonly model: Model;
  /** Calibration samples used. */
  readonly samples: number;
  /** Layers with new running statistics, and convolutions with corrected scale and shift. */
  readonly normalizations: number;
  readonly corrections: number;
}

/**
 * Re-estimates what pruning put out of tune: the running mean and variance of every BatchNormalization, and, where a
 * convolution has none behind it (folded models), a scale and shift for each of its channels that bring mean and
 * variance back to the dense model's. Zeros stay zeros; the weights of corrected channels are scaled as a whole.
 *
 * Running statistics are those of the dense model, changed by what pruning changed, not replaced: both models are measured
 * on the same samples, and
 *
 *   variance := variance * pruned / dense      mean := pruned mean + (mean - dense mean) * sqrt(pruned / dense variance)
 *
 * so that samples unlike those the model was trained on (no augmentation, fewer of them) do no harm: an unpruned model
 * stays as it is.
 *
 * @param pruned  the model to tune
 * @param dense   the model before pruning, for the folded case
 * @throws DataError if there is no sample
 * Cost: two forward passes a sample, three where only some convolutions have a BatchNormalization behind them. Deterministic given `seed`.
 */
export async function recalibrate(pruned: Model, dense: Model, options: RecalibrateOptions): Promise<Recalibrated> {
  return (await recalibrator(dense, options))(pruned);
}

/**
 * {@link recalibrate} for several prunings of one model: it is measured once.
 *
 * Cost: the dense model's forward passes now, the pruned one's at each call.
 */
export async function recalibrator(
  dense: Model,
  options: RecalibrateOptions,
): Promise<(pruned: Model) => Promise<Recalibrated>> {
  const single = asFloat32(dense);
  if (single === dense) return float32Recalibrator(dense, options);
  const tune = await float32Recalibrator(single, { ...options, source: float32Feeds(options.source) });
  return async (pruned) => {
    const tuned = await tune(asFloat32(pruned));
    return { ...tuned, model: narrowLike(pruned, tuned.model) };
  };
}

/** {@link recalibrator} of models whose floats are all float32. */
async function float32Recalibrator(
  dense: Model,
  options: RecalibrateOptions,
): Promise<(pruned: Model) => Promise<Recalibrated>> {
  const { engine } = options;
  const batches = await batchesOf({ ...options, source: await testedFeeds(engine, dense, options.source) });
  const measured = (batchNorm: 'stored' | 'batch') =>
    measureStatistics({
      engine,
      model: dense,
      batches: batches.passes('dense model'),
      weights: batches.weights,
      batchNorm,
    });
  const before = await measured('batch');
  const hasBare = before.sites.some((site) => site.kind === 'bare');
  const hasNorm = before.sites.some((site) => site.kind === 'norm');
  const restored = hasBare && hasNorm ? (await measured('stored')).statistics : before.statistics;
  return async (pruned) => {
    const after = await measureStatistics({
      engine,
      model: pruned,
      batches: batches.passes('pruned model'),
      weights: batches.weights,
      batchNorm: 'batch',
      ...(hasBare ? { restore: restored } : {}),
    });
    return {
      ...changed(pruned, { dense, sites: after.sites, before: before.statistics, restored, now: after.statistics }),
      samples: batches.samples,
    };
  };
}

interface Change {
  readonly dense: Model;
  readonly sites: readonly Site[];
  /** Of the dense model, with batch statistics and as it runs. */
  readonly before: Statistics;
  readonly restored: Statistics;
  readonly now: Statistics;
}

/** The pruned model with its statistics, scales and shifts brought back. */
function changed(
  pruned: Model,
  { dense, sites, before, restored, now: measured }: Change,
): Omit<Recalibrated, 'samples'> {
  const statistics = new Map<string, Constant>();
  const tuned = { normalizations: 0, corrections: 0 };
  let model = pruned;
  for (const site of sites) {
    const now = measured.get(site.value);
    const then = (site.kind === 'norm' ? before : restored).get(site.value);
    if (then === undefined || now === undefined) continue;
    if (site.kind === 'norm') tuned.normalizations += setRunning({ pruned, dense }, site, { now, then }, statistics);
    else {
      const own = ownConvolution(pruned, site.node);
      if (own === null) continue;
      tuned.corrections++;
      model = withChannels(model, own, correction(own, { then, now }));
    }
  }
  return { model: { ...model, graph: replaceConstants(model.graph, statistics) }, ...tuned };
}

async function batchesOf({ source, signal, onProgress, ...options }: RecalibrateOptions): Promise<{
  samples: number;
  weights: readonly number[];
  passes: (what: string) => () => AsyncGenerator<Tensors>;
}> {
  const wanted = Math.min(options.samples ?? RECALIBRATE_DEFAULTS.samples, source.count);
  if (wanted === 0) throw new DataError('Cannot recalibrate: wanted at least one sample, the data has none');
  const batch = source.fixedBatch ?? Math.min(options.batch ?? (await fittingBatch(source)), wanted);
  const rng = random(options.seed ?? RECALIBRATE_DEFAULTS.seed).fork('recalibrate');
  const runs = weighedBatches(sampleWithoutReplacement(rng, source.count, wanted), batch);
  const passes = (what: string) =>
    async function* (): AsyncGenerator<Tensors> {
      for (const [i, { indices }] of runs.entries()) {
        signal?.throwIfAborted();
        yield (await source.feeds(indices)).inputs;
        const done = Math.min((i + 1) * batch, wanted);
        onProgress?.({ step: `recalibration, ${what}`, done, total: wanted, unit: 'samples' });
      }
    };
  return { samples: wanted, weights: runs.map(({ weight }) => weight), passes };
}

async function fittingBatch(source: FeedSource): Promise<number> {
  if (source.count === 0) return RECALIBRATE_DEFAULTS.batch;
  const elements = elementsOf(await source.feeds([0]));
  return Math.max(
    LEAST_BATCH,
    Math.min(RECALIBRATE_DEFAULTS.batch, Math.floor(ELEMENTS_A_BATCH / Math.max(elements, 1))),
  );
}

/** Those of the dense model, changed: the pruned one may have been recalibrated, or trained, before. */
function setRunning(
  { pruned, dense }: { readonly pruned: Model; readonly dense: Model },
  { node }: Site,
  { now, then }: { now: ChannelStatistics; then: ChannelStatistics },
  replacements: Map<string, Constant>,
): number {
  const [, , , meanName, varianceName] = node.inputs as [string, string, string, string, string];
  if (!hasConstants(pruned, [meanName, varianceName]) || replacements.has(meanName) || replacements.has(varianceName))
    return 0;
  const stored = hasConstants(dense, [meanName, varianceName]) ? dense : pruned;
  const [mean, variance] = [running(stored, meanName), running(stored, varianceName)];
  const gains = mean.map((_, c) => ratio(now.variance[c] as number, then.variance[c] as number));
  replacements.set(
    meanName,
    vectorOf(
      mean.map((x, c) => (now.mean[c] as number) + (x - (then.mean[c] as number)) * Math.sqrt(gains[c] as number)),
    ),
  );
  replacements.set(varianceName, vectorOf(variance.map((x, c) => x * (gains[c] as number))));
  return 1;
}

/** Stored running statistics. */
function running(model: Model, name: string): Float64Array {
  return Float64Array.from(tensorOf(constantsOf(model.graph).get(name) as Constant).data as ArrayLike<number>);
}

/** A channel that never varied in the dense model has no ratio: it is left as it is. */
function ratio(now: number, then: number): number {
  return then > 0 ? now / then : 1;
}

/**
 * W_c := g W_c, b_c := (b_c - mean') g + mean, g = sqrt((variance + eps) / (variance' + eps)): what the way through
 * the restored network did to channel c, folded into the convolution. Channels that became constant only shift.
 */
function correction(
  { bias }: OwnConvolution,
  { then, now }: { then: ChannelStatistics; now: ChannelStatistics },
): { gain: Float64Array; bias: Float64Array } {
  const gain = now.variance.map((v, c) =>
    v > RESTORE_EPSILON ? Math.sqrt((then.variance[c] as number) / (v + RESTORE_EPSILON)) : 1,
  );
  const shifted = now.mean.map((mean, c) => ((bias?.[c] ?? 0) - mean) * (gain[c] as number) + (then.mean[c] as number));
  return { gain, bias: shifted };
}
