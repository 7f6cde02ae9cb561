import { describe, expect, it } from 'vitest';
import type { Dimension } from '../ir/model.ts';
import { float32 } from '../tensor/tensor.ts';
import type { Dataset } from './dataset.ts';
import { fitSample, fitTo } from './fit.ts';

describe('fitSample', () => {
  it.each([
    [
      [1, 28, 28],
      [1, 28, 28],
      [1, 28, 28],
    ],
    [
      [3, 32, 32],
      [3, 'h', null],
      [3, 32, 32],
    ],
    [[1, 28, 28], [784], [784]],
    [[784], [1, 28, 28], [1, 28, 28]],
    [
      [28, 28],
      [1, 28, 28],
      [1, 28, 28],
    ],
    [
      [1, 28, 28],
      [28, 28, 1],
      [28, 28, 1],
    ],
    [[1, 28, 28], ['features'], [784]],
    [[784], ['c', 28, 28], [1, 28, 28]],
    [[], [1], [1]],
  ] as const)('makes %o fit %o', (sample, wanted, dims) => {
    expect(fitSample(sample, wanted as readonly Dimension[], 'a')).toEqual(dims);
  });

  it.each([
    [[3, 32, 32], [3, 224, 224], /samples of shape \[3,224,224\], the data's are \[3,32,32\]; set size/],
    [[3, 32, 32], [32, 32, 3], /set layout/],
    [[3, 256, 256], [224, 224, 3], /set layout to nhwc/],
    [[256, 256, 3], [3, 224, 224], /set layout to nchw/],
    [[1, 28, 28], [3, 28, 28], /set channels to rgb/],
    [[3, 28, 28], [1, 28, 28], /set channels to gray/],
    [[784], [785], /\[785\].*\[784\]/],
    [[784], ['a', 'b'], /\[a,b\]/],
    [[10], [null, 3], /\[\?,3\]/],
  ] as const)('refuses %o for %o', (sample, wanted, message) => {
    expect(() => fitSample(sample, wanted as readonly Dimension[], 'a')).toThrow(message);
  });
});

it('fitTo reshapes batches and keeps everything else', async () => {
  const dataset: Dataset = {
    address: 'a',
    count: 2,
    sampleDims: [4],
    labelled: true,
    labels: Int32Array.of(1, 0),
    hash: async () => 'h',
    batch: async () => ({ x: float32([1, 2, 3, 4, 5, 6, 7, 8], [2, 4]), labels: Int32Array.of(1, 0) }),
  };
  const fitted = fitTo(dataset, [1, 2, 2]);
  const { x, labels } = await fitted.batch([0, 1]);
  expect([x.dims, x.data[7], [...(labels ?? [])]]).toEqual([[2, 1, 2, 2], 8, [1, 0]]);
  expect([fitted.sampleDims, fitted.labels?.[0], await fitted.hash()]).toEqual([[1, 2, 2], 1, 'h']);
});
