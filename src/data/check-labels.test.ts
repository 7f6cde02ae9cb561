import { describe, expect, it } from 'vitest';
import { float32 } from '../tensor/tensor.ts';
import { checkLabels } from './check-labels.ts';
import type { Dataset } from './dataset.ts';

const labelled = (labels: number[] | undefined): Dataset => ({
  address: 'npz:a',
  count: 3,
  sampleDims: [1],
  labelled: labels !== undefined,
  ...(labels && { labels: Int32Array.from(labels) }),
  hash: async () => '',
  batch: async () => ({ x: float32([1], [1, 1]) }),
});

describe('checkLabels', () => {
  it('passes classes of the model and data without labels', () => {
    expect(() => checkLabels(labelled([0, 9, 5]), 10)).not.toThrow();
    expect(() => checkLabels(labelled(undefined), 10)).not.toThrow();
  });

  it('names the first label outside and counts them', () => {
    expect(() => checkLabels(labelled([0, 10, 11]), 10)).toThrow(
      'Cannot use the labels of "npz:a": row 1 has label 10, wanted 0 to 9 since the model has 10 classes; ' +
        '2 of 3 labels are outside',
    );
    expect(() => checkLabels(labelled([0, 1, -1]), 10)).toThrow(/row 2 has label -1/);
  });
});
