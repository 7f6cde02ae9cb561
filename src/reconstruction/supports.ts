import type { Constraint } from '../constraints/constraint.ts';
import type { Linalg } from '../engine/linalg.ts';
import { DataError } from '../errors/errors.ts';
import { type DenseLayer, type LayerProblem, outputVariance, problemOf } from './layer-problem.ts';
import { distance, inverseDiagonal, solveOnSupport } from './least-squares.ts';
import type { Moments } from './moments.ts';

/** A layer as the stages see it. */
export interface SolvableLayer {
  readonly problem: LayerProblem;
  /** diag(H^-1), [groups, inputs]. */
  readonly inverse: Float64Array;
  /** Of the layer's outputs. */
  readonly variance: number;
  /** [groups, outputs, inputs]. */
  readonly dense: Float32Array;
}

/** What {@link solvableLayers} is asked for. */
export interface LayersRequest {
  readonly algebra: Linalg;
  /** All layers, in the order of the constraints' weights. */
  readonly dense: readonly DenseLayer[];
  /** Of each layer's inputs in the dense model. */
  readonly measured: readonly Moments[];
  readonly ridge: number;
  readonly signal?: AbortSignal;
}

/**
 * The layers' problems with what their scores need.
 *
 * @throws DataError if the inputs of a layer are not finite or degenerate
 * Cost: groups x inputs^3 / 3 a layer.
 */
export async function solvableLayers({
  algebra,
  dense,
  measured,
  ridge,
  signal,
}: LayersRequest): Promise<SolvableLayer[]> {
  const layers: SolvableLayer[] = [];
  for (const [i, layer] of dense.entries()) {
    signal?.throwIfAborted();
    const moments = measured[i] as Moments;
    const problem = await problemOf(algebra, layer, moments, ridge);
    const variance = await outputVariance(algebra, layer, moments);
    const inverse = inverseDiagonal(problem);
    if (inverse === null)
      throw new DataError(`Cannot reconstruct the outputs of "${layer.map.layer.name}": its inputs are degenerate`);
    layers.push({ problem, inverse, variance, dense: layer.W });
  }
  return layers;
}

/** What {@link chooseSupports} is asked for. */
export interface SupportsRequest {
  readonly algebra: Linalg;
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

/** Conjugate gradient steps after each support. */
const STEPS = 5;

/**
 * The support of all layers together: in stages, the weights whose loss the others of their row can best make up for are
 * removed, and the others are solved again. A layer's error counts as a share of the variance of its outputs, times its cost.
 *
 *   score = cost w^2 / (diag(H^-1) variance)     H^-1 of the whole row, not of what is left of it
 *
 * Cost: stages x 5 x groups x outputs x inputs^2.
 */
export async function chooseSupports({
  algebra,
  layers,
  costs,
  constraints,
  signal,
}: SupportsRequest): Promise<ChosenSupports> {
  const weights = layers.map(({ dense }) => dense.slice());
  const p = weights.reduce((sum, { length }) => sum + length, 0);
  let supports: Uint8Array[] = partsOf(new Uint8Array(p), weights);
  for (const constraint of constraints) {
    const importance = new Float64Array(p);
    const scores = partsOf(importance, weights);
    for (const [i, { problem, inverse, variance }] of layers.entries()) {
      const { outputs, inputs } = problem.map;
      const [W, score] = [weights[i] as Float32Array, scores[i] as Float64Array];
      const cost = (costs?.[i] ?? 1) / variance;
      for (let k = 0; k < W.length; k++) {
        const column = Math.floor(k / (outputs * inputs)) * inputs + (k % inputs);
        score[k] = (cost * (W[k] as number) ** 2) / (inverse[column] as number);
      }
    }
    supports = partsOf(constraint.support(importance), weights);
    for (const [i, { problem }] of layers.entries()) {
      signal?.throwIfAborted();
      const [W, support] = [weights[i] as Float32Array, supports[i] as Uint8Array];
      await solveOnSupport(algebra, problem, { W, support, iterations: STEPS });
    }
  }
  const errors: number[] = [];
  for (const [i, { problem, dense, variance }] of layers.entries())
    errors.push((await distance(algebra, problem, weights[i] as Float32Array, dense)) / variance);
  return { supports, weights, errors };
}

/** What of an array over all layers belongs to each of them; shared, not copied. */
function partsOf<T extends Uint8Array | Float64Array>(all: T, layers: readonly ArrayLike<number>[]): T[] {
  let start = 0;
  return layers.map(({ length }) => {
    start += length;
    return all.subarray(start - length, start) as T;
  });
}
