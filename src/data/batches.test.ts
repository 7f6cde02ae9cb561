import { describe, expect, it } from 'vitest';
import { random } from '../tensor/random.ts';
import { float32 } from '../tensor/tensor.ts';
import { batches, drawRows, inOrder } from './batches.ts';
import type { Dataset } from './dataset.ts';

const dataset = (fail?: number): Dataset => ({
  address: 'a',
  count: 10,
  sampleDims: [1],
  labelled: false,
  hash: async () => '',
  batch: async (indices) => {
    if (Array.from(indices).includes(fail ?? -1)) throw new Error(`row ${fail}`);
    return { x: float32(Float32Array.from(indices), [indices.length, 1]) };
  },
});

const collect = async (indices: ArrayLike<number>, size: number) => {
  const rows: number[][] = [];
  for await (const { x } of batches(dataset(), indices, size)) rows.push([...(x.data as Float32Array)]);
  return rows;
};

describe('drawRows', () => {
  it('draws distinct rows, the same for the same seed', () => {
    const rows = drawRows(dataset(), 6, random(1));
    expect(new Set(rows).size).toBe(6);
    expect(rows.every((row) => row >= 0 && row < 10)).toBe(true);
    expect(drawRows(dataset(), 6, random(1))).toEqual(rows);
    expect(drawRows(dataset(), 6, random(2))).not.toEqual(rows);
  });

  it('keeps the order of the file when all rows are asked for', () => {
    expect(drawRows(dataset(), 10, random(1))).toEqual(inOrder(10));
  });

  it.each([11, 0, 2.5, Number.NaN])('refuses to draw %d of ten', (count) => {
    expect(() => drawRows(dataset(), count, random(1))).toThrow(/wanted 1 to 10/);
  });
});

describe('batches', () => {
  it('go through the indices in their order, the last one shorter', async () => {
    expect(await collect([9, 3, 3, 0, 5], 2)).toEqual([[9, 3], [3, 0], [5]]);
    expect(await collect(inOrder(4), 4)).toEqual([[0, 1, 2, 3]]);
    expect(await collect([], 4)).toEqual([]);
  });

  it('give what was read before a failure, then the failure', async () => {
    const seen: number[] = [];
    const run = async () => {
      for await (const { x } of batches(dataset(3), inOrder(6), 2)) seen.push(x.data[0] as number);
    };
    await expect(run()).rejects.toThrow('row 3');
    expect(seen).toEqual([0]);
  });

  it('leave no failure unhandled when the caller stops early', async () => {
    for await (const _ of batches(dataset(3), inOrder(6), 2)) break;
    await new Promise((resolve) => setImmediate(resolve));
  });

  it('refuse a size that is none', async () => {
    await expect(collect([1], 0)).rejects.toThrow(/current value is 0/);
    await expect(collect([1], 1.5)).rejects.toThrow(/current value is 1.5/);
  });
});
