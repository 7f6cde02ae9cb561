import { OptionError } from '../errors/errors.ts';
import { count, restrictCounts } from './cardinality.ts';
import type { Constraint } from './constraint.ts';
import { markLargest } from './select.ts';

/** Consecutive items of one size. */
export interface SizedRun {
  readonly start: number;
  readonly size: number;
  /** What one of its items takes of the limit: a whole number above 0. */
  readonly each: number;
}

/** What an infinite importance counts as, in units of the largest finite one. */
const CEILING = 1e30;
/** Steps of the exact search that are worth their time. */
const MOST_STEPS = 5e7;

/**
 * Items whose sizes sum up to at most a limit: a knapsack of few different sizes. Within a size the largest go first, so that counts are
 * all that is sought.
 *
 * First the linear program's vertex: items by importance a unit of size, up to the first that does not fit. An optimal choice differs
 * from it in at most 2 S + 1 items, S the largest size in units of the greatest common divisor; those counts are searched by dynamic
 * programming over the room that they free or take. Where that would take more than 5e7 steps (S above some 30 to 60) the vertex is filled up
 * instead, which is within one item's importance of the optimum.
 *
 * @throws OptionError if a size is not a whole number above 0
 * Cost: a sort of the items of each size; then sizes x (4 S)^3 / 8 steps. Of one size a selection, O(items).
 * Source: Eisenbrand and Weismantel 2018 for the distance; the search is our own.
 */
export function fewSizes(items: number, runs: readonly SizedRun[], limit: number): Constraint {
  for (const { each } of runs)
    if (!Number.isInteger(each) || each < 1)
      throw new OptionError(`Cannot weigh items of size ${each}: wanted a whole number above 0`);
  const sizes = [...new Set(runs.map(({ each }) => each))].sort((a, b) => a - b);
  const takes = (support: Uint8Array): number =>
    runs.reduce((sum, { start, size, each }) => sum + each * count(support.subarray(start, start + size)), 0);
  const support = (importance: Float64Array): Uint8Array => {
    const marks = new Uint8Array(items);
    const kinds = sizes.map((each) => kindOf(runs, importance, each));
    const kept = kinds.length < 2 ? kinds.map((kind) => fitting(kind, limit)) : keptOf(kinds, limit);
    kinds.forEach(({ values, places }, c) => {
      const chosen = new Uint8Array(values.length);
      markLargest(values, kept[c] as number, chosen);
      for (let i = 0; i < chosen.length; i++) if (chosen[i] === 1) marks[places[i] as number] = 1;
    });
    return marks;
  };
  return {
    description: `at most ${limit} weights`,
    most: mostItems(runs, limit),
    support,
    allows: (marks) => takes(marks) <= limit,
    restrict: (marks, start, end) => restrictCounts(runs, marks, { start, end }),
  };
}

/** The items of one size. */
interface Kind {
  readonly each: number;
  /** Their importances, and where they stand. */
  readonly values: Float64Array;
  readonly places: Int32Array;
}

function kindOf(runs: readonly SizedRun[], importance: Float64Array, each: number): Kind {
  const own = runs.filter((run) => run.each === each);
  const total = own.reduce((sum, { size }) => sum + size, 0);
  const [values, places] = [new Float64Array(total), new Int32Array(total)];
  let at = 0;
  for (const { start, size } of own) {
    values.set(importance.subarray(start, start + size), at);
    for (let i = 0; i < size; i++) places[at + i] = start + i;
    at += size;
  }
  return { each, values, places };
}

function fitting({ each, values }: Kind, room: number): number {
  return Math.min(values.length, Math.floor(room / each));
}

function mostItems(runs: readonly SizedRun[], limit: number): number {
  let [left, items] = [limit, 0];
  for (const { size, each } of [...runs].sort((a, b) => a.each - b.each)) {
    const more = Math.min(size, Math.floor(left / each));
    items += more;
    left -= more * each;
  }
  return items;
}

/** Importances of one size in descending order, and how many of them are taken. */
interface Ranked {
  readonly each: number;
  readonly sorted: Float64Array;
  taken: number;
}

