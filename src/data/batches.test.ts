import { describe, expect, it } from 'vitest';
import { float32 } from '../tensor/tensor.ts';
import { batches, inOrder } from './batches.ts';
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
