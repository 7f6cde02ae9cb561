import { readWeightsNarrow, writeWeights } from '../apply/weights.ts';
import type { Constraint } from '../constraints/constraint.ts';
import { activationElements } from '../curvature/gradient-program.ts';
import { elementsOf, type FeedSource, widenFeeds } from '../data/feeds.ts';
import { type WeighedBatch, weighedBatches } from '../data/whole-batches.ts';
import { liftAndCapture } from '../engine/capture.ts';
import type { Engine, Tensors } from '../engine/engine.ts';
import { type Linalg, linalg } from '../engine/linalg.ts';
import { DataError, UnsupportedOpError } from '../errors/errors.ts';
import { widenFloats } from '../graph/passes/widen-floats.ts';
import { findWeights, type WeightLayer } from '../graph/weights.ts';
import type { Model } from '../ir/model.ts';
import { floatHeadsOf } from '../outputs/decide.ts';
import type { RunOptions } from '../progress/progress.ts';
import { type Recall, WITHOUT_RECALL } from '../progress/recall.ts';
import { testedFeeds } from '../samples/tested-feeds.ts';
import { measuredShape } from './kept-inputs.ts';
import { keptSupports, supportsIn } from './kept-supports.ts';
import { costMeter, type MeasureCosts } from './layer-costs.ts';
import { solveLayer } from './least-squares.ts';
import { type LinearMap, linearMaps, positionsIn } from './linear-map.ts';
import { type MeasuredMap, measureMoments } from './moments.ts';
import { COST_ROUNDS, type CountedMap, type Pace, paceOf, someOf } from './pace.ts';
import { refitTied } from './refit-tied.ts';
import { drawnSamples, partsOf, type Samples } from './samples.ts';
import { type ChosenSupports, chooseSupports, layerProblem, type SolvableLayer, solvableLayer } from './supports.ts';
import { tiedRuns } from './tied-runs.ts';

/** What {@link reconstruct} is asked for. */
export interface ReconstructionRequest extends RunOptions {
  readonly engine: Engine;
  readonly model: Model;
  readonly layers: readonly WeightLayer[];
  /** Samples; labels are not used. */
  readonly source: FeedSource;
  /** Sets of weights of some of the layers that close in on the budget; the last one is what was asked for. */
  readonly constraintsOf: (layers: readonly WeightLayer[]) => readonly Constraint[];
  /** Samples to look at; all of them where there are fewer. */
  readonly samples: number;
  /** Ridge towards the dense weights, in units of the inputs' mean square. */
  readonly ridge: number;
  readonly seed: number;
  readonly threads?: number;
  /** Whether weights of several uses are refitted through the model; default true. */
  readonly refits?: boolean;
  /** Of the costs, the supports and each layer; default: none are kept. */
  readonly recall?: Recall;
}

/** What {@link reconstruct} gives back. */
export interface Reconstructed {
  readonly model: Model;
  /** The layers that were solved. */
  readonly layers: readonly WeightLayer[];
  /** Those left as they are, and why. */
  readonly blocked: readonly BlockedLayer[];
  readonly samples: number;
  /** Mean over the layers of |Y - Y_pruned|^2 / |Y - mean Y|^2 on the dense model's inputs. */
  readonly error: number;
  readonly seconds: { readonly moments: number; readonly solve: number };
}

/** A layer that cannot be solved. */
export interface BlockedLayer {
  readonly layer: WeightLayer;
  readonly reason: string;
}

/** Conjugate gradient steps on the final support. */
const FINAL_STEPS = 25;
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
 * 3. Weights of several uses, a little further through the whole model ({@link refitTied}).
 *
 * A layer that cannot be solved (a use of it is no linear map, or its inputs are not finite) is left as it is; the budget is then one of the others.
 *
 * @throws UnsupportedOpError  if none of the layers can be solved
 * @throws DataError           if there is no sample
 * Cost: a forward pass a sample for all layers, 200 for each layer, twice; then two a sample up to each layer; p x inputs a conjugate gradient step. Memory: inputs^2 a
 * layer, three times over, or the inputs seen where those are fewer. Deterministic given `seed`.
 * Source: Optimal Brain Surgeon for the scores, ALPS for the conjugate gradients; their combination is ours (docs/experiments.md).
 */
