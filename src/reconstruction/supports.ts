import type { Constraint } from '../constraints/constraint.ts';
import type { Linalg } from '../engine/linalg.ts';
import { DataError } from '../errors/errors.ts';
import { type DenseLayer, type LayerProblem, outputVariance, problemOf } from './layer-problem.ts';
import { distance, inverseDiagonal, solveOnSupport } from './least-squares.ts';
import type { Moments } from './moments.ts';

/** What {@link chooseSupports} is asked for. */
export interface SupportsRequest {
  readonly algebra: Linalg;
  /** All layers, in the order of the constraints' weights. */
  readonly dense: readonly DenseLayer[];
  /** Of each layer's inputs in the dense model. */
  readonly measured: readonly Moments[];
  /** Sets that close in on the budget. */
  readonly constraints: readonly Constraint[];
  readonly ridge: number;
  readonly signal?: AbortSignal;
}

/** What {@link chooseSupports} gives back. */
export interface ChosenSupports {
  /** Of all layers, one after another: 1 = kept. */
  readonly support: Uint8Array;
  /** The weights of each layer on it. */
  readonly weights: readonly Float32Array[];
  /** Mean over the layers of |W X - V X|^2 / variance of W X. */
  readonly error: number;
}

/** Conjugate gradient steps after each support. */
const STEPS = 5;

/** A layer as the stages see it. */
interface Entry {
  readonly problem: LayerProblem;
  /** What a squared weight is divided by: diag(H^-1) x variance, [groups, inputs]. */
  readonly unit: Float64Array;
  readonly variance: number;
  readonly dense: Float32Array;
  /** Changed at each stage. */
  readonly W: Float32Array;
  readonly start: number;
}

/**
 * The support of all layers together: in stages, the weights whose loss the others of their row can best make up for are
 * removed, and the others are solved again. A layer's error counts as a share of the variance of its outputs.
 *
 *   score = w^2 / (diag(H^-1) variance)     H^-1 of the whole row, not of what is left of it
 *
 * @throws DataError if the inputs of a layer are not finite or degenerate
 * Cost: groups x inputs^3 / 3 a layer; stages x 5 x groups x outputs x inputs^2.
 */
export async function chooseSupports(request: SupportsRequest): Promise<ChosenSupports> {
  const { algebra, constraints, signal } = request;
  const entries = await entriesOf(request);
  const p = entries.reduce((sum, { W }) => sum + W.length, 0);
  let support: Uint8Array = new Uint8Array(p);
  for (const constraint of constraints) {
    const importance = new Float64Array(p);
    for (const { problem, W, unit, start } of entries) {
      const { outputs, inputs } = problem.map;
      for (let k = 0; k < W.length; k++) {
        const column = Math.floor(k / (outputs * inputs)) * inputs + (k % inputs);
        importance[start + k] = (W[k] as number) ** 2 / (unit[column] as number);
      }
    }
    support = constraint.support(importance);
    for (const { problem, W, start } of entries) {
      signal?.throwIfAborted();
      const own = support.subarray(start, start + W.length);
      await solveOnSupport(algebra, problem, { W, support: own, iterations: STEPS });
    }
  }
  let error = 0;
  for (const { problem, W, dense, variance } of entries)
    error += (await distance(algebra, problem, W, dense)) / variance / entries.length;
  return { support, weights: entries.map(({ W }) => W), error };
}

async function entriesOf({ algebra, dense, measured, ridge, signal }: SupportsRequest): Promise<Entry[]> {
  const entries: Entry[] = [];
  let start = 0;
  for (const [i, layer] of dense.entries()) {
    signal?.throwIfAborted();
    const moments = measured[i] as Moments;
    const problem = await problemOf(algebra, layer, moments, ridge);
    const variance = await outputVariance(algebra, layer, moments);
    const inverse = inverseDiagonal(problem);
    if (inverse === null)
      throw new DataError(`Cannot reconstruct the outputs of "${layer.map.layer.name}": its inputs are degenerate`);
    entries.push({
      problem,
      unit: inverse.map((x) => x * variance),
      variance,
      dense: layer.W,
      W: layer.W.slice(),
      start,
    });
    start += layer.W.length;
  }
  return entries;
}
