import { describe, expect, it } from 'vitest';
import { inOrder } from './batches.ts';
import { weighedBatches } from './whole-batches.ts';

describe('weighedBatches', () => {
  it('counts each sample once, whatever is left over', () => {
    for (const size of [1, 2, 7, 8, 12, 32])
      for (const count of [1, 2, 5, 8, 31, 63]) {
        const counts = new Float64Array(count);
        for (const { indices, weight } of weighedBatches(inOrder(count), size)) {
          expect(indices.length).toBe(size);
          for (const i of indices) (counts[i] as number) += weight;
        }
        expect([size, count, ...counts.map((x) => Math.round(x * 1e9) / 1e9)]).toEqual([
          size,
          count,
          ...Array(count).fill(1),
        ]);
      }
  });

  it('takes few runs more', () => {
    expect(weighedBatches(inOrder(63), 32).map(({ weight }) => weight)).toEqual([
      1,
      1 / 2,
      1 / 4,
      1 / 8,
      1 / 16,
      1 / 32,
    ]);
    expect(weighedBatches(inOrder(150), 100).map(({ weight }) => weight)).toEqual([1, 1 / 2]);
  });
});