/** Counts of the sizes, the best of all where the search is worth it. */
function keptOf(kinds: readonly Kind[], limit: number): number[] {
  const largest = largestOf(kinds);
  const divisor = kinds.reduce((d, { each }) => gcd(d, each), 0);
  const ranked = kinds.map(({ each, values }): Ranked => {
    const sorted = values.map((x) => (x > 0 ? Math.min(x, CEILING * largest) : 0)).sort();
    return { each: each / divisor, sorted: sorted.reverse(), taken: 0 };
  });
  const room = takeVertex(ranked, Math.floor(limit / divisor));
  improve(ranked, room);
  fillUp(ranked, Math.floor(limit / divisor));
  return ranked.map(({ taken }) => taken);
}

function largestOf(kinds: readonly Kind[]): number {
  let largest = Number.MIN_VALUE;
  for (const { values } of kinds) for (const x of values) if (x > largest && x < Number.POSITIVE_INFINITY) largest = x;
  return largest;
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

/** Takes items by importance a unit of size until one does not fit. @returns the room that is left */
function takeVertex(ranked: readonly Ranked[], limit: number): number {
  let room = limit;
  for (;;) {
    let [best, most]: [Ranked | null, number] = [null, 0];
    for (const kind of ranked) {
      const worth = (kind.sorted[kind.taken] ?? 0) / kind.each;
      if (worth > most) [best, most] = [kind, worth];
    }
    if (best === null || best.each > room) return room;
    best.taken++;
    room -= best.each;
  }
}

/**
 * The best counts near the vertex: `gain[u]` is the most that changes of the sizes looked at so far bring which take u units of room
 * (fewer than none: which free some).
 */
function improve(ranked: readonly Ranked[], room: number): void {
  const most = Math.max(...ranked.map(({ each }) => each));
  const reach = 2 * most + 1;
  const span = reach * most;
  if (ranked.length * (2 * reach + 1) * (2 * span + 1) > MOST_STEPS) return;
  const width = 2 * span + 1;
  let gain = new Float64Array(width).fill(Number.NEGATIVE_INFINITY);
  gain[span] = 0;
  const choices = ranked.map(({ each, sorted, taken }) => {
    const next = new Float64Array(width).fill(Number.NEGATIVE_INFINITY);
    const choice = new Int32Array(width);
    const [down, up] = [Math.min(reach, taken), Math.min(reach, sorted.length - taken)];
    const changes = changesOf(sorted, taken, { down, up });
    for (let u = 0; u < width; u++) {
      const before = gain[u] as number;
      if (before === Number.NEGATIVE_INFINITY) continue;
      for (let change = -down; change <= up; change++) {
        const to = u + change * each;
        const value = before + (changes[change + down] as number);
        if (to < 0 || to >= width || value <= (next[to] as number)) continue;
        next[to] = value;
        choice[to] = change;
      }
    }
    gain = next;
    return choice;
  });
  let best = span;
  for (let u = 0; u <= Math.min(width - 1, span + room); u++)
    if ((gain[u] as number) > (gain[best] as number)) best = u;
  for (let c = ranked.length - 1; c >= 0; c--) {
    const change = (choices[c] as Int32Array)[best] as number;
    const kind = ranked[c] as Ranked;
    kind.taken += change;
    best -= change * kind.each;
  }
}

/** What taking so many more items of a size (fewer, where below none) brings: from -down to up. */
function changesOf(sorted: Float64Array, taken: number, { down, up }: { down: number; up: number }): Float64Array {
  const changes = new Float64Array(down + up + 1);
  for (let i = 1; i <= up; i++)
    changes[down + i] = (changes[down + i - 1] as number) + (sorted[taken + i - 1] as number);
  for (let i = 1; i <= down; i++) changes[down - i] = (changes[down - i + 1] as number) - (sorted[taken - i] as number);
  return changes;
}

/** Takes what still fits, the most important first; items of no importance too. */
function fillUp(ranked: readonly Ranked[], limit: number): void {
  let room = limit - ranked.reduce((sum, { each, taken }) => sum + each * taken, 0);
  for (;;) {
    const open = ranked.filter(({ each, sorted, taken }) => taken < sorted.length && each <= room);
    if (open.length === 0) return;
    const next = ({ sorted, taken }: Ranked): number => sorted[taken] as number;
    const best = open.reduce((a, b) => (next(b) > next(a) ? b : a));
    best.taken++;
    room -= best.each;
  }
}
