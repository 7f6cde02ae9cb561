import type { GradientCase } from '../../../test/gradient-check.ts';

/** Conv: dimensions x strides x dilations x pads x groups x auto_pad. The last row is one sample and one channel. */
export const convolutionCases: readonly GradientCase[] = [
  { op: 'Conv', inputs: [[4, 3, 9], [5, 3, 3], [5]], weights: [1, 2] },
  {
    op: 'Conv',
    inputs: [[4, 4, 12], [6, 2, 4], [6]],
    attrs: { group: 2, strides: [3], dilations: [2], pads: [2, 1] },
    weights: [1, 2],
  },
  {
    op: 'Conv',
    inputs: [
      [4, 3, 6, 7],
      [5, 3, 1, 1],
    ],
    weights: [1],
  },
  {
    op: 'Conv',
    inputs: [
      [4, 3, 6, 7],
      [5, 3, 1, 1],
    ],
    attrs: { strides: [2, 2] },
    weights: [1],
  },
  { op: 'Conv', inputs: [[4, 3, 6, 7], [5, 3, 3, 3], [5]], attrs: { pads: [1, 1, 1, 1] }, weights: [1, 2] },
  {
    op: 'Conv',
    inputs: [
      [4, 3, 8, 8],
      [5, 3, 3, 3],
    ],
    attrs: { pads: [1, 1, 1, 1], strides: [2, 2] },
    weights: [1],
  },
  {
    op: 'Conv',
    inputs: [
      [4, 3, 9, 9],
      [5, 3, 3, 3],
    ],
    attrs: { pads: [0, 1, 2, 1], strides: [2, 3] },
    weights: [1],
  },
  {
    op: 'Conv',
    inputs: [
      [4, 3, 9, 10],
      [5, 3, 3, 2],
    ],
    attrs: { dilations: [2, 3], pads: [3, 0, 1, 2] },
    weights: [1],
  },
  {
    op: 'Conv',
    inputs: [
      [4, 3, 11, 9],
      [5, 3, 3, 2],
    ],
    attrs: { dilations: [2, 3], strides: [3, 2], pads: [1, 2, 0, 4] },
    weights: [1],
  },
  {
    op: 'Conv',
    inputs: [
      [4, 2, 4, 4],
      [3, 2, 2, 2],
    ],
    attrs: { pads: [3, 2, 2, 3] },
    weights: [1],
  },
  {
    op: 'Conv',
    inputs: [
      [4, 2, 12, 12],
      [3, 2, 2, 2],
    ],
    attrs: { strides: [5, 4] },
    weights: [1],
  },
  { op: 'Conv', inputs: [[4, 4, 6, 6], [4, 1, 3, 3], [4]], attrs: { group: 4, pads: [1, 1, 1, 1] }, weights: [1, 2] },
  {
    op: 'Conv',
    inputs: [
      [4, 4, 6, 6],
      [8, 1, 3, 3],
    ],
    attrs: { group: 4, strides: [2, 2], pads: [0, 1, 1, 0] },
    weights: [1],
  },
  {
    op: 'Conv',
    inputs: [
      [4, 4, 6, 6],
      [6, 2, 3, 3],
    ],
    attrs: { group: 2, pads: [1, 1, 1, 1] },
    weights: [1],
  },
  {
    op: 'Conv',
    inputs: [
      [4, 3, 7, 8],
      [5, 3, 3, 2],
    ],
    attrs: { auto_pad: 'SAME_UPPER', strides: [2, 3] },
    weights: [1],
  },
  {
    op: 'Conv',
    inputs: [
      [4, 3, 7, 8],
      [5, 3, 4, 2],
    ],
    attrs: { auto_pad: 'SAME_LOWER', strides: [2, 1] },
    weights: [1],
  },
  {
    op: 'Conv',
    inputs: [
      [4, 3, 7, 8],
      [5, 3, 3, 2],
    ],
    attrs: { auto_pad: 'VALID', strides: [2, 3] },
    weights: [1],
  },
  {
    op: 'Conv',
    inputs: [
      [4, 2, 4, 5, 4],
      [3, 2, 2, 3, 2],
    ],
    attrs: { strides: [1, 2, 2], pads: [1, 0, 1, 0, 1, 1] },
    weights: [1],
  },
  { op: 'Conv', inputs: [[4, 3, 5, 6], [5, 3, 5, 6], [5]], weights: [1, 2] },
  {
    op: 'Conv',
    inputs: [
      [1, 1, 4, 4],
      [1, 1, 3, 3],
    ],
  },
];
