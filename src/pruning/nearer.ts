import type { Distance, Part } from '../evaluate/distance.ts';

/** The quantile of the normal distribution that leaves out 5 %. */
const CLEAR = 1.645;

/**
 * Whether a model is clearly nearer to the dense one than another is, by the same samples: the mean of the differences between
 * their errors, part by part, is above nothing by more than chance makes of as many parts (Student's t, one-sided, 5 %), in the
 * outputs and in them with their logits. One part tells nothing.
 *
 * @param one    how far it is, on samples that it was not made from
 * @param other  how far the other one is, in the same parts
 */
export function clearlyNearer(one: Distance, other: Distance): boolean {
  return (['outputs', 'error'] as const).every((what) => isClear(gains(one, other, what)));
}

function gains(one: Distance, other: Distance, what: keyof Part): number[] {
  return other.each.map((part, i) => part[what] - (one.each[i]?.[what] ?? Number.POSITIVE_INFINITY));
}

function isClear(gained: readonly number[]): boolean {
  const n = gained.length;
  if (n < 2) return false;
  const mean = gained.reduce((sum, x) => sum + x, 0) / n;
  if (!(mean > 0)) return false;
  if (mean === Number.POSITIVE_INFINITY) return true;
  const variance = gained.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (n - 1);
  return mean > quantile(n - 1) * Math.sqrt(variance / n);
}

/** That quantile of Student's t, by its expansion; a little less than it with a single degree of freedom. Source: Abramowitz and Stegun, 26.7.5. */
function quantile(freedom: number): number {
  const z = CLEAR;
  return z + (z ** 3 + z) / (4 * freedom) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * freedom ** 2);
}
