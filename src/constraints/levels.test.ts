import fc from 'fast-check';
import { expect, it } from 'vitest';
import { cardinality } from './cardinality.ts';
import { largestInGroups } from './levels.ts';

it('counts what the constraint of each count keeps in each group, ties included', () => {
  const value = fc.integer({ min: 0, max: 6 });
  const groups = fc.array(fc.array(value, { maxLength: 8 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(groups, (lists) => {
      const values = Float64Array.from(lists.flat());
      const ks = Array.from({ length: values.length + 1 }, (_, k) => k);
      const sizes = lists.map((list) => list.length);
      const wanted = ks.map((k) => {
        const support = cardinality(values.length, k).support(values);
        let start = 0;
        return sizes.map((size) => {
          start += size;
          return support.subarray(start - size, start).reduce((sum, kept) => sum + kept, 0);
        });
      });
      expect(largestInGroups(values, sizes, ks)).toEqual(wanted);
    }),
    { numRuns: 300, seed: 5 },
  );
});
