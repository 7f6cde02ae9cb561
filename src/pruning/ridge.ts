import { type Constraint, projection } from '../constraints/constraint.ts';
import { type GradientRows, scaleColumns } from '../curvature/gradient-rows.ts';
import type { Linalg } from '../engine/linalg.ts';
import { type QuadraticProblem, type QuadraticValue, quadratic } from '../problem/quadratic.ts';
import type { OnProgress } from '../progress/progress.ts';
import { drive, type Solution } from '../solvers/drive.ts';
import { magnitude } from '../solvers/magnitude/magnitude.ts';
import type { AnySolver } from '../solvers/solver.ts';
import { searchAlong } from './line-search.ts';

/** Ridges that a stage chooses from, of a run in stages and of one stage (docs/experiments.md). */
export const RIDGES = { staged: [1e-2, 1e-3], once: [1e-3, 1e-2, 1e-1] } as const;

/** The true loss of weights, [p]. */
export type LossOfWeights = (w: Float64Array) => Promise<number>;

/** What a stage solves, but for the ridge. */
export interface RidgeSetting {
  readonly rows: GradientRows;
  /** The weights that the stage starts from, [p]. */
  readonly w: Float64Array;
  /** In which weights are compared, [p]; null = as they are stored. */
  readonly units: Float64Array | null;
  readonly firstOrder: number;
  readonly constraint: Constraint;
  /** That of the next stage; null for the last. */
  readonly next: Constraint | null;
  /** The first factor of the line search. */
  readonly scale: number;
  /** The true loss that the first-order part is scaled by; absent = it stays as it is. */
  readonly searched?: LossOfWeights;
  readonly solver: AnySolver;
  readonly algebra: Linalg;
  readonly onProgress: OnProgress;
  readonly signal?: AbortSignal;
}

/** What a ridge leads to. */
export interface Ridged {
  readonly lambda: number;
  /** The kept weights as they were. */
  readonly start: QuadraticValue;
  readonly solution: Solution<QuadraticValue>;
  /** The weights of the stage's end, as they are stored, [p]. */
  readonly w: Float64Array;
  /** What the first-order part was multiplied by; null without a line search. */
  readonly scale: number | null;
}

/** Solves a stage with a ridge, and searches along the first-order part where that is asked for. Cost: a solve, and with the search another and its evaluations of the loss. */
export async function solveWith(setting: RidgeSetting, lambda: number): Promise<Ridged> {
  const { w, units, firstOrder, constraint, solver, onProgress, signal, searched, scale } = setting;
  const problem = problemAround(setting, w, { lambda, firstOrder });
  const { value: start } = await drive(magnitude(), problem, constraint); // first: the solver's point is near it
  const solution = await drive(solver, problem, constraint, { onProgress, ...(signal && { signal }) });
  signal?.throwIfAborted();
  const from = searched !== undefined && problem.a !== 0 ? await withoutFirstOrder(problem, solution.support) : null;
  const to = stored(solution.w, units);
  const found =
    from === null || searched === undefined
      ? { w: to, scale: null }
      : await searchAlong({ from: stored(from, units), to }, scale || 1, searched);
  return { lambda, start, solution, w: found.w, scale: found.scale };
}

/**
 * The ridge whose stage bears the next one best: from its result the weights are cut on to the budget of the next stage, by the
 * quadratic model of the same rows around that result, and what comes of it is judged by its true loss; the last stage is judged as it is. The loss right behind a
 * stage says little: a small cut does well with a ridge that harms later.
 *
 * @param ridges  the first of those that are equally good is taken
 * @param loss    on samples that the rows do not know
 * Cost: for each ridge {@link solveWith}, a back-solve and an evaluation of the loss. The rows are those of the stage.
 */
export async function leastLossAhead(
  setting: RidgeSetting,
  ridges: readonly number[],
  loss: LossOfWeights,
): Promise<Ridged> {
  let best: (Ridged & { readonly ahead: number }) | null = null;
  for (const lambda of ridges) {
    const found = await solveWith(setting, lambda);
    const ahead = await loss(await cutOn(setting, found));
    if (best === null || ahead < best.ahead) best = { ...found, ahead };
  }
  return best as Ridged;
}

/** A stage's result at the budget of the next stage. */
async function cutOn(setting: RidgeSetting, { w, lambda }: Ridged): Promise<Float64Array> {
  const { next, units } = setting;
  if (next === null) return w;
  const problem = problemAround(setting, w, { lambda, firstOrder: 0 });
  const support = projection(next, problem.wBar);
  const solved = await problem.solveOn(support);
  return stored(solved?.w ?? problem.wBar.map((x, i) => (support[i] === 1 ? x : 0)), units);
}

/** The quadratic model of the rows around weights, both in their units. */
function problemAround(
  { rows, units, algebra }: RidgeSetting,
  w: Float64Array,
  options: { readonly lambda: number; readonly firstOrder: number },
): QuadraticProblem {
  return units === null
    ? quadratic(rows, w, options, algebra)
    : quadratic(
        scaleColumns(rows, units),
        w.map((x, i) => x / (units[i] as number)),
        options,
        algebra,
      );
}

/** Weights as they are stored. */
function stored(w: Float64Array, units: Float64Array | null): Float64Array {
  return units === null ? w : w.map((x, i) => Math.fround(x * (units[i] as number)));
}

/** The best weights on the same support, had the quadratic model no first-order term. */
async function withoutFirstOrder(problem: QuadraticProblem, support: Uint8Array): Promise<Float64Array | null> {
  const { rows, wBar, lambda, linalg: algebra } = problem;
  const without = quadratic(rows, wBar, { lambda, firstOrder: 0 }, algebra);
  return (await without.solveOn(support))?.w ?? null;
}
