import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { listsOf, smallMatrices } from './every-support.cases.ts';
import { countsIn, type Grouping, groupsOf, sliceOf, spanOf } from './grouping.ts';

/** The members of each group. */
function membersOf(grouping: Grouping): number[][] {
  return [...grouping.ends.keys()].map((g) => {
    const { from, to } = spanOf(grouping, g);
    return Array.from({ length: to - from }, (_, i) => grouping.members?.[from + i] ?? from + i);
  });
}

const sorted = (lists: readonly (readonly number[])[]): string[] =>
  lists.map((list) => [...list].sort((a, b) => a - b).join(' ')).sort();

const shapes = fc.record({ height: fc.integer({ min: 1, max: 5 }), width: fc.integer({ min: 1, max: 5 }) });

describe('groupsOf', () => {
  it('parts a matrix into neighbouring outputs x inputs, in any order of its elements', () => {
    fc.assert(
      fc.property(smallMatrices(24), shapes, (matrix, shape) => {
        expect(sorted(membersOf(groupsOf(matrix, shape)))).toEqual(sorted(listsOf(matrix, shape)));
      }),
      { seed: 1 },
    );
  });

  it('takes no memory a weight where groups lie one behind another', () => {
    const matrix = { groups: 1, outputs: 3, inputs: 10, places: null };
    const grouping = groupsOf(matrix, { height: 1, width: 4 });
    expect(grouping.members).toBeNull();
    expect([...grouping.ends]).toEqual([4, 8, 10, 14, 18, 20, 24, 28, 30]);
  });
});

describe('countsIn', () => {
  it('counts the marked members of each group', () => {
    const grouping = groupsOf({ groups: 1, outputs: 2, inputs: 3, places: null }, { height: 2, width: 2 });
    expect([...countsIn(grouping, Uint8Array.of(1, 0, 1, 1, 1, 0))]).toEqual([3, 1]);
  });
});

describe('sliceOf', () => {
  it('has of each group what lies within, and knows which group it is', () => {
    fc.assert(
      fc.property(smallMatrices(24), shapes, fc.nat(23), fc.nat(23), (matrix, shape, a, b) => {
        const grouping = groupsOf(matrix, shape);
        const [start, end] = [Math.min(a, b, grouping.size), Math.min(Math.max(a, b), grouping.size)];
        const slice = sliceOf(grouping, start, end);
        const whole = membersOf(grouping);
        const parts = membersOf(slice.grouping);
        expect(parts.flat().length).toBe(end - start);
        parts.forEach((part, g) => {
          const own = whole[slice.origin[g] as number] as number[];
          const within = own.filter((i) => i >= start && i < end);
          expect(sorted([part.map((i) => i + start)])).toEqual(sorted([within]));
        });
      }),
      { seed: 2 },
    );
  });
});
