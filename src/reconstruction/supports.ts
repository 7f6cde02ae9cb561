import { type Constraint, projection } from '../constraints/constraint.ts';
import type { Linalg } from '../engine/linalg.ts';
import { filled } from '../tensor/filled.ts';
import { type MapProblem, outputVariance, problemOf } from './layer-problem.ts';
import { distance, type LayerProblem, type Multipliers, solveLayer } from './least-squares.ts';
import { type LinearMap, toMatrix } from './linear-map.ts';
import type { Moments } from './moments.ts';
import { STAGE_STEPS } from './pace.ts';

/** A layer as the stages see it. */
export interface SolvableLayer {
  readonly problem: LayerProblem;
  /** Of each map of the problem. */
  readonly facts: readonly MapFacts[];
  /** In the layer's order. */
  readonly dense: Float32Array;
}

interface MapFacts {
  /** diag(H^-1), [groups, inputs]. */
  readonly inverse: Float64Array;
  /** Of the outputs. */
  readonly variance: number;
}

/** A layer with what was measured of its inputs in the dense model. */
export interface MeasuredLayer {
  readonly maps: readonly LinearMap[];
  /** Of each map; not needed any more afterwards. */
  readonly moments: readonly Moments[];
  /** Its weights in the dense model, in its order. */
  readonly dense: Float32Array;
}

/**
 * A layer's problem.
 *
 * @returns null if its inputs are not finite
 */
export async function layerProblem(
  algebra: Linalg,
  { maps, moments, dense }: MeasuredLayer,
  ridge: number,
): Promise<LayerProblem | null> {
  const parts: (MapProblem & { share: number })[] = [];
  for (const [i, map] of maps.entries()) {
    const own = { map, W: toMatrix(map, dense) };
    const problem = await problemOf(algebra, own, moments[i] as Moments, ridge);
    if (problem === null) return null;
    const share = maps.length === 1 ? 1 : 1 / (await outputVariance(algebra, own, moments[i] as Moments));
    parts.push({ ...problem, share });
  }
  return { parts };
}

/**
 * A layer's problem with what its scores need.
 *
 * @returns null if its inputs are not finite, or degenerate
 * Cost: groups x inputs^3 / 3 a map.
 */
export async function solvableLayer(
  algebra: Linalg,
  layer: MeasuredLayer,
  ridge: number,
): Promise<SolvableLayer | null> {
  const problem = await layerProblem(algebra, layer, ridge);
  if (problem === null) return null;
  const facts: MapFacts[] = [];
  for (const [i, { map, H }] of problem.parts.entries()) {
    const inverse = await H.inverseDiagonal();
    if (inverse === null || !inverse.every((x) => x > 0 && Number.isFinite(x))) return null;
    const own = { map, W: toMatrix(map, layer.dense) };
    facts.push({ inverse, variance: await outputVariance(algebra, own, layer.moments[i] as Moments) });
  }
  return { problem, facts, dense: layer.dense };
}

/** What {@link chooseSupports} is asked for. */
export interface SupportsRequest {
  readonly layers: readonly SolvableLayer[];
  /** What an error of each layer costs, as a share of the variance of its outputs; null = all the same. */
  readonly costs: readonly number[] | null;
  /** Sets that close in on the budget. */
  readonly constraints: readonly Constraint[];
  readonly signal?: AbortSignal;
}

/** What {@link chooseSupports} gives back. */
export interface ChosenSupports {
  /** Of each layer: 1 = kept. */
  readonly supports: readonly Uint8Array[];
  /** The weights of each layer on it. */
  readonly weights: readonly Float32Array[];
  /** Of each layer tr((W - V) H (W - V)') / variance of its outputs. */
  readonly errors: readonly number[];
}

/** Conjugate gradient steps after each support, and the residual that ends them early. */
const STEPS = { iterations: STAGE_STEPS, tolerance: 3e-2 };

/**
 * The support of all layers together: in stages, the weights whose loss the others of their row can best make up for are
 * removed, and the others are solved again. A layer's error counts as a share of the variance of its outputs, times its cost.
 *
 *   score = cost w^2 sum over maps of 1 / (diag(H^-1) variance)     H^-1 of the whole row, not of what is left of it
 *
 * Of a weight that is used in several ways the sum is a lower bound: each use's row makes up for it by itself, as if the others could be
 * chosen for that use alone.
 *
 * Cost: stages x 5 x groups x outputs x inputs^2.
 */
export async function chooseSupports(request: SupportsRequest): Promise<ChosenSupports> {
  const { layers, costs, constraints, signal } = request;
  const weights = layers.map(({ dense }) => dense.slice());
  const p = weights.reduce((sum, { length }) => sum + length, 0);
  let supports: Uint8Array[] = partsOf(new Uint8Array(p), weights);
  const roots = new Float32Array(p); // of the scores: in the order of those, and a sort by bits takes floats
  const scores = partsOf(roots, weights);
  const left: Multipliers = new Map();
  for (const constraint of constraints) {
    for (const [i, layer] of layers.entries())
      putScores(layer, weights[i] as Float32Array, scores[i] as Float32Array, costs?.[i] ?? 1);
    supports = partsOf(projection(constraint, roots), weights);
    for (const [i, { problem }] of layers.entries()) {
      signal?.throwIfAborted();
      const [W, support] = [weights[i] as Float32Array, supports[i] as Uint8Array];
      await solveLayer(problem, { W, support, ...STEPS, left });
    }
  }
  const errors: number[] = [];
  for (const [i, layer] of layers.entries()) errors.push(await errorOf(layer, weights[i] as Float32Array));
  return { supports, weights, errors };
}

/** The roots of the scores of a layer's weights, in its order. */
function putScores({ problem, facts }: SolvableLayer, W: Float32Array, into: Float32Array, cost: number): void {
  into.fill(0);
  for (const [m, { map }] of problem.parts.entries()) {
    const { inverse, variance } = facts[m] as MapFacts;
    const { groups, outputs, inputs, places } = map;
    const factors = filled(new Float64Array(inverse.length), (i) => cost / variance / (inverse[i] as number));
    for (let row = 0, k = 0; row < groups * outputs; row++) {
      const first = Math.floor(row / outputs) * inputs;
      for (let i = first; i < first + inputs; i++, k++) {
        const at = places === null ? k : (places[k] as number);
        (into[at] as number) += (factors[i] as number) * (W[at] as number) ** 2;
      }
    }
  }
  for (let k = 0; k < into.length; k++) into[k] = Math.sqrt(into[k] as number);
}

/** tr((W - V) H (W - V)') / variance of the outputs, the mean over the layer's maps. */
async function errorOf({ problem, facts, dense }: SolvableLayer, W: Float32Array): Promise<number> {
  let total = 0;
  for (const [m, part] of problem.parts.entries()) {
    const { variance } = facts[m] as MapFacts;
    total += (await distance(part, toMatrix(part.map, W), toMatrix(part.map, dense))) / variance;
  }
  return total / Math.max(1, problem.parts.length);
}

/** What of an array over all layers belongs to each of them; shared, not copied. */
function partsOf<T extends Uint8Array | Float32Array>(all: T, layers: readonly ArrayLike<number>[]): T[] {
  let start = 0;
  return layers.map(({ length }) => {
    start += length;
    return all.subarray(start - length, start) as T;
  });
}
