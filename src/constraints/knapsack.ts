import { InfeasibleError, OptionError } from '../errors/errors.ts';
import { count, type Group, markEach, restrictCounts } from './cardinality.ts';
import type { Constraint } from './constraint.ts';
import { markLargest, markLargestMagnitudes } from './select.ts';

/** A run of consecutive weights (a layer) whose weights all cost the same. */
export interface CostedGroup {
  readonly start: number;
  readonly size: number;
  /** At least and at most this many of its weights are kept. Default 0 and all. */
  readonly least?: number;
  readonly most?: number;
}

/** A sum that has to stay within a limit: of one cost for each kept weight of a group. */
export interface Limit {
  /** What is counted, for messages: `weights`, `MACs`. */
  readonly what: string;
  /** By group: what one kept weight costs, at least 0. */
  readonly costs: readonly number[];
  readonly limit: number;
}

/** Bisections of one multiplier: to the last bit of a double. */
const BISECTIONS = 200;
/** What an infinite importance counts as, in units of the largest finite one: it is kept where anything is. */
const CEILING = 1e30;
/** Equal importances are spread by this share, less than two floats are apart, so that thresholds can part them. */
const TIE_SPREAD = 1e-9;
/** Sums of costs are compared with this relative slack. */
const SLACK = 1e-12;

/**
 * The supports whose sums of costs all stay within their limits (an integer program with few rows):
 *
 *   max sum I_i z_i   s.t.  sum c_ri z_i <= limit_r for each r,   least_g <= count of g <= most_g,   z in {0, 1}
 *
 * Solved by the Lagrangian dual: with a multiplier for each limit the best z keeps what exceeds sum_r nu_r c_r; within a
 * group that is a prefix of its importances in order, so that a dual function value takes a binary search in each group.
 * The multipliers are bisected one inside the other; what is left of the limits is filled greedily.
 * The value is within (number of limits) * max I of the linear program's bound.
 *
 * @throws InfeasibleError if the least counts alone exceed a limit; its fields name the smallest feasible limits
 * @throws OptionError     if groups do not fit together
 * Cost: a projection sorts p floats (8 p bytes) and selects within groups; 200^limits * groups * log p for the duals.
 * Source: Meng et al. 2024 (FALCON) for the program and its dual; bisection, ties and fill are our own.
 */
export function knapsack(p: number, groups: readonly CostedGroup[], limits: readonly Limit[]): Constraint {
  const bounds = groups.map((group) => boundsOf(group));
  for (const { what, costs } of limits) {
    if (costs.length !== groups.length || costs.some((c) => !(c >= 0)))
      throw new OptionError(`Cannot limit ${what}: wanted one cost of at least 0 for each of ${groups.length} layers`);
  }
  assertFeasible(bounds, limits);
  const allows = (support: Uint8Array): boolean => {
    const counts = groups.map(({ start, size }) => count(support.subarray(start, start + size)));
    // What a group has to keep is a wish for importance, not a property of w: a kept weight may be solved to zero.
    return fits(counts, limits) && counts.every((c, g) => c <= (bounds[g] as Bounds).most);
  };
  const chosen = (values: Float64Array | Float32Array): Group[] => {
    const counts = solve(values, { groups: bounds, limits });
    return bounds.map((group, g) => ({ ...group, kept: counts[g] as number }));
  };
  return {
    description: limits.map(({ what, limit }) => `at most ${limit} ${what}`).join(', '),
    most: mostKept(bounds, limits),
    support: (importance) => markEach({ p, groups: chosen(importance) }, importance, markLargest),
    projection: (v) => markEach({ p, groups: chosen(v) }, v, markLargestMagnitudes),
    allows,
    // Within a group all weights cost the same: as many of each group as before cost as much as before.
    restrict: (support, start, end) => restrictCounts(groups, support, { start, end }),
  };
}

interface Bounds extends Group {
  readonly least: number;
  readonly most: number;
}

