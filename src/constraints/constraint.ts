/** A set of supports that can project onto itself. */
export interface Constraint {
  /** In words, for reports: `at most 3235 of 32360 weights`. */
  readonly description: string;
  /** No support that it allows keeps more weights. Where several limits hold at once, none may keep as many. */
  readonly most: number;
  /**
   * The support that keeps the most importance: 1 = kept, [p]. Ties go to the lower index.
   * A projection of v onto the set keeps v on the support of importance v^2 ({@link squared}) and is zero elsewhere.
   */
  support(importance: Float64Array): Uint8Array;
  allows(support: Uint8Array): boolean;
  /**
   * The set for the weights from `start` to `end` alone, all others as in a support that is allowed: what it allows may be
   * put there, and the whole stays allowed. Its weights are numbered from 0.
   */
  restrict(support: Uint8Array, start: number, end: number): Constraint;
  /** Whether nothing but the number of kept weights counts: then `most` says all. Absent = false. */
  readonly onlyCounts?: boolean;
}

/** v^2, elementwise: the importance of a projection. */
export function squared(v: Float64Array): Float64Array {
  return v.map((x) => x * x);
}
