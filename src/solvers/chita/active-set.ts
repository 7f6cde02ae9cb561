import { cardinality } from '../../constraints/cardinality.ts';
import { type Constraint, squared, supportOf } from '../../constraints/constraint.ts';
import { checkOptions, countOrNone } from '../../errors/arguments.ts';
import type { Able, Point } from '../../problem/problem.ts';
import { magnitudePruned } from '../drive.ts';
import { type AnySolver, solver } from '../solver.ts';
import { stepBackSolve } from './back-solving.ts';
import { lineSearchStep, pointAt, slopeAlong, slopeOnSupport, thresholded } from './line-search-step.ts';
import { SWAP_DEFAULTS } from './swaps.ts';

/** Options of {@link chitaCd}. */
export interface ChitaCdOptions {
  /** Line-search steps inside an active set, and active sets, at most. */
  readonly iterations?: number;
  /** Rounds of swaps after the back-solve. */
  readonly swaps?: number;
}

/** Defaults of {@link chitaCd}. */
export const CHITA_CD_DEFAULTS = { iterations: 20, swaps: 8 } as const;

/** CHITA Alg. 4: the active set starts with half as many weights again as are kept. */
const ACTIVE_FACTOR = 1.5;
/** Steps that leave the support as it is, after which its minimum is left to the back-solve. */
const STILL = 2;
const SEARCHES = 10;

interface State {
  readonly problem: Able<'gradient' | 'solve'>;
  readonly constraint: Constraint;
  readonly iterations: number;
  phase: 'iterate' | 'back-solve';
  /** The magnitude start, with Q there. */
  readonly start: Point;
  point: Point;
  active: Uint8Array;
  inner: number;
  /** Steps since the support last moved. */
  still: number;
  outer: number;
  support: Uint8Array;
  solution: null;
  w: Float64Array;
  objective: number;
  roundsLeft: number;
  share: number;
  status: 'running' | 'converged' | 'not-positive-definite';
}

/**
 * CHITA-CD: iterative hard thresholding with exact steps inside a growing active set (Alg. 2 and 4), then the joint
 * back-solve on the support it found, then rounds of swaps. The best point of all is kept, the magnitude start included.
 *
 * Step products in f32, objectives in f64. Cost: about 2 to 7 passes over A a step; the rest as chita.
 * Source: Benbaki et al. 2023, Alg. 4. Departures: README.md.
 */
export function chitaCd(options: ChitaCdOptions = {}): AnySolver {
  checkOptions('make chitaCd()', options, { iterations: countOrNone, swaps: countOrNone });
  const iterations = options.iterations ?? CHITA_CD_DEFAULTS.iterations;
  return solver<State, 'gradient' | 'solve'>({
    name: 'chita-cd',
    made: { by: 'chitaCd', options },
    needs: ['gradient', 'solve'],
    init: async (problem, constraint) => {
      const w = magnitudePruned(problem, constraint);
      const point = await pointAt(problem, w);
      const state: State = {
        problem,
        constraint,
        iterations,
        phase: 'iterate',
        start: point,
        point,
        active: new Uint8Array(0),
        inner: 0,
        still: 0,
        outer: 0,
        support: new Uint8Array(0),
        solution: null,
        w,
        objective: point.value.objective,
        roundsLeft: options.swaps ?? CHITA_CD_DEFAULTS.swaps,
        share: SWAP_DEFAULTS.share,
        status: 'running',
      };
      state.active = await firstActiveSet(state);
      return state;
    },
    step: async (state) => (state.phase === 'iterate' ? iterate(state) : stepBackSolve(state)),
    status: ({ status }) => status,
    current: ({ w }) => w,
    support: ({ support, w }) => (support.length === 0 ? supportOf(w) : support),
  });
}

/** Support of the gradient step from wBar with room for half as many weights again; all weights where they are bound to each other. */
async function firstActiveSet({ problem, constraint }: State): Promise<Uint8Array> {
  const { wBar, p, imageLength, isLeastAtStart } = problem;
  if (constraint.coupled) return new Uint8Array(p).fill(1);
  const room = cardinality(p, Math.min(p, Math.ceil(ACTIVE_FACTOR * constraint.most)));
  const magnitude = constraint.support(squared(wBar));
  if (isLeastAtStart) return union(room.support(squared(wBar)), magnitude);
  const g = await problem.gradient(wBar, new Float64Array(imageLength));
  const step = 1 / (await slopeAlong(problem, g)).curvature;
  return union(room.support(wBar.map((x, i) => Math.abs(x - step * (g[i] as number)))), magnitude);
}

async function iterate(state: State): Promise<void> {
  const before = state.point;
  state.point = await lineSearchStep(state.problem, state.constraint, before, state.active);
  state.inner++;
  keepBest(state);
  state.still = movesSupport(before.w, state.point.w) ? 0 : state.still + 1;
  if (state.still < STILL && state.inner < state.iterations) return;
  state.inner = 0;
  state.still = 0;
  state.outer++;
  const grown = state.outer < state.iterations && (await lookOutside(state));
  if (grown) return;
  state.phase = 'back-solve';
  state.support = supportFound(state);
}

/** Whether a weight became zero or ceased to be. */
function movesSupport(from: Float64Array, to: Float64Array): boolean {
  return to.some((x, i) => (x === 0) !== (from[i] === 0));
}

function keepBest(state: State): void {
  if (state.point.value.objective < state.objective)
    [state.w, state.objective] = [state.point.w, state.point.value.objective];
}

/** Gradient steps of growing size over all weights; the best one enlarges the active set if it leaves it. */
async function lookOutside(state: State): Promise<boolean> {
  const { problem, constraint, active, point } = state;
  const g = await problem.gradient(point.w, point.value.product);
  const slope = await slopeOnSupport(problem, point.w, g);
  let found: Point | null = null;
  const { curvature } = Number.isFinite(slope.curvature) ? slope : await slopeAlong(problem, g);
  let step = 1 / (2 * curvature);
  for (let search = 0; search < SEARCHES; search++, step *= 2) {
    const stepped = point.w.map((x, i) => x - step * (g[i] as number));
    const next = await thresholded(problem, constraint, stepped, slope.pointAt(point, step));
    if (!(next.value.objective < (found ?? point).value.objective)) break;
    if (next.w.some((x, i) => x !== 0 && active[i] === 0)) found = next;
  }
  if (found === null) return false;
  state.point = found;
  state.active = union(active, supportOf(found.w));
  keepBest(state);
  return true;
}

/** The support found; places that it leaves empty go to the largest weights outside. */
function supportFound({ problem, constraint, w }: State): Uint8Array {
  return constraint.support(w.map((x, i) => (x === 0 ? (problem.wBar[i] as number) ** 2 : Number.POSITIVE_INFINITY)));
}

function union(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((x, i) => x | (b[i] as number));
}
