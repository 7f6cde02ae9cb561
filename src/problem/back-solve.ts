import { type Cholesky, cholesky, solve } from './cholesky.ts';
import { gramOf } from './columns.ts';
import type { QuadraticProblem } from './quadratic.ts';

/** The best weights on a support, and the factor that gave them. */
export interface BackSolution {
  readonly w: Float64Array;
  /** Of A_S A_S' + mu I. */
  readonly factor: Cholesky;
  /** (A_S A_S' + mu I)^-1 (A_P wBar_P - a e) */
  readonly dual: Float64Array;
}

/**
 * Minimises Q over the weights of a support S, all others (P) zero, in the form that never divides by mu:
 *
 *   w_S = wBar_S + A_S' (A_S A_S' + mu I)^-1 (A_P wBar_P - a e)                                          (2)
 *
 * @param support  [p], 1 = in S
 * @returns        null if the Gram matrix cannot be factored (see cholesky)
 * Gram, factor and products in f64. Cost: n^2 |S| + n^3 / 6; n^2 and a block of columns extra.
 */
export async function backSolve(problem: QuadraticProblem, support: Uint8Array): Promise<BackSolution | null> {
  const { n, mu, a, wBar } = problem;
  const K = await gramOf(problem, support);
  for (let i = 0; i < n; i++) (K[i * n + i] as number) += mu;
  const factor = cholesky(K, n);
  if (factor === null) return null;
  const carried = await problem.times(wBar.map((x, i) => (support[i] === 1 ? 0 : x)));
  const dual = solve(
    factor,
    carried.map((c) => c - a),
  );
  const back = await problem.transposedTimes(dual);
  const w = wBar.map((x, i) => (support[i] === 1 ? x + (back[i] as number) : 0));
  return { w, factor, dual };
}
