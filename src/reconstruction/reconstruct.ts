import { readWeights, writeWeights } from '../apply/weights.ts';
import type { Constraint } from '../constraints/constraint.ts';
import { elementsOf, type FeedSource, wholeBatches, widenFeeds } from '../data/feeds.ts';
import { liftAndCapture } from '../engine/capture.ts';
import type { Engine, Tensors } from '../engine/engine.ts';
import { type Linalg, linalg } from '../engine/linalg.ts';
import { DataError } from '../errors/errors.ts';
import { widenFloats } from '../graph/passes/widen-floats.ts';
import { findWeights, type WeightLayer } from '../graph/weights.ts';
import type { Model } from '../ir/model.ts';
import type { RunOptions } from '../progress/progress.ts';
import { testedFeeds } from '../samples/tested-feeds.ts';
import { random, sampleWithoutReplacement } from '../tensor/random.ts';
import { costMeter, type MeasureCosts } from './layer-costs.ts';
import { type LinearMap, linearMaps, type Thinned } from './layer-inputs.ts';
import { type DenseLayer, problemOf } from './layer-problem.ts';
import { solveOnSupport } from './least-squares.ts';
import { type Moments, measureMoments } from './moments.ts';
import { type ChosenSupports, chooseSupports, type SolvableLayer, solvableLayers } from './supports.ts';

/** What {@link reconstruct} is asked for. */
export interface ReconstructionRequest extends RunOptions {
  readonly engine: Engine;
  readonly model: Model;
  readonly layers: readonly WeightLayer[];
  /** Samples; labels are not used. */
  readonly source: FeedSource;
  /** Sets that close in on the budget; the last one is what was asked for. */
  readonly constraints: readonly Constraint[];
  /** Samples to look at; all of them where there are fewer. */
  readonly samples: number;
  /** Ridge towards the dense weights, in units of the inputs' mean square. */
  readonly ridge: number;
  readonly seed: number;
  readonly threads?: number;
}

/** What {@link reconstruct} gives back. */
export interface Reconstructed {
  readonly model: Model;
  /** The pruned weights, [p], in the order of the layers. */
  readonly w: Float64Array;
  readonly samples: number;
  /** Mean over the layers of |Y - Y_pruned|^2 / |Y - mean Y|^2 on the dense model's inputs. */
  readonly error: number;
  readonly seconds: { readonly moments: number; readonly solve: number };
}

/** How often the layers' costs are measured, each time by the supports chosen before. */
const COST_ROUNDS = 2;
/** Stages that those supports are chosen in. */
const COST_STAGES = 10;
/** Samples set aside for that: a share, and as many as are used. */
const JUDGED_SHARE = 0.25;
const MOST_JUDGED = 200;
/** Conjugate gradient steps on the final support. */
const FINAL_STEPS = 25;
/** Positions that a layer is solved on at least, where there are as many, for each weight of an output. */
const POSITIONS_AN_INPUT = 100;
/** Samples of one run, bounded by the numbers in their inputs. */
const SAMPLES_A_RUN = 50;
const NUMBERS_A_RUN = 2_000_000;

/**
 * Prunes layer by layer: each layer is to give, on calibration samples, the outputs that it gave before.
 *
 *   min |W X - W0 X|^2 + ridge mean(diag X X') |W - W0|^2     for each layer, at most k weights in all layers together
 *
 * 1. Supports, on the inputs of the dense model: weights with the smallest w^2 / diag(H^-1), as a share of the variance of
 *    their layer's outputs, go in stages, over all layers at once; after each the others are solved again. How much a layer's error counts is measured: what the
 *    layer, pruned alone, does to the model's outputs on samples set aside. So the budget, of weights or of MACs, finds its own way over the layers.
 * 2. Weights, layer after layer: solved on that support for the inputs that the pruned layers before it now give, towards
 *    the outputs of the dense model, so that errors do not add up.
 *
 * @throws UnsupportedOpError  if a layer is no linear map of its inputs
 * @throws DataError           if there is no sample, or the inputs of a layer are not finite
 * Cost: a forward pass a sample for all layers, 200 for each layer, twice; then two a sample up to each layer; p x inputs a conjugate gradient step. Memory: inputs^2 a
 * layer, three times over. Deterministic given `seed`.
 * Source: Optimal Brain Surgeon for the scores, ALPS for the conjugate gradients; their combination is ours (docs/experiments.md).
 */
export async function reconstruct(request: ReconstructionRequest): Promise<Reconstructed> {
  const started = performance.now();
  const { engine, layers, threads, signal, onProgress } = request;
  const algebra = linalg(engine.host ?? engine, threads);
  const { model, maps, batches, samples, unit } = await prepared(request);
  const dense = maps.map((map): DenseLayer => ({ map, W: Float32Array.from(readWeights(model, [map.layer])) }));
  const runs = { engine, ...(threads !== undefined && { threads }) };
  const { fitted, judged } = partsOf(samples, unit);
  const measured = await measureMoments({ ...runs, model, maps, batches: batches(fitted, 'dense model') });
  const moments = (performance.now() - started) / 1000;
  const chosen = await supportsOf(request, {
    algebra,
    layers: await solvableLayers({ ...request, algebra, dense, measured }),
    measureCosts: await costMeter({ ...runs, model, maps, batches: () => batches(judged, null) }),
  });
  const written = (into: Model, i: number): Model =>
    writeWeights(into, [(maps[i] as Thinned).layer], Float64Array.from(chosen.weights[i] as Float32Array));
  let pruned = maps.reduce((into, _, i) => written(into, i), model);
  for (const [i, map] of maps.entries()) {
    signal?.throwIfAborted();
    onProgress?.({ step: 'layers', done: i, total: maps.length, unit: 'layers' });
    const asked = {
      ...runs,
      model: pruned,
      other: model,
      maps: [map],
      batches: batches({ from: 0, to: samples }, null),
    };
    const [seen] = (await measureMoments(asked)) as [Moments];
    const problem = await problemOf(algebra, dense[i] as DenseLayer, seen, request.ridge);
    const W = chosen.weights[i] as Float32Array;
    const support = chosen.supports[i] as Uint8Array;
    await solveOnSupport(algebra, problem, { W, support, iterations: FINAL_STEPS });
    pruned = written(pruned, i);
  }
  onProgress?.({ step: 'layers', done: maps.length, total: maps.length, unit: 'layers' });
  const w = readWeights(pruned, layers);
  return {
    model: writeWeights(request.model, layers, w),
    w,
    samples: Math.min(samples, request.source.count),
    error: chosen.errors.reduce((sum, error) => sum + error, 0) / chosen.errors.length,
    seconds: { moments, solve: (performance.now() - started) / 1000 - moments },
  };
}

