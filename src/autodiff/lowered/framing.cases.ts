import { type GradientCase, shapes } from '../../../test/gradient-check.ts';
import { float32, int64 } from '../../tensor/tensor.ts';

const domain = 'com.microsoft';

/** Frames, determinants, distances: parities x axes x sizes. */
export const framingCases: readonly GradientCase[] = [
  { op: 'CenterCropPad', inputs: [[7, 4, 3], int64([4, 7, 3])], opsets: [18, 24] },
  { op: 'CenterCropPad', inputs: [[2, 8, 5], int64([5, 8])], attrs: { axes: [1, 2] }, opsets: [18, 24] },
  { op: 'CenterCropPad', inputs: [[2, 8, 5], int64([3])], attrs: { axes: [-2] }, opsets: [18, 24] },
  ...['1x1', '2x3x3', '2x2x4x4', '3x2x2'].map((text): GradientCase => ({ op: 'Det', inputs: shapes(text) })),
  { op: 'Pad', domain, inputs: [[2, 3], int64([0, 1, 2, 0]), float32([0.5], [1])] },
  { op: 'Pad', domain, inputs: [[4, 5], int64([1, 2, 2, 1])], attrs: { mode: 'reflect' } },
  { op: 'ExpandDims', domain, inputs: [[2, 3], { type: 'int32', dims: [], data: Int32Array.of(1) }] },
  { op: 'CDist', domain, inputs: shapes('4x3 5x3'), attrs: { metric: 'euclidean' } },
  { op: 'CDist', domain, inputs: shapes('4x3 5x3'), attrs: { metric: 'sqeuclidean' } },
];