export async function reconstruct(request: ReconstructionRequest): Promise<Reconstructed> {
  const started = performance.now();
  const { engine, threads, signal, onProgress, ridge, recall = WITHOUT_RECALL } = request;
  const algebra = linalg(engine.host ?? engine, threads);
  const prepared = await prepare(request);
  const { model, batches, samples } = prepared;
  const heads = await floatHeadsOf(model, { engine, source: prepared.source });
  const runs = { engine, ...(threads !== undefined && { threads }) };
  const { fitted: first, judged } = partsOf(samples, prepared.unit);
  const pace = paceOf(
    prepared.mapped.flatMap(({ maps }) => maps),
    { stages: request.constraintsOf(request.layers).length, samples: first.to },
  );
  const fitted = { from: 0, to: Math.min(first.to, prepared.unit * Math.ceil(pace.samples / prepared.unit)) };
  const { solvable, blocked } = await solvableLayers(algebra, request, { ...prepared, fitted });
  const moments = (performance.now() - started) / 1000;
  const layers = solvable.map(({ layer }) => layer);
  const meter = {
    ...runs,
    model,
    heads,
    layers,
    ...ranOn(prepared, judged),
    batches: () => batches(judged, null),
    recall,
  };
  const choice = { layers: solvable, pace, constraints: request.constraintsOf(layers) };
  const chosen = supportsIn(
    await recall('supports', async () =>
      keptSupports(await supportsOf(request, { ...choice, measureCosts: await costMeter(meter) })),
    ),
    layers.length,
  );
  const all = { from: 0, to: samples };
  let pruned = solvable.reduce(
    (into, { layer }, i) => writeWeights(into, [layer], chosen.weights[i] as Float32Array),
    model,
  );
  for (const [i, { layer, maps, dense }] of solvable.entries()) {
    signal?.throwIfAborted();
    onProgress?.({ step: 'layers', done: i, total: solvable.length, unit: 'layers' });
    const W = chosen.weights[i] as Float32Array;
    const before = pruned;
    const solved = await recall(`layer ${i}`, async () => {
      const asked = {
        ...runs,
        model: before,
        other: model,
        maps,
        ...ranOn(prepared, all),
        batches: batches(all, null),
      };
      const problem = await layerProblem(algebra, { maps, dense, moments: await measureMoments(asked) }, ridge);
      const support = chosen.supports[i] as Uint8Array;
      if (problem !== null) await solveLayer(problem, { W, support, iterations: FINAL_STEPS });
      return new Map([['weights', W]]);
    });
    W.set(solved.get('weights') as Float32Array);
    pruned = writeWeights(pruned, [layer], W);
  }
  const tied = solvable.flatMap(({ maps }, i) => (maps.flatMap(({ uses }) => uses).length > 1 ? [i] : []));
  const refitted = await recall('tied layers', async () => {
    const asked = { ...runs, dense: model, pruned, layers: tied.map((i) => layers[i] as WeightLayer) };
    const plan = tied.length === 0 || request.refits === false ? null : tiedRuns(prepared, { fitted: first, judged });
    const found = plan && (await refitTied({ ...asked, ...plan, source: prepared.source, ...(signal && { signal }) }));
    return new Map((found ?? []).map((W, i) => [`weights ${i}`, W]));
  });
  for (const [i, at] of tied.entries()) {
    const W = refitted.get(`weights ${i}`);
    if (W !== undefined) chosen.weights[at]?.set(W);
  }
  onProgress?.({ step: 'layers', done: solvable.length, total: solvable.length, unit: 'layers' });
  return {
    model: layers.reduce(
      (into, layer, i) => writeWeights(into, [layer], chosen.weights[i] as Float32Array),
      request.model,
    ),
    layers,
    blocked,
    samples: Math.min(request.samples, prepared.source.count),
    error: chosen.errors.reduce((sum, error) => sum + error, 0) / chosen.errors.length,
    seconds: { moments, solve: (performance.now() - started) / 1000 - moments },
  };
}

