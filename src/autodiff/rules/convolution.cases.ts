import { type GradientCase, shapes } from '../../../test/gradient-check.ts';

/** Conv: dimensions x strides x dilations x pads x groups x auto_pad. The last row is one sample and one channel. */
const CASES: readonly Omit<GradientCase, 'op'>[] = [
  { inputs: shapes('4x3x9 5x3x3 5'), weights: [1, 2] },
  {
    inputs: shapes('4x4x12 6x2x4 6'),
    attrs: { group: 2, strides: [3], dilations: [2], pads: [2, 1] },
    weights: [1, 2],
  },
  { inputs: shapes('4x3x6x7 5x3x1x1'), weights: [1] },
  { inputs: shapes('4x3x6x7 5x3x1x1'), attrs: { strides: [2, 2] }, weights: [1] },
  { inputs: shapes('4x3x6x7 5x3x3x3 5'), attrs: { pads: [1, 1, 1, 1] }, weights: [1, 2] },
  { inputs: shapes('4x3x8x8 5x3x3x3'), attrs: { pads: [1, 1, 1, 1], strides: [2, 2] }, weights: [1] },
  { inputs: shapes('4x3x9x9 5x3x3x3'), attrs: { pads: [0, 1, 2, 1], strides: [2, 3] }, weights: [1] },
  { inputs: shapes('4x3x9x10 5x3x3x2'), attrs: { dilations: [2, 3], pads: [3, 0, 1, 2] }, weights: [1] },
  {
    inputs: shapes('4x3x11x9 5x3x3x2'),
    attrs: { dilations: [2, 3], strides: [3, 2], pads: [1, 2, 0, 4] },
    weights: [1],
  },
  { inputs: shapes('4x2x4x4 3x2x2x2'), attrs: { pads: [3, 2, 2, 3] }, weights: [1] },
  { inputs: shapes('4x2x12x12 3x2x2x2'), attrs: { strides: [5, 4] }, weights: [1] },
  { inputs: shapes('4x4x6x6 4x1x3x3 4'), attrs: { group: 4, pads: [1, 1, 1, 1] }, weights: [1, 2] },
  {
    inputs: shapes('4x4x6x6 8x1x3x3'),
    attrs: { group: 4, strides: [2, 2], pads: [0, 1, 1, 0] },
    weights: [1],
  },
  { inputs: shapes('4x4x6x6 6x2x3x3'), attrs: { group: 2, pads: [1, 1, 1, 1] }, weights: [1] },
  { inputs: shapes('4x3x7x8 5x3x3x2'), attrs: { auto_pad: 'SAME_UPPER', strides: [2, 3] }, weights: [1] },
  { inputs: shapes('4x3x7x8 5x3x4x2'), attrs: { auto_pad: 'SAME_LOWER', strides: [2, 1] }, weights: [1] },
  { inputs: shapes('4x3x7x8 5x3x3x2'), attrs: { auto_pad: 'VALID', strides: [2, 3] }, weights: [1] },
  {
    inputs: shapes('4x2x4x5x4 3x2x2x3x2'),
    attrs: { strides: [1, 2, 2], pads: [1, 0, 1, 0, 1, 1] },
    weights: [1],
  },
  { inputs: shapes('4x3x5x6 5x3x5x6 5'), weights: [1, 2] },
  { inputs: shapes('1x1x4x4 1x1x3x3') },
];

/** Gradients of convolutions. */
export const convolutionCases: readonly GradientCase[] = CASES.map((one) => ({ op: 'Conv', ...one }));
