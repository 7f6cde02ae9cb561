import { magnitudePruned } from '../drive.ts';
import { type AnySolver, solver } from '../solver.ts';

/** Keeps the largest weights that the constraint allows, as they are. Needs no gradients. Cost: O(p). */
export function magnitude(): AnySolver {
  return solver<{ w: Float64Array }>({
    name: 'magnitude',
    made: { by: 'magnitude', options: {} },
    needs: [],
    init: async (problem, constraint) => ({ w: magnitudePruned(problem, constraint) }),
    step: async () => {},
    status: () => 'converged',
    current: ({ w }) => w,
  });
}
