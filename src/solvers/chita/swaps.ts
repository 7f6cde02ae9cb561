import type { Constraint } from '../../constraints/constraint.ts';
import { markLargest } from '../../constraints/select.ts';
import type { Able, Solved } from '../../problem/problem.ts';

/** Defaults of the swap rounds. */
export const SWAP_DEFAULTS = {
  /** Share of the support that a round may exchange at first; halved after a round that does not help. */
  share: 0.1,
  /** Below this share, or fewer than one weight, the search ends. */
  smallestShare: 1e-4,
} as const;

/** Where a round starts. */
export interface SwapStart {
  readonly problem: Able<'solve'>;
  readonly constraint: Constraint;
  readonly support: Uint8Array;
  readonly solution: Solved;
  readonly objective: number;
  readonly share: number;
}

/** What a round found. */
export interface SwapResult {
  readonly improved: {
    readonly support: Uint8Array;
    readonly solution: Solved;
    readonly objective: number;
  } | null;
  readonly share: number;
  readonly done: boolean;
}

/**
 * One round by what each weight is worth at the optimum on S, exactly, all others re-optimised: see worthOf and layerModel.
 *
 * The supports of highest worth, changed in a share of their places at once, are back-solved and kept if Q falls.
 *
 * Cost: the scores and one back-solve.
 */
export async function swapRound(start: SwapStart): Promise<SwapResult> {
  const { problem, constraint, support, solution, objective } = start;
  const worth = await solution.worth();
  const next = exchange(constraint, support, worth, start.share);
  const smallest = start.share / 2 < SWAP_DEFAULTS.smallestShare || placesOf(constraint, start.share) === 1;
  const shrunk = { improved: null, share: start.share / 2, done: smallest };
  if (next === null) return { improved: null, share: start.share, done: true };
  const candidate = await problem.solveOn(next);
  if (candidate === null) return shrunk;
  const { value } = candidate;
  if (!(value.objective < objective)) return shrunk;
  const small = objective - value.objective < 1e-9 * Math.abs(objective);
  return {
    improved: { support: next, solution: candidate, objective: value.objective },
    share: start.share,
    done: small,
  };
}

/** Places that a share of the support is; a round that changes one and does not help would only be repeated. */
function placesOf({ most }: Constraint, share: number): number {
  return Math.max(1, Math.floor(share * most));
}

/** Factors up to which staying is favoured, and bisections between two of them. */
const MOST_FAVOUR = 2 ** 60;
const BISECTIONS = 12;

/**
 * Where weights are bound to each other: the support of highest worth if what is kept now counts for more, by the smallest factor
 * under which at most a number of places changes. Where even the first exchange changes more, that one.
 */
function partOfTheWay(constraint: Constraint, support: Uint8Array, worth: Float64Array, limit: number): Uint8Array {
  const favouring = (factor: number): { wanted: Uint8Array; changes: number } => {
    const wanted = constraint.support(worth.map((x, i) => (support[i] === 1 ? x * factor : x)));
    return { wanted, changes: wanted.reduce((sum, keep, i) => sum + (keep === 1 && support[i] === 0 ? 1 : 0), 0) };
  };
  let [low, high] = [1, 2];
  let [many, few] = [favouring(low), favouring(high)];
  while (few.changes > limit && high < MOST_FAVOUR) {
    [low, many] = [high, few];
    high *= 2;
    few = favouring(high);
  }
  for (let i = 0; i < BISECTIONS && many.changes !== few.changes; i++) {
    const middle = Math.sqrt(low * high);
    const between = favouring(middle);
    if (between.changes > limit) [low, many] = [middle, between];
    else [high, few] = [middle, between];
  }
  return few.changes > 0 ? few.wanted : many.wanted;
}

/** The support of highest worth, or one on the way to it that differs in at most a share of its places; null if it is the same. */
function exchange(constraint: Constraint, support: Uint8Array, worth: Float64Array, share: number): Uint8Array | null {
  const wanted = constraint.support(worth);
  const leaving: number[] = [];
  const entering: number[] = [];
  wanted.forEach((keep, i) => {
    if (keep === 1 && support[i] === 0) entering.push(i);
    if (keep === 0 && support[i] === 1) leaving.push(i);
  });
  if (entering.length === 0) return null;
  const limit = placesOf(constraint, share);
  if (entering.length <= limit) return wanted;
  if (constraint.coupled) return partOfTheWay(constraint, support, worth, limit);
  const advantage = worth.map((x, i) => (support[i] === 1 ? Number.POSITIVE_INFINITY : x));
  const best = (list: number[], sign: number): number[] => {
    const marks = new Uint8Array(list.length);
    markLargest(
      Float64Array.from(list, (i) => sign * (worth[i] as number)),
      limit,
      marks,
    );
    return list.filter((_, position) => marks[position] === 1);
  };
  for (const i of best(leaving, -1)) advantage[i] = worth[i] as number;
  for (const i of best(entering, 1)) advantage[i] = Number.POSITIVE_INFINITY;
  return constraint.support(advantage);
}
