import { type Constraint, squared } from '../../constraints/constraint.ts';
import { checkOptions, countOrNone } from '../../errors/arguments.ts';
import type { Able, Point, Solved } from '../../problem/problem.ts';
import { squaredNorm } from '../../problem/vectors.ts';
import { magnitudePruned } from '../drive.ts';
import { type AnySolver, solver } from '../solver.ts';
import { SWAP_DEFAULTS, swapRound } from './swaps.ts';

/** Options of {@link chita}. */
export interface ChitaOptions {
  /** Rounds of exact-score swaps after the back-solve; 0 leaves the support as it is. */
  readonly swaps?: number;
}

/** Defaults of {@link chita}. */
export const CHITA_DEFAULTS = { swaps: 0 } as const;

interface State {
  readonly problem: Able<'gradient' | 'solve'>;
  readonly constraint: Constraint;
  /** A point that wBar on the support may be near to. */
  readonly start?: Point;
  support: Uint8Array;
  solution: Solved | null;
  w: Float64Array;
  /** Q at w; infinite before the back-solve. */
  objective: number;
  roundsLeft: number;
  share: number;
  status: 'running' | 'converged' | 'not-positive-definite';
}

/**
 * CHITA-BSO: the support by one line-search step and magnitude, its weights by the joint back-solve (2), then by
 * choice rounds of swaps that each lower Q.
 *
 * Gram and factor in f64. Cost: n^2 k + n^3 / 6, and 2 n^2 p more a swap round. Deterministic.
 * Source: Benbaki et al. 2023, Alg. 5 with the support rule of the published program. Departures: README.md.
 */
export function chita(options: ChitaOptions = {}): AnySolver {
  checkOptions('make chita()', options, { swaps: countOrNone });
  return solver<State, 'gradient' | 'solve'>({
    name: 'chita',
    made: { by: 'chita', options },
    needs: ['gradient', 'solve'],
    init: async (problem, constraint) => ({
      problem,
      constraint,
      support: await initialSupport(problem, constraint),
      solution: null,
      w: magnitudePruned(problem, constraint),
      objective: Number.POSITIVE_INFINITY,
      roundsLeft: options.swaps ?? CHITA_DEFAULTS.swaps,
      share: SWAP_DEFAULTS.share,
      status: 'running',
    }),
    step: stepBackSolve,
    status: ({ status }) => status,
    current: ({ w }) => w,
    support: ({ support }) => support,
  });
}

/** Back-solves on a support that another method found, then swaps; the second half of {@link chita}. */
export async function stepBackSolve(state: State): Promise<void> {
  if (state.solution === null) {
    const solution = await state.problem.solveOn(state.support, state.start);
    if (solution === null) {
      state.status = 'not-positive-definite';
      return;
    }
    const { w, value } = solution;
    state.solution = solution;
    if (value.objective < state.objective) [state.w, state.objective] = [w, value.objective];
  } else {
    const next = await swapRound({ ...state, solution: state.solution });
    state.share = next.share;
    state.roundsLeft--;
    if (next.improved !== null) {
      const { support, solution, objective } = next.improved;
      Object.assign(state, { support, solution, objective, w: solution.w });
    }
    if (next.done) state.roundsLeft = 0;
  }
  if (state.roundsLeft <= 0) state.status = 'converged';
}

/**
 * Top of |wBar - t g| with t the exact minimiser of Q along -g on the magnitude support; where wBar is best g = 0
 * and it is the magnitude support itself (algorithms: 1.4).
 */
export async function initialSupport(problem: Able<'gradient'>, constraint: Constraint): Promise<Uint8Array> {
  const { wBar } = problem;
  const first = constraint.support(squared(wBar));
  if (problem.isLeastAtStart) return first;
  const g = await problem.gradient(wBar, new Float64Array(problem.imageLength));
  if (squaredNorm(g) < 1e-16) return first;
  const gS = g.map((x, i) => (first[i] === 1 ? x : 0));
  if (squaredNorm(gS) === 0) return first;
  const t = 1 / problem.curvature(gS, await problem.times(gS));
  const kept = (t: number): Float64Array => wBar.map((x, i) => x - t * (g[i] as number));
  let step = t;
  for (let tries = 0; tries < 100 && !keepsItsPlaces(kept(step), first); tries++) step /= 2;
  if (step === t) return first;
  return bestOfGrowingSteps(problem, constraint, { first, kept, step });
}

/** Whether the largest entry on the support is at least the largest outside (the published program's test: maximum against maximum). */
function keepsItsPlaces(v: Float64Array, support: Uint8Array): boolean {
  const [inside, outside] = largest(v.map(Math.abs), support);
  return inside >= outside - 1e-10;
}

/** Doubles the step while Q of the thresholded point falls. */
async function bestOfGrowingSteps(
  problem: Able<'gradient'>,
  constraint: Constraint,
  from: { readonly first: Uint8Array; readonly kept: (t: number) => Float64Array; readonly step: number },
): Promise<Uint8Array> {
  const on = (v: Float64Array, support: Uint8Array): Float64Array => v.map((x, i) => (support[i] === 1 ? x : 0));
  let best = from.first;
  let lowest = (await problem.value(on(problem.wBar, best))).objective;
  for (let trial = 0, t = from.step; trial < 10; trial++, t *= 2) {
    const v = from.kept(t);
    const support = constraint.support(squared(v));
    const { objective } = await problem.value(on(v, support));
    if (!(objective < lowest)) break;
    [best, lowest] = [support, objective];
  }
  return best;
}

function largest(values: Float64Array, support: Uint8Array): [inside: number, outside: number] {
  let [inside, outside] = [0, 0];
  values.forEach((value, i) => {
    if (support[i] === 1) inside = Math.max(inside, value);
    else outside = Math.max(outside, value);
  });
  return [inside, outside];
}
