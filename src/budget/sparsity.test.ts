import { describe, expect, it } from 'vitest';
import { count } from '../constraints/cardinality.ts';
import { OptionError } from '../errors/errors.ts';
import { constraintOf, keptOf, sparsity } from './sparsity.ts';

describe('sparsity', () => {
  it('keeps (1 - sparsity) p weights, cut off in floating point as the published program does', () => {
    expect(keptOf(32_360, 0.8)).toBe(6471); // (1 - 0.8) * 32360 = 6471.999...
    expect([0.5, 0.6, 0.7, 0.9, 0.95, 0.98].map((s) => keptOf(32_360, s))).toEqual([
      16_180, 12_944, 9708, 3235, 1618, 647,
    ]);
    expect(keptOf(100, 0)).toBe(100);
  });

  it('is over all weights unless told otherwise', () => {
    const constraint = constraintOf(sparsity(0.5), [4, 2]);
    expect(constraint.support(Float64Array.of(9, 8, 7, 1, 1, 1))).toEqual(Uint8Array.of(1, 1, 1, 0, 0, 0));
    expect(constraint.description).toBe('at most 3 of 6 weights');
  });

  it('can hold in each layer, whose counts are cut off one by one', () => {
    const constraint = constraintOf(sparsity(0.5, { scope: 'layer' }), [3, 4]);
    const support = constraint.support(Float64Array.of(1, 2, 3, 4, 5, 6, 7));
    expect(support).toEqual(Uint8Array.of(0, 0, 1, 0, 0, 1, 1));
    expect(constraint.kept).toBe(count(support));
  });

  it('refuses what is no share of zeros', () => {
    for (const value of [-0.1, 1, 1.5, 90, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => sparsity(value)).toThrow(OptionError);
    }
  });
});
