import type { GradientRows } from '../curvature/gradient-rows.ts';
import type { Linalg } from '../engine/linalg.ts';

/** A value of Q. */
export interface Value {
  readonly objective: number;
  /** The image of w - wBar, see {@link Differentiable}. */
  readonly product: Float64Array;
}

/** Weights with the value of Q there. */
export interface Point<V extends Value = Value> {
  readonly w: Float64Array;
  readonly value: V;
}

/**
 * A convex quadratic Q over weights w: [p], zero at wBar, of which solvers look for a low value on an allowed support. What else a
 * problem can do lies in its {@link Abilities}; a solver declares those that it needs. Vectors are f64.
 */
export interface Problem<V extends Value = Value> {
  readonly p: number;
  /** The dense weights: [p]. */
  readonly wBar: Float64Array;
  /**
   * Q(w), in f64.
   *
   * @param near  a point that may differ from w in few places, where one is known
   */
  value(w: Float64Array, near?: Point<V> | null): Promise<V>;
}

/** Steps along gradients, and Q along them without another evaluation. */
export interface Differentiable {
  /** Whether no weights have a lower Q than wBar: the gradient there is zero. */
  readonly isLeastAtStart: boolean;
  /** Length of an image. */
  readonly imageLength: number;
  /** The image of a direction: linear in it; with the weights themselves it is all that values and gradients are made of. */
  times(direction: Float64Array): Promise<Float64Array>;
  /** d'H d / d'd for the Hessian H of Q, given the image of a direction d; infinite where d is zero. */
  curvature(direction: Float64Array, image: Float64Array): number;
  /** Q(w), given the image of w - wBar. Cost: O(p). */
  valueFrom(w: Float64Array, image: Float64Array): Value;
  /** Gradient of Q at w, given the image of w - wBar: [p]. */
  gradient(w: Float64Array, image: Float64Array): Promise<Float64Array>;
}

/** The best weights on a support. */
export interface Solved {
  /** Rounded to f32, zero off the support: [p]. */
  readonly w: Float64Array;
  /** Q at w. */
  readonly value: Value;
  /** In Q, all others solved again: what a weight of the support costs if it leaves, what another one gains if it enters. [p] f64 */
  worth(): Promise<Float64Array>;
}

/** Q at its least on a support. */
export interface Solvable {
  /**
   * @param support  1 = may stand, [p]
   * @param near     a point that wBar on the support may differ from in few places, where one is known
   * @returns null if a matrix cannot be factored
   */
  solveOn(support: Uint8Array, near?: Point): Promise<Solved | null>;
}

/** The inverse of the Hessian of Q, up to a factor. */
export interface Inverse {
  /** [p], positive. */
  readonly diagonal: Float64Array;
  /** Its product with a vector: [p]. */
  times(v: Float64Array): Promise<Float64Array>;
}

/** Scores and updates by the inverse of the Hessian. */
export interface Invertible {
  /** @returns null if the Hessian cannot be factored */
  inverse(): Promise<Inverse | null>;
}

/** A Hessian of low rank and a ridge: A'A + mu I. */
export interface LowRank {
  /** A: [n, p] f32. */
  readonly rows: GradientRows;
  readonly n: number;
  /** Ridge as the user gave it, in units of A'A/n. */
  readonly lambda: number;
  /** n lambda */
  readonly mu: number;
  /** Scale of the first-order term; 0 leaves it out. */
  readonly a: number;
  readonly linalg: Linalg;
}

/** A Hessian of blocks: each row of weights has that of its group. */
export interface Layered {
  readonly groups: number;
  readonly outputs: number;
  /** Weights of a row. */
  readonly inputs: number;
  /** [groups, inputs, inputs] f32. */
  readonly H: Float32Array;
}

/** What problems may be able to do, by the names that solvers ask for it. */
export interface Abilities {
  readonly gradient: Differentiable;
  readonly solve: Solvable;
  readonly inverse: Invertible;
  readonly columns: LowRank;
  readonly layer: Layered;
}

/** A name of an ability. */
export type Capability = keyof Abilities;

type Together<T> = (T extends unknown ? (each: T) => void : never) extends (all: infer All) => void ? All : never;

/** A problem with some abilities. */
export type Able<Need extends Capability> = Problem & Together<Abilities[Need]>;

/** By ability what a problem that has it holds. */
export const MEMBERS: { readonly [C in Capability]: readonly (keyof Abilities[C])[] } = {
  gradient: ['isLeastAtStart', 'imageLength', 'times', 'curvature', 'valueFrom', 'gradient'],
  solve: ['solveOn'],
  inverse: ['inverse'],
  columns: ['rows', 'n', 'lambda', 'mu', 'a', 'linalg'],
  layer: ['groups', 'outputs', 'inputs', 'H'],
};

/** Those of some abilities that a problem has not: looked for in the problem itself. */
export function lacking(problem: Problem, needs: readonly Capability[]): Capability[] {
  return needs.filter((need) => !Object.hasOwn(MEMBERS, need) || !MEMBERS[need].every((member) => member in problem));
}
