import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sizeOf } from '../tensor/tensor.ts';
import { batches, inOrder } from './batches.ts';
import type { Dataset } from './dataset.ts';
import { openDataset } from './open-dataset.node.ts';

const DATA = process.env.COPPICE_DATA ?? join(homedir(), '.cache', 'coppice-data');
const SHARED = process.env.COPPICE_SHARED ?? '../shared';

/** Where the files are missing the test is skipped, under its name. */
const where = (path: string) => describe.skipIf(!existsSync(path));

/** Mean and standard deviation of each channel, over all rows; samples are [channels, ...]. */
async function moments(data: Dataset, channels: number): Promise<(readonly [number, number])[]> {
  const sums = Array.from({ length: channels }, () => ({ sum: 0, squares: 0 }));
  const size = sizeOf(data.sampleDims) / channels;
  for await (const { x } of batches(data, inOrder(data.count), 1000)) {
    const values = x.data as Float32Array;
    for (let i = 0; i < values.length; i += size) {
      const channel = sums[(i / size) % channels] as { sum: number; squares: number };
      for (let k = i; k < i + size; k++) {
        const value = values[k] as number;
        channel.sum += value;
        channel.squares += value * value;
      }
    }
  }
  const n = data.count * size;
  return sums.map(({ sum, squares }) => [sum / n, Math.sqrt(squares / n - (sum / n) ** 2)]);
}

where(join(DATA, 'mnist'))('MNIST in COPPICE_DATA', () => {
  const address = (part: string) =>
    `idx:${DATA}/mnist/${part}-images-idx3-ubyte.gz,${DATA}/mnist/${part}-labels-idx1-ubyte.gz`;

  it('has the published counts, first labels and moments', async () => {
    const data = await openDataset(`${address('t10k')}[:2000]`, { scale: '1/255', mean: 0.1307, std: 0.3081 });
    expect([data.count, data.sampleDims, [...(data.labels ?? []).slice(0, 5)]]).toEqual([
      2000,
      [1, 28, 28],
      [7, 2, 1, 0, 4],
    ]);
    const whole = await openDataset(address('t10k'), { scale: '1/255', modelInput: { shape: ['N', 784] } });
    expect([whole.count, whole.sampleDims]).toEqual([10000, [784]]);
    const [[mean, std] = [0, 0]] = await moments(whole, 1);
    expect(mean).toBeCloseTo(0.1325, 4);
    expect(std).toBeCloseTo(0.3105, 4);
  });
});

where(join(DATA, 'cifar10'))('CIFAR-10 in COPPICE_DATA', () => {
  it('has the published counts, classes and channel means', async () => {
    const data = await openDataset(`cifar10:${DATA}/cifar10/test_batch.bin`, { scale: '1/255' });
    const perClass = Array.from({ length: 10 }, (_, c) => (data.labels ?? []).filter((label) => label === c).length);
    expect([data.count, perClass]).toEqual([10000, Array(10).fill(1000)]);
    const means = (await moments(data, 3)).map(([mean]) => Number(mean.toFixed(4)));
    expect(means).toEqual([0.4942, 0.4851, 0.4504]);
  });
});

where(join(SHARED, 'data', 'imagenet-500'))('imagenet-500 in COPPICE_SHARED', () => {
  it('has a labels.csv and comes out at the size of the model', async () => {
    const data = await openDataset(`images:${SHARED}/data/imagenet-500`, {
      scale: '1/127.5',
      mean: 1,
      modelInput: { type: 'float32', shape: ['N', 3, 224, 224] },
    });
    expect([data.count, [...(data.labels ?? []).slice(0, 4)]]).toEqual([500, [0, 2, 4, 6]]);
    const { x, labels } = await data.batch([0, 499]);
    expect([x.dims, labels?.[1]]).toEqual([[2, 3, 224, 224], data.labels?.[499]]);
    const [lowest, highest] = [Math.min, Math.max].map((of) => (x.data as Float32Array).reduce((a, b) => of(a, b)));
    expect([lowest, highest].every((value) => Math.abs(value as number) <= 1)).toBe(true);
    expect(lowest).toBeLessThan(-0.9);
  });
});
