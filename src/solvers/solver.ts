import type { Constraint } from '../constraints/constraint.ts';
import type { Able, Capability } from '../problem/problem.ts';

/** How a solve ended. Every status comes with feasible weights. */
export type SolveStatus = 'converged' | 'max-steps' | 'aborted' | 'non-finite' | 'infeasible' | 'not-positive-definite';

/**
 * A method, one step at a time. It never loops by itself, reads no clock and draws nothing that is not seeded:
 * `drive` owns the loop.
 */
export interface Solver<State = unknown, Need extends Capability = never> {
  readonly name: string;
  /** What the problem must be able to do: looked for in it before the first step. Without needs it is run without gradients. */
  readonly needs: readonly Need[];
  init(problem: Able<Need>, constraint: Constraint): Promise<State>;
  step(state: State): Promise<void>;
  status(state: State): 'running' | 'converged' | 'not-positive-definite';
  /** The best feasible weights so far: [p]. */
  current(state: State): Float64Array;
  /** Which function made it, and of what options, where both are plain: another thread makes the same again. Absent = it stays in this one. */
  readonly made?: { readonly by: string; readonly options: object };
  /** Where these weights may be other than zero: 1 = kept, [p]. Absent = where they are. */
  support?(state: State): Uint8Array;
  /** Ends what the state holds besides memory; called once, however the solve ended. */
  release?(state: State): Promise<void>;
}

/** A solver whose state nobody outside needs to know. */
export interface AnySolver extends Omit<Solver<never>, 'needs'> {
  readonly needs: readonly Capability[];
}

/** Hides the types of the state and of the problem, so that solvers fit in one list. */
export function solver<State, Need extends Capability = never>(definition: Solver<State, Need>): AnySolver {
  return definition as unknown as AnySolver;
}

/** A solver under another name. */
export function named(name: string, one: AnySolver): AnySolver {
  return { ...one, name };
}
