import { away, type GradientCase, shapes } from '../../../test/gradient-check.ts';
import { float32, int64, type Tensor } from '../../tensor/tensor.ts';

const domain = 'com.microsoft';
const bools = (...values: number[]): Tensor => ({ type: 'bool', dims: [values.length], data: Uint8Array.from(values) });
const nonZero = (...dims: number[]) => ({ dims, draw: away([0]) });
const one = (value: number): Tensor => int64([value], []);

/** Norms, poolings, spectra and such: attributes x ranks. */
export const transformCases: readonly GradientCase[] = [
  { op: 'LpNormalization', inputs: shapes('3x4x5') },
  { op: 'LpNormalization', inputs: [nonZero(3, 4, 5)], attrs: { axis: 1, p: 1 } },
  { op: 'MeanVarianceNormalization', inputs: shapes('2x3x4x5') },
  { op: 'MeanVarianceNormalization', inputs: shapes('2x3x4'), attrs: { axes: [-1, 0] } },
  { op: 'LpPool', inputs: shapes('2x3x5x6'), attrs: { kernel_shape: [2, 3], strides: [2, 1], pads: [1, 1, 0, 1] } },
  { op: 'LpPool', inputs: [nonZero(2, 3, 7)], attrs: { kernel_shape: [2], p: 1, auto_pad: 'SAME_UPPER' } },
  { op: 'LpPool', inputs: [nonZero(2, 3, 7)], attrs: { kernel_shape: [2], p: 3, dilations: [2] }, opsets: [18, 24] },
  { op: 'GlobalLpPool', inputs: shapes('2x3x4x3'), opsets: [17] },
  { op: 'GlobalLpPool', inputs: [nonZero(2, 3, 4)], attrs: { p: 1 }, opsets: [17] },
  { op: 'Compress', inputs: [[4, 3], bools(1, 0, 1, 1)], attrs: { axis: 0 } },
  { op: 'Compress', inputs: [[2, 4, 3], bools(0, 1, 1)], attrs: { axis: -2 } },
  { op: 'Compress', inputs: [[2, 3], bools(0, 1, 1, 0, 1)] },
  {
    op: 'MaxUnpool',
    inputs: [[1, 2, 2, 2], int64([0, 3, 8, 11, 17, 18, 24, 30], [1, 2, 2, 2])],
    attrs: { kernel_shape: [2, 2], strides: [2, 2] },
  },
  {
    op: 'Col2Im',
    inputs: [[2, 8, 6], int64([4, 5]), int64([2, 2])],
    attrs: { strides: [2, 2], pads: [0, 1, 0, 0] },
    opsets: [18, 24],
  },
  { op: 'Col2Im', inputs: [[1, 6, 12], int64([5, 5]), int64([2, 3])], attrs: { dilations: [1, 1] }, opsets: [18, 24] },
  { op: 'DFT', inputs: shapes('2x8x1'), opsets: [17, 20, 24] },
  { op: 'DFT', inputs: shapes('2x6x2'), attrs: { inverse: 1 }, opsets: [17] },
  { op: 'DFT', inputs: shapes('2x6x3x1'), attrs: { axis: 1, onesided: 1 }, opsets: [17] },
  { op: 'DFT', inputs: [[2, 6, 3, 1], null, one(1)], attrs: { onesided: 1 }, opsets: [20, 24] },
  { op: 'DFT', inputs: [[2, 3, 6, 2], one(6), one(-2)], opsets: [20, 24] },
  { op: 'STFT', inputs: [[2, 16, 1], one(4), float32([0.1, 0.5, 1, 0.7, 0.2, 0.9], [6])] },
  { op: 'STFT', inputs: [[2, 16, 1], one(3), null, one(8)], attrs: { onesided: 0 } },
  { op: 'STFT', inputs: [[2, 16, 1], one(4), [6], one(6)] },
  { op: 'Trilu', domain, inputs: shapes('2x3x4'), attrs: { upper: 0 } },
  { op: 'GatherND', domain, inputs: [[3, 4], int64([0, 1, 2, 3], [2, 2])] },
];