interface Choice {
  readonly algebra: Linalg;
  readonly layers: readonly SolvableLayer[];
  readonly measureCosts: MeasureCosts;
}

/** Supports by costs that are measured on supports chosen in a few of the stages: first with all costs the same. */
async function supportsOf(
  { constraints, signal, onProgress }: ReconstructionRequest,
  { algebra, layers, measureCosts }: Choice,
): Promise<ChosenSupports> {
  const every = Math.ceil(constraints.length / COST_STAGES);
  const few = constraints.filter((_, t) => (constraints.length - 1 - t) % every === 0);
  const choose = (costs: readonly number[] | null, stages: readonly Constraint[]): Promise<ChosenSupports> =>
    chooseSupports({ algebra, layers, costs, constraints: stages, ...(signal && { signal }) });
  let costs: number[] | null = null;
  const total = COST_ROUNDS * layers.length;
  for (let round = 0; round < COST_ROUNDS; round++) {
    const chosen = await choose(costs, few);
    costs = await measureCosts(chosen, (done) =>
      onProgress?.({ step: 'costs', done: round * layers.length + done, total, unit: 'layers' }),
    );
  }
  return choose(costs, constraints);
}

interface Prepared {
  /** In float32, at opset 17 or later. */
  readonly model: Model;
  readonly maps: readonly Thinned[];
  readonly samples: number;
  /** Runs take multiples of so many samples. */
  readonly unit: number;
  readonly batches: (samples: Samples, what: string | null) => AsyncGenerator<Tensors>;
}

/** Some of the samples. */
interface Samples {
  readonly from: number;
  readonly to: number;
}

async function prepared(request: ReconstructionRequest): Promise<Prepared> {
  const { engine, layers, seed, signal, onProgress } = request;
  const widened = widenFloats(request.model);
  const tested = await testedFeeds(engine, request.model, request.source);
  const source = widened === request.model ? tested : widenFeeds(tested);
  const wanted = Math.min(request.samples, source.count);
  if (wanted < 1) throw new DataError('Cannot reconstruct layers: wanted at least one sample, the data has none');
  const drawn = sampleWithoutReplacement(random(seed).fork('samples'), source.count, wanted);
  const order = source.fixedBatch === null ? drawn : wholeBatches(drawn, source.fixedBatch);
  const first = await source.feeds(order.subarray(0, source.fixedBatch ?? 1));
  const most = Math.max(1, Math.min(SAMPLES_A_RUN, Math.floor(NUMBERS_A_RUN / elementsOf(first))));
  const batch = source.fixedBatch ?? Math.ceil(wanted / Math.ceil(wanted / most));
  const samples = order.length;
  const { model, captured } = await liftAndCapture(engine, widened, first.inputs);
  const found = new Map(
    findWeights(model, captured, source.fixedBatch ?? 1).prunable.map((layer) => [layer.name, layer]),
  );
  const maps = linearMaps(layers.map((layer) => found.get(layer.name) ?? layer));
  return {
    model,
    maps: maps.map((map) => ({ ...map, step: stepOf(map, samples) })),
    samples,
    unit: source.fixedBatch ?? 1,
    batches: async function* ({ from, to }, what) {
      for (let at = from; at < to; at += batch) {
        signal?.throwIfAborted();
        const end = Math.min(at + batch, to);
        yield (await source.feeds(order.subarray(at, end))).inputs;
        if (what !== null) onProgress?.({ step: what, done: end - from, total: to - from, unit: 'samples' });
      }
    },
  };
}

/** Which samples supports are chosen on, and which tell what the layers' errors cost; the same ones where there are too few. */
function partsOf(samples: number, unit: number): { readonly fitted: Samples; readonly judged: Samples } {
  const whole = (count: number): number => unit * Math.ceil(count / unit);
  const cut = Math.max(0, samples - whole(JUDGED_SHARE * samples));
  return {
    fitted: { from: 0, to: cut > 0 ? cut : samples },
    judged: { from: cut, to: Math.min(samples, cut + whole(MOST_JUDGED)) },
  };
}

/** Every so manyth position of a sample is enough: neighbours say much the same. Prime to the width of a picture as a rule, being odd. */
function stepOf({ layer, inputs }: LinearMap, samples: number): number {
  const positions = layer.macsPerWeight ?? 1;
  const step = Math.floor((samples * positions) / (POSITIONS_AN_INPUT * inputs));
  return Math.max(1, Math.min(positions, step - (1 - (step % 2))));
}
