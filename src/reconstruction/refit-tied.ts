import { readWeightsNarrow } from '../apply/weights.ts';
import type { FeedSource } from '../data/feeds.ts';
import type { Engine, Tensors } from '../engine/engine.ts';
import { DataError, EngineError, UnsupportedOpError } from '../errors/errors.ts';
import { goalOf } from '../finetune/goal.ts';
import { type TrainingProgram, trainingProgram } from '../finetune/training-program.ts';
import { constantsOf, replaceConstants } from '../graph/constants.ts';
import type { WeightLayer } from '../graph/weights.ts';
import { constantOf, tensorOf } from '../ir/access.ts';
import type { Constant, Model } from '../ir/model.ts';
import { headsOf } from '../outputs/decide.ts';
import { outputUnits } from '../outputs/units.ts';
import { type Looked, lbfgs } from './lbfgs.ts';

/** What {@link refitTied} is asked for. */
export interface RefitRequest {
  readonly engine: Engine;
  /** In float32, at opset 17 or later. */
  readonly dense: Model;
  /** The same with the layers solved. */
  readonly pruned: Model;
  /** Those that are refitted. */
  readonly layers: readonly WeightLayer[];
  readonly source: FeedSource;
  /** Samples of a run, and what is to be fitted and what judges in whole runs: their inputs, and what each run counts. */
  readonly size: number;
  readonly fitted: readonly TiedRun[];
  readonly judged: readonly TiedRun[];
  /** Steps at most. */
  readonly steps: number;
  readonly signal?: AbortSignal;
}

/** One run's samples. */
export interface TiedRun {
  readonly weight: number;
  readonly inputs: () => Promise<Tensors>;
}

/** Gradients of more threads are added up in another order for each number of them. */
const ONE_THREAD = 1;
/** Samples that the unit of the outputs is taken over. */
const UNIT_SAMPLES = 128;
/** Steps without a gain on the samples that judge, after which there is none to come. */
const PATIENCE = 6;
/** Kept weights, of which so many steps are remembered, at most. */
export const MOST_KEPT = 2 ** 20;

/**
 * Weights that are used more than once, solved further through the whole model: their layer problem is the sum of those of their uses, each
 * on what the others leave of it, and does not see that a change in one use comes back in the next.
 *
 *   min over the kept weights of mean |z(w) - z(dense)|^2 / var z(dense)      z: all float outputs, or their logits
 *
 * By {@link lbfgs} on the gradient of the model, from the weights that the layers' problems gave; what judges is the same error on samples
 * that are not fitted, of which the lowest is kept.
 *
 * @returns the weights of each layer, in its order; null where none are better, or no gradient reaches them
 * Cost: a forward and a backward pass a sample and step, on one thread: deterministic, whatever the others have.
 */
export async function refitTied(request: RefitRequest): Promise<Float32Array[] | null> {
  const { pruned, layers } = request;
  const program = await programOf(request);
  if (program === null) return null;
  try {
    const kept = keptOf(request, program);
    if (kept.count === 0 || kept.count > MOST_KEPT) return null;
    const best = await descend(request, program, kept);
    if (best === null) return null;
    const values = kept.spread(best);
    const constants = constantsOf(pruned.graph);
    const changed = program.parameters.map(({ name }): [string, Constant] => {
      const { dims } = constants.get(name) as Constant;
      return [name, constantOf({ type: 'float32', dims, data: values.get(name) as Float32Array })];
    });
    const model = { ...pruned, graph: replaceConstants(pruned.graph, new Map(changed)) };
    return layers.map((layer) => Float32Array.from(readWeightsNarrow(model, [layer])));
  } finally {
    await program.release();
  }
}

