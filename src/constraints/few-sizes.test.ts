import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OptionError } from '../errors/errors.ts';
import { random } from '../tensor/random.ts';
import { count } from './cardinality.ts';
import { bestOfAll, keptBy } from './every-support.cases.ts';
import { fewSizes, type SizedRun } from './few-sizes.ts';

const instance = fc
  .record({
    runs: fc.array(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 7 })), {
      minLength: 1,
      maxLength: 4,
    }),
    values: fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 12, maxLength: 12 }),
    share: fc.nat(100),
  })
  .map(({ runs, values, share }) => {
    let start = 0;
    const sized = runs
      .map(([size, each]): SizedRun => {
        start += size;
        return { start: start - size, size, each };
      })
      .filter((run) => run.start + run.size <= 12);
    const items = sized.reduce((sum, { size }) => sum + size, 0);
    const all = sized.reduce((sum, { size, each }) => sum + size * each, 0);
    return { runs: sized, items, limit: Math.floor((share * all) / 100), importance: Float64Array.from(values) };
  });

const takes = (runs: readonly SizedRun[], support: Uint8Array): number =>
  runs.reduce((sum, { start, size, each }) => sum + each * count(support.subarray(start, start + size)), 0);

describe('a limit on items of few sizes', () => {
  it('is met by the best choice of all', () => {
    fc.assert(
      fc.property(instance, ({ runs, items, limit, importance }) => {
        const own = importance.subarray(0, items);
        const constraint = fewSizes(items, runs, limit);
        const support = constraint.support(own);
        expect(takes(runs, support)).toBeLessThanOrEqual(limit);
        expect(constraint.allows(support)).toBe(true);
        expect(keptBy(own, support)).toBe(bestOfAll(own, (one) => takes(runs, one) <= limit));
        expect(count(support)).toBeLessThanOrEqual(constraint.most);
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it('leaves no room that another item would fit into, whatever its importance', () => {
    fc.assert(
      fc.property(instance, ({ runs, items, limit }) => {
        const support = fewSizes(items, runs, limit).support(new Float64Array(items));
        const left = limit - takes(runs, support);
        for (const { start, size, each } of runs)
          if (count(support.subarray(start, start + size)) < size) expect(left).toBeLessThan(each);
      }),
      { seed: 2 },
    );
  });

  it('keeps what is infinite where it fits, and still weighs the rest exactly', () => {
    const runs = [
      { start: 0, size: 2, each: 3 },
      { start: 2, size: 3, each: 2 },
    ];
    const support = fewSizes(5, runs, 7).support(Float64Array.of(Number.POSITIVE_INFINITY, 4, 3, 2, Number.NaN));
    expect([...support]).toEqual([1, 0, 1, 1, 0]);
  });

  it('is within one item of the linear program where sizes are too large to search', () => {
    const rng = random(3);
    const runs = [
      { start: 0, size: 40, each: 1021 },
      { start: 40, size: 40, each: 997 },
    ];
    const importance = Float64Array.from({ length: 80 }, () => rng.uniform());
    const support = fewSizes(80, runs, 30_000).support(importance);
    const density = [...importance]
      .map((x, i) => ({ x, each: i < 40 ? 1021 : 997 }))
      .sort((a, b) => b.x / b.each - a.x / a.each);
    let [room, bound] = [30_000, 0];
    for (const { x, each } of density) {
      bound += x * Math.min(1, room / each);
      room = Math.max(0, room - each);
    }
    expect(takes(runs, support)).toBeLessThanOrEqual(30_000);
    expect(keptBy(importance, support)).toBeGreaterThan(bound - Math.max(...importance));
  });

  it('refuses sizes that are not whole', () => {
    expect(() => fewSizes(1, [{ start: 0, size: 1, each: 0.5 }], 1)).toThrow(OptionError);
  });
});
