import { cardinality } from '../../constraints/cardinality.ts';
import type { Constraint } from '../../constraints/constraint.ts';
import type { Linalg } from '../../engine/linalg.ts';
import { cholesky, solve } from '../../problem/cholesky.ts';
import { columnsOf } from '../../problem/columns.ts';
import { type QuadraticProblem, quadratic } from '../../problem/quadratic.ts';
import { nonzeros } from '../../problem/vectors.ts';
import { initialSupport } from './back-solving.ts';

/** A block of weights and its columns of A: all that its solution depends on. */
export interface BlockTask {
  /** [n, width], row-major. */
  readonly data: Float32Array;
  /** [width] */
  readonly wBar: Float64Array;
  readonly n: number;
  /** Weights that may stay, at least 1. */
  readonly kept: number;
  readonly lambda: number;
  readonly firstOrder: number;
}

/**
 * Solves a block on its own: the support by the same rule as the whole, then the smaller of the two linear systems.
 *
 * @param constraint  what the block may keep, where more than its number counts; at most `task.kept` weights
 * @returns  the weights, [width], or null if the system cannot be factored
 * Cost: n |B| min(n, k_B); the larger of n^2 and k_B^2 extra.
 */
export async function solveBlock(
  task: BlockTask,
  linalg: Linalg,
  constraint: Constraint = cardinality(task.wBar.length, task.kept),
): Promise<Float64Array | null> {
  const { data, wBar, n, kept, lambda, firstOrder } = task;
  const rows = { n, p: wBar.length, panels: [{ start: 0, width: wBar.length, data }], meanLoss: null };
  const problem = quadratic(rows, wBar, { lambda, firstOrder }, linalg);
  const support = await initialSupport(problem, constraint);
  if (kept >= n) return (await problem.solveOn(support))?.w ?? null;
  return solveSmall(problem, support);
}

/**
 * The normal equations on the support, for |S| < n:  (A_S'A_S + mu I)(w_S - wBar_S) = A_S'(A_P wBar_P - a e)
 */
async function solveSmall(problem: QuadraticProblem, support: Uint8Array): Promise<Float64Array | null> {
  const { n, mu, a, wBar, rows, linalg } = problem;
  const indices = nonzeros(support);
  const k = indices.length;
  const { data } = await columnsOf(rows, indices);
  const H = await linalg.innerGram(data, n);
  for (let i = 0; i < k; i++) (H[i * k + i] as number) += mu;
  const factor = cholesky(H, k);
  if (factor === null) return null;
  const carried = await problem.times(wBar.map((x, i) => (support[i] === 1 ? 0 : x)));
  const delta = solve(
    factor,
    linalg.transposedProduct64(
      data,
      carried.map((c) => c - a),
    ),
  );
  const w = new Float64Array(wBar.length);
  indices.forEach((i, j) => {
    w[i] = (wBar[i] as number) + (delta[j] as number);
  });
  return w;
}