/** The gradient of the error in the layers' weights; null where there is none. */
async function programOf(request: RefitRequest): Promise<TrainingProgram | null> {
  const { engine, dense, pruned, layers, source, size, fitted } = request;
  const runs = { engine, source, threads: ONE_THREAD };
  try {
    const { heads } = await headsOf(dense, runs);
    const units = await outputUnits(dense, heads, { ...runs, count: UNIT_SAMPLES });
    const teacher = { model: dense, share: 1, temperature: 1 };
    const goal = await goalOf(pruned, { engine, source, units, teacher });
    return await trainingProgram({
      ...goal.program,
      engine,
      only: new Set(layers.map(({ name }) => name)),
      feeds: await (fitted[0] as TiedRun).inputs(),
      samples: size,
      frozenStatistics: true,
      threads: ONE_THREAD,
    });
  } catch (thrown) {
    if ([UnsupportedOpError, DataError, EngineError].some((kind) => thrown instanceof kind)) return null;
    throw thrown;
  }
}

/** The point of the descent that judges best; null where the start does. */
async function descend(
  request: RefitRequest,
  program: TrainingProgram,
  kept: KeptWeights,
): Promise<Float64Array | null> {
  const look = (x: Float64Array): Promise<Looked> => meanOf(request, program, { runs: request.fitted, kept, x });
  const judge = async (x: Float64Array): Promise<number> =>
    (await meanOf(request, program, { runs: request.judged, kept, x })).value;
  let best: { x: Float64Array | null; error: number } = { x: null, error: await judge(kept.start) };
  let [step, since] = [0, 0];
  for await (const { x } of lbfgs(kept.start, look)) {
    const error = await judge(x);
    since = error < best.error ? 0 : since + 1;
    if (error < best.error) best = { x, error };
    if (++step >= request.steps || since >= PATIENCE) break;
  }
  return best.x;
}

/** The mean error over runs, and its gradient in the kept weights. */
async function meanOf(
  { signal }: RefitRequest,
  program: TrainingProgram,
  { runs, kept, x }: { runs: readonly TiedRun[]; kept: KeptWeights; x: Float64Array },
): Promise<Looked> {
  const values = kept.spread(x);
  const gradient = new Float64Array(kept.count);
  let [value, total] = [0, 0];
  for (const { weight, inputs } of runs) {
    signal?.throwIfAborted();
    const { gradients, losses } = await program.run(await inputs(), values);
    kept.add(gradients, gradient, weight);
    value += (weight * losses.reduce((sum, loss) => sum + loss, 0)) / losses.length;
    total += weight;
  }
  return { value: value / total, gradient: gradient.map((g) => g / total) };
}

/** The weights that stand, one after another. */
interface KeptWeights {
  readonly count: number;
  readonly start: Float64Array;
  /** All weights by parameter, as the file has them. */
  spread(x: Float64Array): Map<string, Float32Array>;
  /** Adds a weight's times the gradients, by parameter, to those of the kept weights. */
  add(gradients: readonly (Float32Array | null)[], into: Float64Array, weight: number): void;
}

function keptOf({ pruned, layers }: RefitRequest, { parameters }: TrainingProgram): KeptWeights {
  const constants = constantsOf(pruned.graph);
  const parts = parameters.map(({ name }) => {
    const stored = tensorOf(constants.get(name) as Constant).data as Float32Array;
    const own = layers.filter((layer) => layer.name === name);
    return { name, stored, places: Uint32Array.from(stored.keys()).filter((i) => own.length > 0 && stored[i] !== 0) };
  });
  const count = parts.reduce((sum, { places }) => sum + places.length, 0);
  const start = new Float64Array(count);
  let at = 0;
  for (const { stored, places } of parts) for (const i of places) start[at++] = stored[i] as number;
  return {
    count,
    start,
    spread: (x) => {
      let from = 0;
      return new Map(
        parts.map(({ name, stored, places }) => {
          const values = new Float32Array(stored.length);
          for (const i of places) values[i] = x[from++] as number;
          return [name, values];
        }),
      );
    },
    add: (gradients, into, weight) => {
      let to = 0;
      parts.forEach(({ places }, p) => {
        const gradient = gradients[p];
        for (const i of places) (into[to++] as number) += weight * (gradient?.[i] ?? 0);
      });
    },
  };
}
