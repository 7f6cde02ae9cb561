import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OptionError } from '../errors/errors.ts';
import { random } from '../tensor/random.ts';
import { cardinality, count, grouped } from './cardinality.ts';
import type { Constraint } from './constraint.ts';
import { kthLargest, markLargest } from './select.ts';

/** Small whole numbers, so that ties are common. */
const weights = fc
  .array(fc.integer({ min: -4, max: 4 }), { minLength: 1, maxLength: 9 })
  .map((list) => Float64Array.from(list));

/** Weights in one to three groups, each with a count. */
const instance = fc
  .record({
    w: weights,
    cuts: fc.array(fc.nat(9), { maxLength: 2 }),
    shares: fc.array(fc.nat(100), { minLength: 3, maxLength: 3 }),
  })
  .map(({ w, cuts, shares }) => {
    const ends = [...new Set([...cuts.filter((c) => c > 0 && c < w.length), w.length])].sort((a, b) => a - b);
    const groups = ends.map((end, g) => {
      const start = g === 0 ? 0 : (ends[g - 1] as number);
      return { start, size: end - start, kept: Math.floor(((shares[g] as number) * (end - start)) / 100) };
    });
    return { w, constraint: grouped(w.length, groups) };
  });

function projected(constraint: Constraint, w: Float64Array): Float64Array {
  const support = constraint.support(w.map(Math.abs));
  return w.map((x, i) => (support[i] === 1 ? x : 0));
}

function distance(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, x, i) => sum + (x - (b[i] as number)) ** 2, 0);
}

function supportOf(w: Float64Array): Uint8Array {
  return Uint8Array.from(w, (x) => (x === 0 ? 0 : 1));
}

describe('a constraint of counts', () => {
  it('projects to a feasible point, and that point to itself', () => {
    fc.assert(
      fc.property(instance, ({ w, constraint }) => {
        const once = projected(constraint, w);
        expect(constraint.allows(supportOf(once))).toBe(true);
        expect(constraint.allows(constraint.support(w.map(Math.abs)))).toBe(true);
        expect(projected(constraint, once)).toEqual(once);
      }),
      { seed: 1 },
    );
  });

  it('projects to the nearest feasible point of all', () => {
    fc.assert(
      fc.property(instance, ({ w, constraint }) => {
        const own = distance(w, projected(constraint, w));
        for (let mask = 0; mask < 2 ** w.length; mask++) {
          const support = Uint8Array.from(w, (_, i) => (mask >> i) & 1);
          if (!constraint.allows(support)) continue;
          expect(own).toBeLessThanOrEqual(
            distance(
              w,
              w.map((x, i) => (support[i] === 1 ? x : 0)),
            ),
          );
        }
      }),
      { seed: 2, numRuns: 60 },
    );
  });

  it('is restricted to a slice so that what fits there keeps the whole allowed', () => {
    fc.assert(
      fc.property(instance, fc.nat(9), fc.nat(9), weights, ({ w, constraint }, a, b, other) => {
        const [start, end] = [Math.min(a, b, w.length - 1), Math.min(Math.max(a, b) + 1, w.length)];
        const support = constraint.support(w.map(Math.abs));
        const part = constraint.restrict(support, start, end);
        expect(part.allows(support.subarray(start, end))).toBe(true);
        expect(part.most).toBe(count(support.subarray(start, end)));
        support.set(part.support(Float64Array.from({ length: end - start }, (_, i) => other[i] ?? 0)), start);
        expect(constraint.allows(support)).toBe(true);
      }),
      { seed: 5, numRuns: 200 },
    );
  });

  it('uses every place that it has', () => {
    fc.assert(
      fc.property(instance, ({ w, constraint }) => {
        expect(count(constraint.support(w.map(Math.abs)))).toBe(constraint.most);
      }),
      { seed: 3 },
    );
  });

  it('projects ties to the lower index', () => {
    expect(cardinality(5, 3).support(Float64Array.of(1, 2, 1, 1, 2))).toEqual(Uint8Array.of(1, 1, 0, 0, 1));
    expect(cardinality(4, 2).support(new Float64Array(4))).toEqual(Uint8Array.of(1, 1, 0, 0));
  });

  it('keeps what is not a number last', () => {
    expect(cardinality(3, 1).support(Float64Array.of(Number.NaN, -1, Number.NaN))).toEqual(Uint8Array.of(0, 1, 0));
    expect(cardinality(3, 2).support(Float64Array.of(Number.NaN, -1, Number.NaN))).toEqual(Uint8Array.of(1, 1, 0));
  });

  it('refuses counts that are not whole or do not fit', () => {
    for (const k of [-1, 1.5, 6, Number.NaN]) expect(() => cardinality(5, k)).toThrow(OptionError);
  });
});

describe('kthLargest', () => {
  it('is what sorting gives, for every k', () => {
    const values = fc.array(fc.double({ noNaN: true }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(values, (list) => {
        const sorted = [...list].sort((a, b) => b - a);
        for (let k = 1; k <= list.length; k++)
          expect(kthLargest(Float64Array.from(list), k) === sorted[k - 1]).toBe(true);
      }),
      { seed: 4 },
    );
  });

  it('leaves the values where they are', () => {
    const values = Float64Array.of(3, 1, 2);
    kthLargest(values, 2);
    expect(values).toEqual(Float64Array.of(3, 1, 2));
  });

  it('takes time in proportion to the values where all are equal or in order', () => {
    for (const rule of [() => 1, (i: number) => i, (i: number) => -i]) {
      const values = Float64Array.from({ length: 200_000 }, (_, i) => rule(i));
      expect(kthLargest(values, 100_000)).toBe([...values].sort((a, b) => b - a)[99_999]);
    }
  });

  it.each<[string, (i: number, rng: ReturnType<typeof random>) => number]>([
    ['normal', (_, rng) => rng.normal()],
    ['of five sizes', (_, rng) => Math.floor(5 * rng.uniform())],
    ['zero for the most part', (_, rng) => (rng.uniform() < 0.9 ? 0 : rng.uniform())],
    ['rising', (i) => i],
    ['falling but for some that are no numbers', (i) => (i % 7 === 0 ? Number.NaN : -i)],
    ['infinite here and there', (i, rng) => (i % 1000 === 0 ? Number.POSITIVE_INFINITY : rng.normal())],
  ])('finds it among many that are %s', (_, value) => {
    const rng = random(4);
    const values = Float64Array.from({ length: 40_000 }, (__, i) => value(i, rng));
    const sorted = values.map((v) => (Number.isNaN(v) ? Number.NEGATIVE_INFINITY : v)).sort();
    for (const k of [1, 2, 40, 4_000, 20_000, 34_285, 34_286, 39_999, 40_000])
      expect(kthLargest(values, k)).toBe(sorted[40_000 - k]);
  });
});

describe('markLargest', () => {
  it('marks none for k = 0 and all for k = length', () => {
    const marks = new Uint8Array(2);
    markLargest(Float64Array.of(1, 2), 0, marks);
    expect(marks).toEqual(Uint8Array.of(0, 0));
    markLargest(Float64Array.of(1, 2), 2, marks);
    expect(marks).toEqual(Uint8Array.of(1, 1));
  });
});
