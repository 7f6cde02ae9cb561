import { describe, expect, it } from 'vitest';
import { cardinality } from '../constraints/cardinality.ts';
import { OptionError } from '../errors/errors.ts';
import { smallProblem } from '../problem/small-problems.cases.ts';
import { drive, magnitudePruned } from './drive.ts';
import { type AnySolver, type Solver, solver } from './solver.ts';

const { problem } = smallProblem({ n: 3, widths: [4], weight: (_, j) => j + 1 });
const constraint = cardinality(4, 2);

/** A solver that returns these weights after some steps. */
function returning(w: readonly number[], options: Partial<Solver<{ steps: number }>> = {}): AnySolver {
  return solver<{ steps: number }>({
    name: 'constant',
    needs: [],
    init: async () => ({ steps: 0 }),
    step: async (state) => {
      state.steps++;
    },
    status: ({ steps }) => (steps < 3 ? 'running' : 'converged'),
    current: () => Float64Array.from(w),
    ...options,
  });
}

describe('drive', () => {
  it('steps until the solver is done, and tells each step', async () => {
    const done: number[] = [];
    const solution = await drive(returning([0, 0, 3, 4]), problem, constraint, {
      onProgress: (p) => done.push(p.done),
    });
    expect(solution).toMatchObject({ status: 'converged', steps: 3, w: Float64Array.of(0, 0, 3, 4) });
    expect(done).toEqual([1, 2, 3]);
  });

  it('rounds the weights to f32 and evaluates what will be written', async () => {
    const { w, value } = await drive(returning([0, 0, 0.1, 0.2]), problem, constraint);
    expect(w).toEqual(Float64Array.of(0, 0, Math.fround(0.1), Math.fround(0.2)));
    expect(value).toEqual(await problem.value(w));
  });

  it.each([
    ['not finite', 'non-finite', [0, 0, Number.NaN, 4]],
    ['infinite in f32', 'non-finite', [0, 0, 1e300, 4]],
    ['more than fit the budget', 'infeasible', [1, 2, 3, 4]],
  ])('prunes by magnitude where the weights are %s, and says so', async (_, status, w) => {
    const solution = await drive(returning(w), problem, constraint);
    expect(solution).toMatchObject({ status, w: Float64Array.of(0, 0, 3, 4) });
    expect(solution.message).toMatch(/pruned by magnitude instead/);
    expect(/not finite/.test(solution.message)).toBe(status === 'non-finite');
  });

  it.each([
    ['magnitude', [0, 0, 3, 4], /pruned by magnitude instead; raise lambda/],
    ['what the solver had until then', [0, 0, 2.5, 4], /the best found so far; raise lambda/],
  ])('passes on that a matrix could not be factored, and that the weights are those of %s', async (_, w, words) => {
    const failing = returning(w, { status: () => 'not-positive-definite' });
    expect(await drive(failing, problem, constraint)).toMatchObject({
      status: 'not-positive-definite',
      w: Float64Array.from(w),
      message: expect.stringMatching(words),
    });
  });

  it('refuses a solver that needs more than the problem can give, before its first step', async () => {
    const init = () => Promise.reject(new Error('must not start'));
    const needy = { ...returning([]), needs: ['inverse', 'columns', 'layer'] as const, init };
    const { inverse: _, ...poor } = problem;
    await expect(drive(needy, problem, constraint)).rejects.toThrow(/cannot give layer$/);
    await expect(drive(needy, poor, constraint)).rejects.toThrow(OptionError);
    await expect(drive(needy, poor, constraint)).rejects.toThrow(/cannot give inverse, layer$/);
  });
});

describe('magnitudePruned', () => {
  it('keeps the largest weights as they are', () => {
    expect(magnitudePruned({ wBar: Float64Array.of(-5, 1, 0, 4) }, cardinality(4, 2))).toEqual(
      Float64Array.of(-5, 0, 0, 4),
    );
  });
});