function boundsOf({ start, size, least = 0, most = size }: CostedGroup): Bounds {
  const whole = (x: number): boolean => Number.isInteger(x) && x >= 0 && x <= size;
  if (!whole(least) || !whole(most) || least > most)
    throw new OptionError(
      `Cannot keep from ${least} to ${most} of ${size} weights: wanted whole numbers from 0 to ${size}, in order`,
    );
  return { start, size, least, most, kept: most };
}

function costOf(counts: readonly number[], costs: readonly number[]): number {
  return counts.reduce((sum, c, g) => sum + c * (costs[g] as number), 0);
}

function within(cost: number, limit: number): boolean {
  return cost <= limit + SLACK * Math.abs(limit);
}

function fits(counts: readonly number[], limits: readonly Limit[]): boolean {
  return limits.every(({ costs, limit }) => within(costOf(counts, costs), limit));
}

function assertFeasible(bounds: readonly Bounds[], limits: readonly Limit[]): void {
  const least = bounds.map((b) => b.least);
  const broken = limits.filter(({ costs, limit }) => !within(costOf(least, costs), limit));
  if (broken.length === 0) return;
  const closest = Object.fromEntries(limits.map(({ what, costs }) => [what, costOf(least, costs)]));
  throw new InfeasibleError(
    `Cannot meet the budget: ${broken
      .map(
        ({ what, limit, costs }) =>
          `at most ${limit} ${what} are allowed, and the layers' lower bounds need ${costOf(least, costs)}`,
      )
      .join('; ')}`,
    { fields: { closest } },
  );
}

/** The most weights that any feasible support keeps: the cheapest first. */
function mostKept(bounds: readonly Bounds[], limits: readonly Limit[]): number {
  const counts = bounds.map((b) => b.least);
  // One limit at a time, cheapest groups first; with several limits this is an upper bound.
  return Math.min(
    ...limits.map(({ costs, limit }) => {
      let left = limit - costOf(counts, costs);
      let kept = counts.reduce((a, b) => a + b, 0);
      for (const g of [...bounds.keys()].sort((a, b) => (costs[a] as number) - (costs[b] as number))) {
        const { least, most } = bounds[g] as Bounds;
        const cost = costs[g] as number;
        const more = cost === 0 ? most - least : Math.max(0, Math.min(most - least, Math.floor(left / cost + SLACK)));
        kept += more;
        left -= more * cost;
      }
      return kept;
    }),
  );
}

interface Program {
  readonly groups: readonly Bounds[];
  readonly limits: readonly Limit[];
}

/** How many of the largest of each group are kept; of f32 values their squares are the importance. */
function solve(values: Float64Array | Float32Array, program: Program): number[] {
  const { groups, limits } = program;
  const largest = largestOf(values);
  const sorted = groups.map(({ start, size }) => inOrder(values.subarray(start, start + size), largest));
  const countsAt = (prices: readonly number[]): number[] =>
    groups.map(({ least, most }, g) => {
      const price = prices.reduce((sum, nu, r) => sum + nu * (limits[r]?.costs[g] as number), 0);
      return Math.min(most, Math.max(least, above(sorted[g] as Float32Array, price)));
    });
  /** Counts within the limits from r on, for given multipliers of those before it; as the last multiplier's smallest. */
  const settle = (prices: readonly number[], r: number): number[] => {
    const row = limits[r];
    if (row === undefined) return countsAt(prices);
    const at = (nu: number): number[] => settle([...prices, nu], r + 1);
    const holds = (counts: readonly number[]): boolean => within(costOf(counts, row.costs), row.limit);
    const free = at(0);
    if (holds(free)) return free;
    const cheapest = row.costs.reduce((min, c) => (c > 0 ? Math.min(min, c) : min), Number.POSITIVE_INFINITY);
    let [low, high] = [0, (2 * CEILING) / cheapest];
    let best = at(high);
    for (let i = 0; i < BISECTIONS; i++) {
      const middle = (low + high) / 2;
      if (middle <= low || middle >= high) break;
      const counts = at(middle);
      if (holds(counts)) [high, best] = [middle, counts];
      else low = middle;
    }
    return best;
  };
  return fill(settle([], 0), sorted, program);
}

/** The largest finite importance, at least the smallest double: the unit of the sorted values. */
function largestOf(values: Float64Array | Float32Array): number {
  const isWeight = values instanceof Float32Array;
  let largest = Number.MIN_VALUE;
  for (let i = 0; i < values.length; i++) {
    const v = values[i] as number;
    const x = isWeight ? v * v : v;
    if (x > largest && x < Number.POSITIVE_INFINITY) largest = x;
  }
  return largest;
}

/**
 * Importances in units of the largest, ascending, f32 (what is nearer than 1e-7 counts as equal); what is not positive as
 * 0, infinity as the ceiling. Cost: three passes of a radix sort over the bits; native sorts take five times as long.
 */
function inOrder(values: Float64Array | Float32Array, largest: number): Float32Array {
  const isWeight = values instanceof Float32Array;
  const sorted = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const x = values[i] as number;
    const v = isWeight ? x * x : x;
    if (v > 0) sorted[i] = Math.min(v / largest, CEILING);
  }
  let from = new Uint32Array(sorted.buffer);
  let to = new Uint32Array(sorted.length);
  for (const shift of [0, 11, 22]) {
    const ends = new Uint32Array(2049);
    for (let i = 0; i < from.length; i++) (ends[(((from[i] as number) >>> shift) & 2047) + 1] as number)++;
    for (let d = 0; d < 2048; d++) (ends[d + 1] as number) += ends[d] as number;
    for (let i = 0; i < from.length; i++) {
      const x = from[i] as number;
      const digit = (x >>> shift) & 2047;
      to[ends[digit] as number] = x;
      (ends[digit] as number)++;
    }
    [from, to] = [to, from];
  }
  return new Float32Array(from.buffer);
}

/**
 * Number of ascending values above a threshold; only positive ones are worth a place. Equal values stand for values that
 * grow by TIE_SPREAD over their run, so that a threshold can part them.
 */
function above(sorted: Float32Array, threshold: number): number {
  const end = firstAbove(sorted, threshold);
  const value = sorted[end - 1] ?? 0;
  const rest = sorted.length - end;
  if (!(value > 0) || threshold >= value * (1 + TIE_SPREAD)) return rest;
  const run = end - firstAbove(sorted, value * (1 - TIE_SPREAD));
  const place = Math.floor((run * (threshold / value - 1)) / TIE_SPREAD);
  return rest + Math.max(0, run - 1 - place);
}

/** The first place whose value is above a threshold. */
function firstAbove(sorted: Float32Array, threshold: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) > threshold) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Adds the next weights of the groups while the limits allow, the most important for its share of what is left first. */
function fill(counts: number[], sorted: readonly Float32Array[], { groups, limits }: Program): number[] {
  const left = limits.map(({ costs, limit }) => limit - costOf(counts, costs));
  const next = (g: number): number =>
    (sorted[g] as Float32Array)[(sorted[g] as Float32Array).length - 1 - (counts[g] as number)] ?? 0;
  const room = (g: number): boolean =>
    (counts[g] as number) < (groups[g] as Bounds).most &&
    next(g) > 0 &&
    limits.every(({ costs, limit }, r) => within((costs[g] as number) - (left[r] as number) + limit, limit));
  const worth = (g: number): number =>
    next(g) /
    limits.reduce((sum, { costs }, r) => sum + (costs[g] as number) / Math.max(left[r] as number, Number.MIN_VALUE), 0);
  for (;;) {
    const open = [...groups.keys()].filter(room);
    if (open.length === 0) return counts;
    const best = open.reduce((a, b) => (worth(b) > worth(a) ? b : a));
    (counts[best] as number)++;
    limits.forEach(({ costs }, r) => ((left[r] as number) -= costs[best] as number));
  }
}
