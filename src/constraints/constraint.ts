/** A set of supports that can project onto itself. */
export interface Constraint {
  /** In words, for reports: `at most 3235 of 32360 weights`. */
  readonly description: string;
  /** A bound: no support that it allows keeps more weights. Where several limits hold at once, none may keep as many. */
  readonly most: number;
  /**
   * The support that keeps the most importance: 1 = kept, [p]. Ties go to the lower index.
   * A projection of v onto the set keeps v on the support of importance v^2 ({@link squared}) and is zero elsewhere.
   */
  support(importance: Float64Array): Uint8Array;
  /** The support of the projection of f32 weights, without squares of them all in f64; absent = by {@link support}. */
  projection?(v: Float32Array): Uint8Array;
  /** Whether a support is one of the set, or part of one: a weight that may be kept may also be zero. */
  allows(support: Uint8Array): boolean;
  /**
   * The set for the weights from `start` to `end` alone, all others as in a support that is allowed: what it allows may be
   * put there, and the whole stays allowed. Its weights are numbered from 0.
   */
  restrict(support: Uint8Array, start: number, end: number): Constraint;
  /** Whether nothing but the number of kept weights counts: then `most` says all. Absent = false. */
  readonly onlyCounts?: boolean;
  /** Whether weights are bound to others in small groups, so that not any one can take the place of any other. Absent = false. */
  readonly coupled?: boolean;
}

/** v^2, elementwise: the importance of a projection. */
export function squared(v: Float64Array | Float32Array): Float64Array {
  const squares = new Float64Array(v.length);
  for (let i = 0; i < v.length; i++) squares[i] = (v[i] as number) * (v[i] as number);
  return squares;
}

/** Where a vector keeps its place in the set: 1 = kept, [p]. Cost: for f32 weights a byte each, where the constraint knows how. */
export function projection(constraint: Constraint, v: Float64Array | Float32Array): Uint8Array {
  return v instanceof Float32Array && constraint.projection !== undefined
    ? constraint.projection(v)
    : constraint.support(squared(v));
}

/** 1 where a vector is not zero. */
export function supportOf(v: Float64Array | Float32Array): Uint8Array {
  const support = new Uint8Array(v.length);
  for (let i = 0; i < v.length; i++) if (v[i] !== 0) support[i] = 1;
  return support;
}

/** Entries of a vector that are not zero. */
export function countNonzeros(v: Float64Array | Float32Array): number {
  let count = 0;
  for (let i = 0; i < v.length; i++) if (v[i] !== 0) count++;
  return count;
}
