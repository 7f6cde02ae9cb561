/** A set of supports that can project onto itself. */
export interface Constraint {
  /** In words, for reports: `at most 3235 of 32360 weights`. */
  readonly description: string;
  /** Number of weights that it lets stand. */
  readonly kept: number;
  /**
   * The support that keeps the most importance: 1 = kept, [p]. Ties go to the lower index.
   * A projection of v onto the set keeps v on the support of importance v^2 ({@link squared}) and is zero elsewhere.
   */
  support(importance: Float64Array): Uint8Array;
  allows(support: Uint8Array): boolean;
}

/** v^2, elementwise: the importance of a projection. */
export function squared(v: Float64Array): Float64Array {
  return v.map((x) => x * x);
}
