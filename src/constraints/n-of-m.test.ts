import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cardinality, count } from './cardinality.ts';
import type { Constraint } from './constraint.ts';
import { bestOfAll, countsOf, everySupport, keptBy, listsOf, smallMatrices } from './every-support.cases.ts';
import { groupsOf } from './grouping.ts';
import { nOfM, slotsOf } from './n-of-m.ts';

/** A matrix, a number for each group of M inputs, more beyond that, and perhaps a limit. */
const instance = fc
  .record({
    matrix: smallMatrices(10),
    m: fc.integer({ min: 2, max: 5 }),
    n: fc.integer({ min: 1, max: 3 }),
    excess: fc.nat(3),
    k: fc.option(fc.nat(10)),
    values: fc.array(fc.integer({ min: -4, max: 4 }), { minLength: 10, maxLength: 10 }),
  })
  .map(({ matrix, m, n, excess, k, values }) => {
    const shape = { height: 1, width: m };
    const run = { start: 0, grouping: groupsOf(matrix, shape), most: n, excess };
    const p = run.grouping.size;
    const [slots, kept] = [slotsOf(run), k === null ? p : Math.min(k, p)];
    const limit =
      k === null ? undefined : { slots: cardinality(slots, Math.min(slots, kept)), weights: cardinality(p, kept) };
    const lists = listsOf(matrix, shape);
    const passes = (support: Uint8Array): boolean =>
      count(support) <= kept &&
      countsOf(lists, support).reduce((over, number) => over + Math.max(0, number - n), 0) <= excess;
    const w = Float64Array.from(values.slice(0, p));
    return { w, passes, slots, constraint: nOfM({ p, runs: [run], limit, description: 'n:m' }) };
  });

const importanceOf = (w: Float64Array): Float64Array => w.map((x) => x * x);
const on = (w: Float64Array, support: Uint8Array): Float64Array => w.map((x, i) => (support[i] === 1 ? x : 0));

describe('N of M', () => {
  it('allows what it says, and nothing else', () => {
    fc.assert(
      fc.property(instance, ({ w, constraint, passes }) => {
        for (const support of everySupport(w.length)) expect(constraint.allows(support)).toBe(passes(support));
      }),
      { seed: 1, numRuns: 40 },
    );
  });

  it('projects to the best support of all, and that to itself', () => {
    fc.assert(
      fc.property(instance, ({ w, constraint, passes }) => {
        const support = constraint.support(importanceOf(w));
        expect(passes(support)).toBe(true);
        expect(keptBy(importanceOf(w), support)).toBe(bestOfAll(importanceOf(w), passes));
        const once = on(w, support);
        expect(on(once, constraint.support(importanceOf(once)))).toEqual(once);
      }),
      { seed: 2, numRuns: 200 },
    );
  });

  it('uses every place that it has, also where weights are zero', () => {
    fc.assert(
      fc.property(instance, ({ w, constraint }) => {
        expect(count(constraint.support(new Float64Array(w.length)))).toBe(constraint.most);
        expect(count(constraint.support(importanceOf(w)))).toBe(constraint.most);
      }),
      { seed: 3 },
    );
  });

  it('projects f32 weights as it does their squares', () => {
    fc.assert(
      fc.property(instance, ({ w, constraint }) => {
        expect(constraint.projection?.(Float32Array.from(w))).toEqual(constraint.support(importanceOf(w)));
      }),
      { seed: 4 },
    );
  });

  it('is restricted to a slice so that what fits there keeps the whole allowed', () => {
    fc.assert(
      fc.property(instance, fc.nat(9), fc.nat(9), ({ w, constraint, passes }, a, b) => {
        const [start, end] = [Math.min(a, b, w.length - 1), Math.min(Math.max(a, b) + 1, w.length)];
        const support = constraint.support(importanceOf(w));
        const part: Constraint = constraint.restrict(support, start, end);
        expect(part.allows(support.subarray(start, end))).toBe(true);
        for (const own of everySupport(end - start)) {
          if (!part.allows(own)) continue;
          const whole = support.slice();
          whole.set(own, start);
          expect(passes(whole)).toBe(true);
        }
        const chosen = part.support(Float64Array.from({ length: end - start }, (_, i) => (i * 7) % 5));
        expect(part.allows(chosen)).toBe(true);
        const again = part.restrict(chosen, 0, end - start);
        expect(again.allows(chosen)).toBe(true);
      }),
      { seed: 5, numRuns: 200 },
    );
  });

  it('keeps the largest of groups of many as of groups of few', () => {
    const w = Float64Array.from({ length: 100 }, (_, i) => (i * 37) % 100);
    const grouping = groupsOf({ groups: 1, outputs: 1, inputs: 100, places: null }, { height: 1, width: 50 });
    const support = nOfM({ p: 100, runs: [{ start: 0, grouping, most: 10 }], description: '' }).support(w);
    for (const from of [0, 50]) {
      const own = w.slice(from, from + 50);
      const least = own.slice().sort()[40] as number;
      own.forEach((x, i) => {
        expect(support[from + i]).toBe(x >= least ? 1 : 0);
      });
    }
  });

  it('keeps what is not a number last', () => {
    const grouping = groupsOf({ groups: 1, outputs: 1, inputs: 4, places: null }, { height: 1, width: 4 });
    const constraint = nOfM({ p: 4, runs: [{ start: 0, grouping, most: 2 }], description: '' });
    expect([...constraint.support(Float64Array.of(Number.NaN, -1, Number.NaN, -2))]).toEqual([0, 1, 0, 1]);
    expect([...(constraint.projection?.(Float32Array.of(Number.NaN, -1, 0.5, 2)) ?? [])]).toEqual([0, 1, 0, 1]);
  });
});