/** A layer with its maps, and what is known of it. */
type PreparedLayer = SolvableLayer & { readonly layer: WeightLayer; readonly maps: readonly MeasuredMap[] };

/** The layers that can be solved, by what the dense model shows them; and the others. @throws UnsupportedOpError if there is none */
async function solvableLayers(
  algebra: Linalg,
  { engine, threads, ridge, signal }: ReconstructionRequest,
  { model, mapped, batches, weightsOf, fitted, ...found }: Prepared & { readonly fitted: Samples },
): Promise<{ solvable: PreparedLayer[]; blocked: BlockedLayer[] }> {
  const blocked = [...found.blocked];
  const solvable: PreparedLayer[] = [];
  const maps = mapped.flatMap((layer) => layer.maps);
  const asked = {
    engine,
    model,
    maps,
    batches: batches(fitted, 'dense model'),
    weights: weightsOf(fitted),
    ...(threads !== undefined && { threads }),
  };
  const measured = maps.length === 0 ? [] : await measureMoments(asked);
  for (const { layer, maps: own } of mapped) {
    signal?.throwIfAborted();
    const dense = narrow(readWeightsNarrow(model, [layer]));
    const solved = await solvableLayer(algebra, { maps: own, moments: measured.splice(0, own.length), dense }, ridge);
    if (solved === null) blocked.push({ layer, reason: 'what it is multiplied by is not finite, or too large' });
    else solvable.push({ ...solved, layer, maps: own });
  }
  if (solvable.length === 0) {
    const list = blocked.map(({ layer, reason }) => `"${layer.name}": ${reason}`).join('; ');
    throw new UnsupportedOpError(
      `Cannot reconstruct the outputs of any layer (${list}); use a method that does not solve layers`,
      {
        fields: { weights: blocked.map(({ layer }) => layer.name) },
        remedies: [{ option: 'method', value: 'magnitude' }],
      },
    );
  }
  return { solvable, blocked };
}

interface Choice {
  readonly layers: readonly SolvableLayer[];
  readonly pace: Pace;
  readonly constraints: readonly Constraint[];
  readonly measureCosts: MeasureCosts;
}

/** Supports by costs that are measured on supports chosen in a few of the stages: first with all costs the same. */
async function supportsOf(
  { signal, onProgress }: ReconstructionRequest,
  { layers, pace, constraints, measureCosts }: Choice,
): Promise<ChosenSupports> {
  const few = someOf(constraints, pace.costStages);
  const choose = (costs: readonly number[] | null, stages: readonly Constraint[]): Promise<ChosenSupports> =>
    chooseSupports({ layers, costs, constraints: stages, ...(signal && { signal }) });
  let costs: number[] | null = null;
  const total = COST_ROUNDS * layers.length;
  for (let round = 0; round < COST_ROUNDS; round++) {
    const chosen = await choose(costs, few);
    costs = await measureCosts(chosen, (done) =>
      onProgress?.({ step: 'costs', done: round * layers.length + done, total, unit: 'layers' }),
    );
  }
  return choose(costs, someOf(constraints, pace.stages));
}

/** What layers are measured with. */
export interface Prepared {
  /** In float32, at opset 17 or later. */
  readonly model: Model;
  /** Samples as that model takes them. */
  readonly source: FeedSource;
  readonly mapped: readonly { readonly layer: WeightLayer; readonly maps: readonly (MeasuredMap & CountedMap)[] }[];
  readonly blocked: readonly BlockedLayer[];
  readonly samples: number;
  /** Runs take multiples of so many samples; with few samples all are needed for all. */
  readonly unit: number;
  readonly batches: (samples: Samples, what: string | null) => AsyncGenerator<Tensors>;
  /** Those of one run. */
  readonly inputs: (samples: Samples) => Promise<Tensors>;
  /** Samples of a run, and whether a run is of so many always. */
  readonly batch: number;
  readonly isFixed: boolean;
  /** Multiply-adds of the layers on one sample. */
  readonly macs: number;
  /** Numbers in all values of one sample. */
  readonly numbers: number;
  /** What each of those batches counts. */
  readonly weightsOf: (samples: Samples) => number[];
}

