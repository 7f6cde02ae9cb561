import { type Cholesky, cholesky, invertLower, solve } from './cholesky.ts';
import { allColumns, gramOf } from './columns.ts';
import type { Differentiable, Inverse, LowRank, Problem } from './problem.ts';

/** What {@link fisherInverse} needs of a problem. */
export type InvertedProblem = Problem &
  LowRank &
  Pick<Differentiable, 'times'> & { transposedTimes(r: Float64Array): Promise<Float64Array> };

/**
 * The exact inverse of F = A'A/n + lambda I, without forming it:
 *
 *   F^-1 = (I - A' (A A' + mu I)^-1 A) / lambda
 *
 * @returns null if A A' + mu I cannot be factored
 * Gram, factor and diagonal in f64. Cost: 3 n^2 p; n^2 and a block of columns extra.
 */
export async function fisherInverse(problem: InvertedProblem): Promise<Inverse | null> {
  const { n, p, mu, lambda } = problem;
  const K = await gramOf(problem, new Uint8Array(p).fill(1));
  for (let i = 0; i < n; i++) (K[i * n + i] as number) += mu;
  const factor = cholesky(K, n);
  if (factor === null) return null;
  return {
    diagonal: await diagonalOf(problem, factor),
    times: async (v) => {
      const spread = await problem.transposedTimes(solve(factor, await problem.times(v)));
      return v.map((x, i) => (x - (spread[i] as number)) / lambda);
    },
  };
}

/** [F^-1]_ii = (1 - |L^-1 a_i|^2) / lambda, L L' = A A' + mu I */
async function diagonalOf({ rows, p, lambda, linalg }: InvertedProblem, factor: Cholesky): Promise<Float64Array> {
  const inverse = invertLower(factor);
  const diagonal = new Float64Array(p);
  for await (const { indices, data } of allColumns({ rows, p })) {
    const norms = await linalg.columnNorms(inverse, data);
    indices.forEach((i, j) => {
      diagonal[i] = Math.max(1 - (norms[j] as number), 1e-12) / lambda;
    });
  }
  return diagonal;
}
