import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { count } from './cardinality.ts';
import { bestOfAll, countsOf, everySupport, keptBy, listsOf, smallMatrices } from './every-support.cases.ts';
import { fewSizes } from './few-sizes.ts';
import { groupsOf } from './grouping.ts';
import { classesOf, inTiles } from './tiles.ts';

const instance = fc
  .record({
    matrix: smallMatrices(10),
    shape: fc.record({ height: fc.integer({ min: 1, max: 3 }), width: fc.integer({ min: 1, max: 4 }) }),
    k: fc.nat(10),
    values: fc.array(fc.integer({ min: -4, max: 4 }), { minLength: 10, maxLength: 10 }),
  })
  .map(({ matrix, shape, k, values }) => {
    const grouping = groupsOf(matrix, shape);
    const p = grouping.size;
    const classes = classesOf([{ start: 0, grouping }]);
    let start = 0;
    const runs = classes.map(({ each, tiles: { length } }) => {
      start += length;
      return { start: start - length, size: length, each };
    });
    const kept = Math.min(k, p);
    const lists = listsOf(matrix, shape);
    const touched = (support: Uint8Array): number =>
      countsOf(lists, support).reduce((sum, number, g) => sum + (number > 0 ? (lists[g]?.length ?? 0) : 0), 0);
    return {
      w: Float64Array.from(values.slice(0, p)),
      passes: (support: Uint8Array): boolean => touched(support) <= kept,
      isWhole: (support: Uint8Array): boolean => touched(support) === count(support),
      constraint: inTiles({ p, classes, items: fewSizes(start, runs, kept), most: kept, description: 'tiles' }),
    };
  });

const importanceOf = (w: Float64Array): Float64Array => w.map((x) => x * x);
const on = (w: Float64Array, support: Uint8Array): Float64Array => w.map((x, i) => (support[i] === 1 ? x : 0));

describe('whole tiles', () => {
  it('allows parts of tiles that may stay together, and nothing else', () => {
    fc.assert(
      fc.property(instance, ({ w, constraint, passes }) => {
        for (const support of everySupport(w.length)) expect(constraint.allows(support)).toBe(passes(support));
      }),
      { seed: 1, numRuns: 40 },
    );
  });

  it('projects to the best tiles of all, and that to itself', () => {
    fc.assert(
      fc.property(instance, ({ w, constraint, passes, isWhole }) => {
        const support = constraint.support(importanceOf(w));
        expect(passes(support) && isWhole(support)).toBe(true);
        expect(count(support)).toBeLessThanOrEqual(constraint.most);
        expect(keptBy(importanceOf(w), support)).toBe(bestOfAll(importanceOf(w), passes));
        const once = on(w, support);
        expect(on(once, constraint.support(importanceOf(once)))).toEqual(once);
        expect(constraint.projection?.(Float32Array.from(w))).toEqual(support);
      }),
      { seed: 2, numRuns: 200 },
    );
  });

  it('is restricted to a slice so that what fits there keeps the whole allowed', () => {
    fc.assert(
      fc.property(instance, fc.nat(9), fc.nat(9), ({ w, constraint, passes, isWhole }, a, b) => {
        const [start, end] = [Math.min(a, b, w.length - 1), Math.min(Math.max(a, b) + 1, w.length)];
        const support = constraint.support(importanceOf(w));
        const part = constraint.restrict(support, start, end);
        expect(part.allows(support.subarray(start, end))).toBe(true);
        for (const own of everySupport(end - start)) {
          if (!part.allows(own)) continue;
          const whole = support.slice();
          whole.set(own, start);
          expect(passes(whole)).toBe(true);
        }
        const chosen = part.support(Float64Array.from({ length: end - start }, (_, i) => (i * 7) % 5));
        expect(part.allows(chosen)).toBe(true);
        expect(count(chosen)).toBe(part.most);
        support.set(chosen, start);
        expect(passes(support) && isWhole(support)).toBe(true);
      }),
      { seed: 3, numRuns: 200 },
    );
  });
});
