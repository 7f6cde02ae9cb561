import { describe, expect, it } from 'vitest';
import { searchAlong } from './line-search.ts';

const from = Float64Array.of(1, 0);
const to = Float64Array.of(3, -1);

/** A loss that is least where the factor is `best`; the factor is read off the first weight. */
function lossAround(best: number): { seen: number[]; lossAt: (w: Float64Array) => Promise<number> } {
  const seen: number[] = [];
  const lossAt = async ([first = 0]: Float64Array): Promise<number> => {
    const scale = (first - 1) / 2;
    seen.push(scale);
    return (scale - best) ** 2;
  };
  return { seen, lossAt };
}

describe('searchAlong', () => {
  it.each([
    [1, 1],
    [1.2, 1],
    [7, 8],
    [0.3, 0.25],
    [100, 64],
  ])('takes the power of two nearest to a best factor of %d, which is %d', async (best, expected) => {
    const { lossAt } = lossAround(best);
    const found = await searchAlong({ from, to }, 1, lossAt);
    expect(found.scale).toBe(expected);
    expect(Array.from(found.w)).toEqual([1 + 2 * expected, -expected]);
    expect(found.loss).toBeCloseTo((expected - best) ** 2, 9);
  });

  it('takes no step where every one does harm', async () => {
    const found = await searchAlong({ from, to }, 1, lossAround(-1).lossAt);
    expect(found.scale).toBe(0);
    expect(found.w).toEqual(from);
  });

  it('goes on from the factor before, and looks no more than eight times', async () => {
    const { seen, lossAt } = lossAround(16);
    await searchAlong({ from, to }, 16, lossAt);
    expect(seen).toEqual([16, 32, 8]);
    for (const best of [0, 1e-9, 1e9]) {
      const { seen: many, lossAt: at } = lossAround(best);
      await searchAlong({ from, to }, 1, at);
      expect(many.length).toBeLessThanOrEqual(8);
    }
  });
});
