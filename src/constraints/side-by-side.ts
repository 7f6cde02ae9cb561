import type { Constraint } from './constraint.ts';

/** A constraint over the next so many places. */
export interface Part {
  readonly size: number;
  readonly constraint: Constraint;
}

/** Constraints over consecutive places, each on its own. */
export function sideBySide(parts: readonly Part[]): Constraint {
  let length = 0;
  const placed = parts.map(({ size, constraint }) => {
    length += size;
    return { start: length - size, end: length, constraint };
  });
  return {
    description: `a limit for each of ${parts.length} layers`,
    most: parts.reduce((sum, { constraint: { most } }) => sum + most, 0),
    support: (importance) => {
      const support = new Uint8Array(length);
      for (const { start, end, constraint } of placed)
        support.set(constraint.support(importance.subarray(start, end)), start);
      return support;
    },
    allows: (support) => placed.every(({ start, end, constraint }) => constraint.allows(support.subarray(start, end))),
    restrict: (support, start, end) =>
      sideBySide(
        placed.flatMap((one) => {
          const [from, to] = [Math.max(start, one.start), Math.min(end, one.end)];
          if (from >= to) return [];
          const own = support.subarray(one.start, one.end);
          return [{ size: to - from, constraint: one.constraint.restrict(own, from - one.start, to - one.start) }];
        }),
      ),
  };
}
