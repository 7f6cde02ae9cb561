import { type Constraint, supportOf } from '../../constraints/constraint.ts';
import { type Cholesky, cholesky, invertLower, solve } from '../../problem/cholesky.ts';
import { allColumns, gramOf } from '../../problem/columns.ts';
import type { QuadraticProblem } from '../../problem/quadratic.ts';
import { magnitudePruned } from '../drive.ts';
import { type AnySolver, solver } from '../solver.ts';

interface State {
  readonly problem: QuadraticProblem;
  readonly constraint: Constraint;
  w: Float64Array;
  /** Null before the step. */
  support: Uint8Array | null;
  status: 'running' | 'converged' | 'not-positive-definite';
}

/**
 * WoodFisher: scores and updates of single weights by the exact inverse of F = A'A/n + lambda I, without forming it.
 *
 *   F^-1 = (I - A' (A A' + mu I)^-1 A) / lambda        score_i = w_i^2 / (2 [F^-1]_ii)
 *   w := wBar - F^-1 q,  q_i = wBar_i / [F^-1]_ii on the pruned weights P, which then are set to zero
 *
 * Gram, factor and scores in f64. Cost: 3 n^2 p; n^2 and a block of columns extra. Deterministic.
 * Source: Singh and Alistarh 2020 (joint sparsification); the n x n form is derived in README.md.
 */
export function woodfisher(): AnySolver {
  return solver<State>({
    name: 'woodfisher',
    made: { by: 'woodfisher', options: {} },
    needs: ['columns', 'gram'],
    init: async (problem, constraint) => ({
      problem,
      constraint,
      w: magnitudePruned(problem, constraint),
      support: null,
      status: 'running',
    }),
    step: async (state) => {
      const pruned = await pruneOnce(state.problem, state.constraint);
      state.status = pruned === null ? 'not-positive-definite' : 'converged';
      Object.assign(state, pruned);
    },
    status: ({ status }) => status,
    current: ({ w }) => w,
    support: ({ w, support }) => support ?? supportOf(w),
  });
}

async function pruneOnce(
  problem: QuadraticProblem,
  constraint: Constraint,
): Promise<Required<Pick<State, 'w' | 'support'>> | null> {
  const { n, p, mu, wBar, lambda } = problem;
  const K = await gramOf(problem, new Uint8Array(p).fill(1));
  for (let i = 0; i < n; i++) (K[i * n + i] as number) += mu;
  const factor = cholesky(K, n);
  if (factor === null) return null;
  const diagonal = await inverseDiagonal(problem, factor);
  const support = constraint.support(wBar.map((x, i) => (x * x) / (diagonal[i] as number)));
  const q = wBar.map((x, i) => (support[i] === 1 ? 0 : x / (diagonal[i] as number)));
  const spread = await problem.transposedTimes(solve(factor, await problem.times(q)));
  return { w: wBar.map((x, i) => (support[i] === 1 ? x + (spread[i] as number) / lambda : 0)), support };
}

/** [F^-1]_ii = (1 - |L^-1 a_i|^2) / lambda, L L' = A A' + mu I */
async function inverseDiagonal({ rows, p, lambda, linalg }: QuadraticProblem, factor: Cholesky): Promise<Float64Array> {
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
