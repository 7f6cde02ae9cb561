import { type Constraint, squared } from '../constraints/constraint.ts';
import { OptionError } from '../errors/errors.ts';
import type { QuadraticProblem, Value } from '../problem/quadratic.ts';
import type { RunOptions } from '../progress/progress.ts';
import type { AnySolver, SolveStatus } from './solver.ts';

/** Limits of {@link drive}. */
export interface DriveOptions extends RunOptions {
  readonly maxSteps?: number;
}

/** Defaults of {@link drive}. */
export const DRIVE_DEFAULTS = { maxSteps: 1000 } as const;

/** What a solve gives back. */
export interface Solution {
  /** [p], already rounded to f32: the weights that will be written. */
  readonly w: Float64Array;
  /** Q at w, evaluated in f64. */
  readonly value: Value;
  readonly status: SolveStatus;
  /** The status as a sentence, with a remedy where one is needed. */
  readonly message: string;
  readonly steps: number;
}

const MESSAGES: Record<SolveStatus, string> = {
  converged: 'The solver converged.',
  'max-steps': 'The solver used all its steps; allow more to go on.',
  aborted: 'The solver was stopped; the best weights so far are returned.',
  'non-finite':
    'The model of the loss gave a value that is not finite, so the weights were pruned by magnitude instead; check the gradients, or raise lambda.',
  'not-positive-definite':
    'The Gram matrix could not be factored, so the weights were pruned by magnitude instead; raise lambda.',
};

/**
 * Runs a solver to its end: the only loop. Checks needs and feasibility, never returns weights that are not finite.
 *
 * @throws OptionError if the problem lacks something the solver needs
 */
export async function drive(
  solver: AnySolver,
  problem: QuadraticProblem,
  constraint: Constraint,
  options: DriveOptions = {},
): Promise<Solution> {
  const missing = solver.needs.filter((need) => !problem.capabilities.includes(need));
  if (missing.length > 0)
    throw new OptionError(`Cannot solve by ${solver.name}: the problem cannot give ${missing.join(', ')}`);
  const maxSteps = options.maxSteps ?? DRIVE_DEFAULTS.maxSteps;
  const state = await solver.init(problem, constraint);
  let steps = 0;
  let status: SolveStatus | 'running' = solver.status(state);
  try {
    while (status === 'running') {
      if (options.signal?.aborted) status = 'aborted';
      else if (steps >= maxSteps) status = 'max-steps';
      else {
        await solver.step(state);
        steps++;
        options.onProgress?.({
          step: `solving by ${solver.name}`,
          done: steps,
          total: Math.max(steps, maxSteps),
          unit: 'steps',
        });
        status = solver.status(state);
      }
    }
  } finally {
    await solver.release?.(state);
  }
  return settle(problem, constraint, { w: solver.current(state), status, steps });
}

async function settle(
  problem: QuadraticProblem,
  constraint: Constraint,
  { w, status, steps }: { w: Float64Array; status: SolveStatus; steps: number },
): Promise<Solution> {
  const rounded = w.map(Math.fround);
  const value = await problem.value(rounded);
  const support = Uint8Array.from(rounded, (x) => (x === 0 ? 0 : 1));
  if (Number.isFinite(value.objective) && constraint.allows(support))
    return { w: rounded, value, status, message: MESSAGES[status], steps };
  const fallback = magnitudePruned(problem, constraint);
  return {
    w: fallback,
    value: await problem.value(fallback),
    status: 'non-finite',
    message: MESSAGES['non-finite'],
    steps,
  };
}

/** wBar on its largest entries that the constraint allows. */
export function magnitudePruned({ wBar }: Pick<QuadraticProblem, 'wBar'>, constraint: Constraint): Float64Array {
  const support = constraint.support(squared(wBar));
  return wBar.map((x, i) => (support[i] === 1 ? x : 0));
}
