import { filled } from '../tensor/filled.ts';
import { cardinality, count, type Group, grouped } from './cardinality.ts';
import type { Constraint } from './constraint.ts';
import { countsIn, type Grouping, sliceOf, spanOf } from './grouping.ts';
import { markLargest } from './select.ts';

/** A run of consecutive weights (a layer) of whose groups a number of weights may stay. */
export interface NOfMRun {
  readonly start: number;
  readonly grouping: Grouping;
  /** Weights of a group that stay at most: one number for all, or [groups]. */
  readonly most: number | Int32Array;
  /** Weights beyond that, over all groups of the run: on the way to a pattern more may stay for a while. Default 0. */
  readonly excess?: number;
}

/** A limit on what is kept besides, told twice. */
export interface NOfMLimit {
  /** Over the weights that the groups let stay, run behind run: {@link slotsOf} each. */
  readonly slots: Constraint;
  /** Over all weights. */
  readonly weights: Constraint;
}

/** What {@link nOfM} is told. */
export interface NOfMOptions {
  readonly p: number;
  readonly runs: readonly NOfMRun[];
  /** Absent = none: the groups alone count. */
  readonly limit?: NOfMLimit | undefined;
  readonly description: string;
}

/** Weights of a run that may stay at once. */
export function slotsOf({ grouping: { ends }, most, excess = 0 }: NOfMRun): number {
  let [slots, over] = [0, 0];
  for (let g = 0, from = 0; g < ends.length; g++) {
    const size = (ends[g] as number) - from;
    const kept = Math.min(size, capOf(most, g));
    slots += kept;
    over += size - kept;
    from = ends[g] as number;
  }
  return slots + Math.min(excess, over);
}

function capOf(most: number | Int32Array, g: number): number {
  return typeof most === 'number' ? most : (most[g] as number);
}

/**
 * At most N weights of each group, and what a further limit allows of those.
 *
 * Each group lets its N largest stay (with `excess` the largest of the others too, in each run); the limit chooses among them. That
 * is optimal: wherever a support keeps another weight of a group, one of the N largest is free, of the same run and so of the same cost,
 * and in its place adds no less.
 *
 * Cost: O(p M), in one pass over the groups; then the limit's own, over the weights that are left.
 */
export function nOfM({ p, runs, limit, description }: NOfMOptions): Constraint {
  const slots = runs.reduce((sum, run) => sum + slotsOf(run), 0);
  const chosen = <V extends Float64Array | Float32Array>(
    values: V,
    among: (own: V, within: Constraint) => Uint8Array,
  ): Uint8Array => {
    const support = new Uint8Array(p);
    for (const run of runs) markRun(run, values, support);
    if (limit !== undefined) thin(support, among(picked(values, support, slots), limit.slots));
    return support;
  };
  return {
    description,
    most: limit === undefined ? slots : Math.min(slots, limit.weights.most),
    coupled: true,
    support: (importance) => chosen(importance, (own, within) => within.support(own)),
    projection: (v) => chosen(v, (own, within) => within.projection?.(own) ?? within.support(squares(own))),
    allows: (support) => runs.every((run) => fits(run, support)) && (limit?.weights.allows(support) ?? true),
    restrict: (support, start, end) => restricted(runs, support, { start, end, isLimited: limit !== undefined }),
  };
}

function squares(v: Float32Array): Float64Array {
  return filled(new Float64Array(v.length), (i) => (v[i] as number) ** 2);
}

/** Groups of more members are sorted, not compared pair by pair. */
const FEW = 32;

/** Marks what the groups of a run let stay: of f32 values by magnitude. */
function markRun(
  { start, grouping, most, excess = 0 }: NOfMRun,
  all: Float64Array | Float32Array,
  support: Uint8Array,
): void {
  const { members, ends, size } = grouping;
  const values = all.subarray(start, start + size);
  const marks = support.subarray(start, start + size);
  const place = (m: number): number => (members === null ? m : (members[m] as number));
  let own = new Float64Array(FEW);
  for (let g = 0, from = 0; g < ends.length; g++) {
    const to = ends[g] as number;
    const cap = capOf(most, g);
    if (to - from > own.length) own = new Float64Array(to - from);
    for (let m = from; m < to; m++) own[m - from] = sizeOf(values, place(m));
    if (to - from <= cap) for (let m = from; m < to; m++) marks[place(m)] = 1;
    else if (to - from > FEW) {
      const largest = new Uint8Array(to - from);
      markLargest(own.subarray(0, to - from), cap, largest);
      for (let m = from; m < to; m++) marks[place(m)] = largest[m - from] as number;
    } else for (let m = from; m < to; m++) if (ahead(own, to - from, m - from) < cap) marks[place(m)] = 1;
    from = to;
  }
  if (excess > 0) markRest(values, marks, excess);
}

