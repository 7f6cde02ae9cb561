import { type Constraint, supportOf } from '../../constraints/constraint.ts';
import type { Able } from '../../problem/problem.ts';
import { magnitudePruned } from '../drive.ts';
import { type AnySolver, solver } from '../solver.ts';

interface State {
  readonly problem: Able<'inverse'>;
  readonly constraint: Constraint;
  w: Float64Array;
  /** Null before the step. */
  support: Uint8Array | null;
  status: 'running' | 'converged' | 'not-positive-definite';
}

/**
 * WoodFisher: scores and updates of single weights by the exact inverse of the Hessian F.
 *
 *   score_i = w_i^2 / (2 [F^-1]_ii)
 *   w := wBar - F^-1 q,  q_i = wBar_i / [F^-1]_ii on the pruned weights P, which then are set to zero
 *
 * Cost: that of the inverse, see fisherInverse and layerModel. Deterministic.
 * Source: Singh and Alistarh 2020 (joint sparsification); the n x n form is derived in README.md.
 */
export function woodfisher(): AnySolver {
  return solver<State, 'inverse'>({
    name: 'woodfisher',
    made: { by: 'woodfisher', options: {} },
    needs: ['inverse'],
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
  problem: Able<'inverse'>,
  constraint: Constraint,
): Promise<Required<Pick<State, 'w' | 'support'>> | null> {
  const { wBar } = problem;
  const inverse = await problem.inverse();
  if (inverse === null) return null;
  const { diagonal } = inverse;
  const support = constraint.support(wBar.map((x, i) => (x * x) / (diagonal[i] as number)));
  const q = wBar.map((x, i) => (support[i] === 1 ? 0 : x / (diagonal[i] as number)));
  const change = await inverse.times(q);
  return { w: wBar.map((x, i) => (support[i] === 1 ? x - (change[i] as number) : 0)), support };
}
