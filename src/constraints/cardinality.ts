import { OptionError } from '../errors/errors.ts';
import type { Constraint } from './constraint.ts';
import { markLargest, markLargestMagnitudes } from './select.ts';

/** A run of consecutive weights with its own count. */
export interface Group {
  readonly start: number;
  readonly size: number;
  readonly kept: number;
}

/**
 * At most k nonzeros among p weights.
 *
 * @throws OptionError if k is not a whole number in [0, p]
 * Cost: a projection is O(p).
 */
export function cardinality(p: number, k: number): Constraint {
  const all = grouped(p, [{ start: 0, size: p, kept: k }], `at most ${k} of ${p} weights`);
  return { ...all, onlyCounts: true };
}

/** A count for each group of consecutive weights; the groups cover all weights. */
export function grouped(
  p: number,
  groups: readonly Group[],
  description = `a count for each of ${groups.length} layers`,
): Constraint {
  for (const { size, kept } of groups) {
    if (!Number.isInteger(kept) || kept < 0 || kept > size)
      throw new OptionError(`Cannot keep ${kept} of ${size} weights: wanted a whole number from 0 to ${size}`);
  }
  return {
    description,
    most: groups.reduce((sum, group) => sum + group.kept, 0),
    support: (importance) => markEach({ p, groups }, importance, markLargest),
    projection: (v) => markEach({ p, groups }, v, markLargestMagnitudes),
    allows: (support) => groups.every(({ start, size, kept }) => count(support.subarray(start, start + size)) <= kept),
    restrict: (support, start, end) => restrictCounts(groups, support, { start, end }),
  };
}

/** Marks as many values of each group as it keeps. */
export function markEach<V extends Float64Array | Float32Array>(
  { p, groups }: { readonly p: number; readonly groups: readonly Group[] },
  values: V,
  mark: (values: V, k: number, marks: Uint8Array) => void,
): Uint8Array {
  const support = new Uint8Array(p);
  for (const { start, size, kept } of groups)
    mark(values.subarray(start, start + size) as V, kept, support.subarray(start, start + size));
  return support;
}

/** As many weights of each group within a slice as the support has there; groups are runs of consecutive weights. */
export function restrictCounts(
  groups: readonly Pick<Group, 'start' | 'size'>[],
  support: Uint8Array,
  { start, end }: { readonly start: number; readonly end: number },
): Constraint {
  const parts = groups.flatMap((group): Group[] => {
    const [from, to] = [Math.max(start, group.start), Math.min(end, group.start + group.size)];
    return from < to ? [{ start: from - start, size: to - from, kept: count(support.subarray(from, to)) }] : [];
  });
  const [only] = parts;
  return parts.length === 1 && only?.size === end - start
    ? cardinality(only.size, only.kept)
    : grouped(end - start, parts);
}

/** Number of ones. */
export function count(support: Uint8Array): number {
  let total = 0;
  for (let i = 0; i < support.length; i++) total += support[i] as number;
  return total;
}