function ranOn({ weightsOf }: Prepared, samples: Samples): { weights: number[] } {
  return { weights: weightsOf(samples) };
}

/** The model in float32, its samples in batches, and its layers as maps. */
export async function prepare(
  request: Pick<ReconstructionRequest, 'engine' | 'model' | 'layers' | 'source' | 'samples' | 'seed'> & RunOptions,
): Promise<Prepared> {
  const { engine, layers, seed, signal, onProgress } = request;
  const widened = widenFloats(request.model);
  const tested = await testedFeeds(engine, request.model, request.source);
  const source = widened === request.model ? tested : widenFeeds(tested);
  const wanted = Math.min(request.samples, source.count);
  if (wanted < 1) throw new DataError('Cannot reconstruct layers: wanted at least one sample, the data has none');
  const drawn = drawnSamples(source, wanted, seed);
  const runs = source.fixedBatch === null ? null : leastFirst(weighedBatches(drawn, source.fixedBatch));
  const order = runs === null ? drawn : Int32Array.from(runs.flatMap(({ indices }) => Array.from(indices)));
  const first = await source.feeds(order.subarray(0, source.fixedBatch ?? 1));
  const most = Math.max(1, Math.min(SAMPLES_A_RUN, Math.floor(NUMBERS_A_RUN / elementsOf(first))));
  const batch = source.fixedBatch ?? Math.ceil(wanted / Math.ceil(wanted / most));
  const samples = order.length;
  const { model, captured } = await liftAndCapture(engine, widened, first.inputs, source.fixedBatch === null);
  const counted = source.fixedBatch ?? 1;
  const found = findWeights(model, captured, counted).prunable;
  const uses = new Map(found.map((layer) => [layer.name, layer.uses]));
  const mapped: { layer: WeightLayer; maps: (MeasuredMap & CountedMap)[] }[] = [];
  const blocked: BlockedLayer[] = [];
  for (const layer of layers) {
    const maps = linearMaps(layer, { uses: uses.get(layer.name) ?? layer.uses, captured });
    if (layer.alsoReadBy !== undefined)
      blocked.push({ layer, reason: `${layer.alsoReadBy} reads it too, which is no linear map of it` });
    else if (maps === null)
      blocked.push({ layer, reason: `what ${layer.op} makes of it is not solved as a linear map` });
    else
      mapped.push({ layer, maps: maps.map((map) => measuredMap(map, samples, positionsIn(map, captured, counted))) });
  }
  return {
    model,
    source,
    mapped,
    blocked,
    samples,
    batch,
    isFixed: runs !== null,
    macs: found.reduce((sum, { size, macsPerWeight }) => sum + size * (macsPerWeight ?? 1), 0),
    numbers: activationElements(captured) / counted,
    inputs: async ({ from, to }) => (await source.feeds(order.subarray(from, to))).inputs,
    unit: wanted < 2 * (source.fixedBatch ?? 0) ? samples : (source.fixedBatch ?? 1),
    weightsOf: ({ from, to }) =>
      Array.from({ length: Math.ceil((to - from) / batch) }, (_, i) => runs?.[from / batch + i]?.weight ?? 1),
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

/** Batches of repeated samples in front: what judges is at the end, and better of samples that are all different. */
function leastFirst(batches: readonly WeighedBatch[]): WeighedBatch[] {
  return [...batches].sort((a, b) => a.weight - b.weight);
}

function narrow(values: Float32Array | Float64Array): Float32Array {
  return values instanceof Float32Array ? values : new Float32Array(values);
}

function measuredMap(map: LinearMap, samples: number, positions: number): MeasuredMap & CountedMap {
  return { ...map, positions, ...measuredShape({ inputs: map.inputs, positions, samples }) };
}
