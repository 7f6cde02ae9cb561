import { type GradientCase, shapes } from '../../../test/gradient-check.ts';

/** ConvTranspose: dimensions x strides x dilations x pads x groups x output_padding x output_shape x auto_pad. */
export const convTransposeCases: readonly GradientCase[] = [
  { op: 'ConvTranspose', inputs: shapes('4x3x5 3x4x3 4'), weights: [1, 2] },
  { op: 'ConvTranspose', inputs: shapes('4x3x4x5 3x4x3x3 4'), attrs: { pads: [1, 1, 1, 1] }, weights: [1, 2] },
  { op: 'ConvTranspose', inputs: shapes('4x3x4x5 3x4x2x2'), attrs: { strides: [2, 2] }, weights: [1] },
  {
    op: 'ConvTranspose',
    inputs: shapes('4x3x4x5 3x4x3x3'),
    attrs: { strides: [2, 3], pads: [1, 0, 0, 2], output_padding: [1, 2] },
    weights: [1],
  },
  {
    op: 'ConvTranspose',
    inputs: shapes('4x3x4x3 3x4x3x2'),
    attrs: { strides: [2, 1], dilations: [2, 3], pads: [1, 2, 3, 1] },
    weights: [1],
  },
  { op: 'ConvTranspose', inputs: shapes('4x4x4x4 4x3x3x3 6'), attrs: { group: 2, strides: [2, 2] }, weights: [1, 2] },
  { op: 'ConvTranspose', inputs: shapes('4x4x4x4 4x1x3x3'), attrs: { group: 4, pads: [1, 1, 1, 1] }, weights: [1] },
  {
    op: 'ConvTranspose',
    inputs: shapes('4x3x4x5 3x2x3x3'),
    attrs: { strides: [2, 2], output_shape: [8, 10] },
    weights: [1],
  },
  {
    op: 'ConvTranspose',
    inputs: shapes('4x3x4x5 3x2x4x3'),
    attrs: { strides: [2, 2], output_shape: [9, 10] },
    weights: [1],
  },
  {
    op: 'ConvTranspose',
    inputs: shapes('4x3x4x5 3x2x3x3'),
    attrs: { strides: [2, 2], auto_pad: 'SAME_UPPER' },
    weights: [1],
  },
  {
    op: 'ConvTranspose',
    inputs: shapes('4x3x4x5 3x2x3x3'),
    attrs: { strides: [2, 2], auto_pad: 'SAME_LOWER' },
    weights: [1],
  },
  {
    op: 'ConvTranspose',
    inputs: shapes('4x3x4x5 3x2x3x2'),
    attrs: { strides: [1, 2], auto_pad: 'VALID' },
    weights: [1],
  },
  { op: 'ConvTranspose', inputs: shapes('4x3x4x5 3x2x1x1'), attrs: { strides: [3, 2] }, weights: [1] },
  { op: 'ConvTranspose', inputs: shapes('4x2x3x2x3 2x2x2x3x2'), attrs: { strides: [2, 1, 2] }, weights: [1] },
];