/** A value by which weights are compared; what is not a number is the smallest. */
function sizeOf(values: Float64Array | Float32Array, i: number): number {
  const value = values[i] as number;
  if (values instanceof Float32Array) return Number.isNaN(value) ? 0 : Math.abs(value);
  return Number.isNaN(value) ? Number.NEGATIVE_INFINITY : value;
}

/** How many of the first values come before value i: the larger ones, and equal ones at a lower place. */
function ahead(values: Float64Array, length: number, i: number): number {
  const own = values[i] as number;
  let number = 0;
  for (let j = 0; j < length; j++) if ((values[j] as number) > own || (values[j] === own && j < i)) number++;
  return number;
}

/** Marks the largest of what is not marked yet. */
function markRest(values: Float64Array | Float32Array, marks: Uint8Array, excess: number): void {
  const rest = Int32Array.from(indicesOf(marks, 0));
  const largest = new Uint8Array(rest.length);
  markLargest(
    filled(new Float64Array(rest.length), (j) => sizeOf(values, rest[j] as number)),
    excess,
    largest,
  );
  rest.forEach((i, r) => {
    if (largest[r] === 1) marks[i] = 1;
  });
}

function* indicesOf(marks: Uint8Array, value: number): Generator<number> {
  for (let i = 0; i < marks.length; i++) if (marks[i] === value) yield i;
}

/** The marked values, in their order. */
function picked<V extends Float64Array | Float32Array>(values: V, marks: Uint8Array, number: number): V {
  const own = (values instanceof Float32Array ? new Float32Array(number) : new Float64Array(number)) as V;
  for (let i = 0, s = 0; i < marks.length; i++) if (marks[i] === 1) own[s++] = values[i] as number;
  return own;
}

/** Leaves of the marks only those that are chosen among them. */
function thin(marks: Uint8Array, chosen: Uint8Array): void {
  for (let i = 0, s = 0; i < marks.length; i++) if (marks[i] === 1) marks[i] = chosen[s++] as number;
}

function fits({ start, grouping, most, excess = 0 }: NOfMRun, support: Uint8Array): boolean {
  const counts = countsIn(grouping, support.subarray(start, start + grouping.size));
  let over = 0;
  counts.forEach((kept, g) => {
    over += Math.max(0, kept - capOf(most, g));
  });
  return over <= excess;
}

/** The groups of a slice, with the room that the support leaves them: never more beyond a group's number than it has. */
function restricted(
  runs: readonly NOfMRun[],
  support: Uint8Array,
  { start, end, isLimited }: { readonly start: number; readonly end: number; readonly isLimited: boolean },
): Constraint {
  const parts: NOfMRun[] = [];
  const groups: Group[] = [];
  for (const { start: first, grouping, most } of runs) {
    const [from, to] = [Math.max(start, first), Math.min(end, first + grouping.size)];
    if (from >= to) continue;
    const slice = sliceOf(grouping, from - first, to - first);
    const own = support.subarray(from, to);
    const inside = countsIn(slice.grouping, own);
    const caps = inside.map((kept, g) => {
      const origin = slice.origin[g] as number;
      return Math.max(kept, capOf(most, origin) - (keptOf(grouping, origin, support.subarray(first)) - kept));
    });
    const run = { start: from - start, grouping: slice.grouping, most: caps };
    parts.push(run);
    groups.push({ start: run.start, size: slotsOf(run), kept: count(own) });
  }
  const p = end - start;
  const kept = groups.reduce((sum, group) => sum + group.kept, 0);
  const description = `at most ${kept} of ${p} weights, within their groups`;
  if (!isLimited) return nOfM({ p, runs: parts, description });
  let slot = 0;
  const slots = groups.map(({ size, kept }) => {
    slot += size;
    return { start: slot - size, size, kept };
  });
  const sizes = parts.map(({ start, grouping: { size } }, i) => ({ start, size, kept: groups[i]?.kept ?? 0 }));
  const limit =
    parts.length === 1
      ? { slots: cardinality(slot, kept), weights: cardinality(p, kept) }
      : { slots: grouped(slot, slots), weights: grouped(p, sizes) };
  return nOfM({ p, runs: parts, limit, description });
}

/** Weights of one group that a support keeps. */
function keptOf(grouping: Grouping, g: number, support: Uint8Array): number {
  const { from, to } = spanOf(grouping, g);
  let kept = 0;
  for (let m = from; m < to; m++)
    kept += support[grouping.members === null ? m : (grouping.members[m] as number)] as number;
  return kept;
}
