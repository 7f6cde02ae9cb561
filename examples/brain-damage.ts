import { type Able, type AnySolver, type Constraint, magnitudePruned, markedColumns, solver } from '../src/solvers.ts';

interface State {
  readonly problem: Able<'columns' | 'solve'>;
  readonly constraint: Constraint;
  w: Float64Array;
  status: 'running' | 'converged' | 'not-positive-definite';
}

/**
 * Keeps the weights that cost most to remove on the diagonal of the model, then re-solves them together.
 *
 *   cost_i = wBar_i^2 (|a_i|^2 / n + lambda) / 2,   a_i the i-th column of A
 *
 * Source: LeCun, Denker, Solla 1989 (Optimal Brain Damage), with the empirical Fisher for the Hessian and a joint
 * back-solve in place of retraining. Cost: A read once, and one back-solve. Deterministic.
 */
export function brainDamage(): AnySolver {
  return solver<State, 'columns' | 'solve'>({
    name: 'brain-damage',
    needs: ['columns', 'solve'],
    init: async (problem, constraint) => ({
      problem,
      constraint,
      w: magnitudePruned(problem, constraint),
      status: 'running',
    }),
    step: async (state) => {
      const { problem, constraint } = state;
      const curvature = await diagonal(problem);
      const cost = problem.wBar.map((x, i) => (x * x * (curvature[i] as number)) / 2);
      const solution = await problem.solveOn(constraint.support(cost));
      state.status = solution === null ? 'not-positive-definite' : 'converged';
      if (solution !== null) state.w = solution.w;
    },
    status: ({ status }) => status,
    current: ({ w }) => w,
  });
}

/** |a_i|^2 / n + lambda, [p] */
async function diagonal(problem: Able<'columns'>): Promise<Float64Array> {
  const { n, p, lambda } = problem;
  const squares = new Float64Array(p);
  for await (const { indices, data } of markedColumns(problem, new Uint8Array(p).fill(1))) {
    data.forEach((x, at) => {
      const i = indices[at % indices.length] as number;
      squares[i] = (squares[i] as number) + x * x;
    });
  }
  return squares.map((x) => x / n + lambda);
}
