import { type Constraint, projection, supportOf } from '../constraints/constraint.ts';
import { OptionError } from '../errors/errors.ts';
import { lacking, type Problem, type Value } from '../problem/problem.ts';
import type { RunOptions } from '../progress/progress.ts';
import type { AnySolver, SolveStatus } from './solver.ts';

/** Limits of {@link drive}. */
export interface DriveOptions extends RunOptions {
  readonly maxSteps?: number;
}

/** Defaults of {@link drive}. */
export const DRIVE_DEFAULTS = { maxSteps: 1000 } as const;

/** What a solve gives back. */
export interface Solution<V extends Value = Value> {
  /** [p], already rounded to f32: the weights that will be written. */
  readonly w: Float64Array;
  /** The weights that are kept, [p]; one of them may still be zero. */
  readonly support: Uint8Array;
  /** Q at w, evaluated in f64. */
  readonly value: V;
  readonly status: SolveStatus;
  /** The status as a sentence, with a remedy where one is needed. */
  readonly message: string;
  readonly steps: number;
}

/** How a solve ended, and how it can be mended; what the weights are is said behind it (see {@link sentence}). */
const ENDS: Record<SolveStatus, { readonly what: string; readonly remedy: string }> = {
  converged: { what: 'The solver converged', remedy: '' },
  'max-steps': { what: 'The solver used all its steps', remedy: 'allow more to go on' },
  aborted: { what: 'The solver was stopped', remedy: '' },
  'non-finite': {
    what: 'The model of the loss gave a value that is not finite',
    remedy: 'check the gradients, or raise lambda',
  },
  infeasible: { what: "The solver's weights do not fit the budget", remedy: 'use another method' },
  'not-positive-definite': { what: 'The Gram matrix could not be factored', remedy: 'raise lambda' },
};

/**
 * Runs a solver to its end: the only loop. Checks needs and feasibility, never returns weights that are not finite.
 *
 * @throws OptionError if the problem lacks something the solver needs
 */
export async function drive<V extends Value>(
  solver: AnySolver,
  problem: Problem<V>,
  constraint: Constraint,
  options: DriveOptions = {},
): Promise<Solution<V>> {
  const missing = lacking(problem, solver.needs);
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
  return settle(problem, constraint, { w: solver.current(state), chosen: solver.support?.(state), status, steps });
}

/** The weights as they can be written: the solver's own where they are feasible and their value is finite, else those of magnitude. */
async function settle<V extends Value>(
  problem: Problem<V>,
  constraint: Constraint,
  { w, chosen, status, steps }: { w: Float64Array; chosen: Uint8Array | undefined; status: SolveStatus; steps: number },
): Promise<Solution<V>> {
  const rounded = w.map(Math.fround);
  const value = await problem.value(rounded);
  const isGood = Number.isFinite(value.objective);
  const nonzero = supportOf(rounded);
  if (isGood && constraint.allows(nonzero)) {
    const start = status === 'not-positive-definite' ? magnitudePruned(problem, constraint).map(Math.fround) : null;
    const isMagnitude = start?.every((x, i) => x === rounded[i]) ?? false;
    const support = chosen !== undefined && covers(chosen, nonzero) ? chosen : nonzero;
    return { w: rounded, support, value, status, message: sentence(status, isMagnitude), steps };
  }
  const fallback = magnitudePruned(problem, constraint);
  const why = isGood ? 'infeasible' : 'non-finite';
  const support = projection(constraint, problem.wBar);
  return {
    w: fallback,
    support,
    value: await problem.value(fallback),
    status: why,
    message: sentence(why, true),
    steps,
  };
}

/** Whether a support has all of another. A solver that was stopped may hold a support that is not that of its weights yet. */
function covers(support: Uint8Array, other: Uint8Array): boolean {
  return other.every((kept, i) => kept === 0 || support[i] === 1);
}

/** A status in words: how the solve ended, what the weights are, and what to do about it. */
function sentence(status: SolveStatus, isMagnitude: boolean): string {
  const { what, remedy } = ENDS[status];
  if (status === 'converged') return `${what}.`;
  const are = isMagnitude ? 'the weights were pruned by magnitude instead' : 'the weights are the best found so far';
  return `${[`${what}, so ${are}`, remedy].filter((part) => part !== '').join('; ')}.`;
}

/** wBar on its largest entries that the constraint allows. */
export function magnitudePruned({ wBar }: Pick<Problem, 'wBar'>, constraint: Constraint): Float64Array {
  const support = projection(constraint, wBar);
  return wBar.map((x, i) => (support[i] === 1 ? x : 0));
}
