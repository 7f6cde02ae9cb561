import { type Cholesky, invertLower } from './cholesky.ts';
import { allColumns } from './columns.ts';
import type { Differentiable, LowRank, Problem, Value } from './problem.ts';

/** The best weights on a support of {@link worthOf}, and the factor of A_S A_S' + mu I. */
export interface FactoredSolution {
  readonly support: Uint8Array;
  readonly w: Float64Array;
  readonly value: Value;
  readonly factor: Cholesky;
}

/**
 * What each weight is worth at the optimum on S, exactly, all others re-optimised. With q_i = a_i' (A_S A_S' + mu I)^-1 a_i and g
 * the gradient of Q:
 *
 *   taking i out of S costs w_i^2 mu / (2 (1 - q_i));   letting j into S gains g_j^2 / (2 mu (1 + q_j))
 *
 * @returns [p] f64
 * Cost: 2 n^2 p.
 */
export async function worthOf(
  problem: Problem & Differentiable & LowRank,
  { support, w, value, factor }: FactoredSolution,
): Promise<Float64Array> {
  const { mu } = problem;
  const inverse = invertLower(factor);
  const g = await problem.gradient(w, value.product);
  const worth = new Float64Array(problem.p);
  for await (const block of allColumns(problem)) {
    const q = await problem.linalg.columnNorms(inverse, block.data);
    block.indices.forEach((i, j) => {
      const qi = q[j] as number;
      worth[i] =
        support[i] === 1
          ? ((w[i] as number) ** 2 * mu) / (2 * Math.max(1 - qi, 1e-12))
          : (g[i] as number) ** 2 / (2 * mu * (1 + qi));
    });
  }
  return worth;
}
