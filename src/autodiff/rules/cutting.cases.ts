import { type GradientCase, shapes } from '../../../test/gradient-check.ts';
import { int64, type Tensor } from '../../tensor/tensor.ts';

const big = Number.MAX_SAFE_INTEGER;

function slice(dims: readonly number[], ...cut: readonly number[][]): GradientCase {
  return { op: 'Slice', inputs: [dims, ...cut.map((values) => int64(values))] };
}

function pad(
  dims: readonly number[],
  pads: readonly number[],
  mode: string,
  more: readonly (Tensor | number[] | null)[] = [],
): GradientCase {
  return { op: 'Pad', inputs: [dims, int64(pads), ...more], attrs: { mode } };
}

/** Cuts and joins: axes x signs of steps x clamped bounds x modes. */
export const cuttingCases: readonly GradientCase[] = [
  { op: 'Concat', inputs: shapes('2x3 2x1 2x4'), attrs: { axis: 1 } },
  { op: 'Concat', inputs: shapes('2x3x2 1x3x2'), attrs: { axis: -3 } },
  { op: 'Concat', inputs: shapes('2x3'), attrs: { axis: 0 } },
  { op: 'Split', inputs: [[7, 2], int64([2, 4, 1])], outputs: 3 },
  { op: 'Split', inputs: [[7, 2], int64([2, 4, 1])], outputs: 3, cotangents: [1] },
  { op: 'Split', inputs: shapes('2x6'), attrs: { axis: -1 }, outputs: 3, opsets: [17] },
  { op: 'Split', inputs: shapes('2x7'), attrs: { axis: 1, num_outputs: 3 }, outputs: 3, opsets: [18, 24] },
  slice([5, 6], [1], [4]),
  slice([5, 6], [1, -4], [-1, big], [0, 1]),
  slice([5, 7], [0, 1], [big, big], [0, -1], [2, 3]),
  slice([5, 7], [-1, 5], [-big, 0], [0, 1], [-1, -2]),
  slice([5, 7], [3, 100], [0, 2], [0, 1], [-3, -1]),
  slice([5, 7], [-100], [100], [1], [4]),
  slice([2, 3, 8], [7], [-9], [2], [-3]),
  slice([5, 6], [3], [2], [1], [-1]),
  slice([5, 6], [3], [3], [1]),
  pad([3, 4], [1, 0, 2, 3], 'constant'),
  pad([3, 4], [1, -1, -2, 3], 'constant'),
  pad([3, 4], [1, 0, 2, 3], 'constant', [[]]),
  { ...pad([3, 4, 2], [2, 1, 0, 3], 'constant', [null, int64([1, -1])]), opsets: [18, 24] },
  pad([2, 4, 5], [0, 2, 3, 0, 1, 4], 'reflect'),
  pad([2, 4, 5], [0, 2, 0, 0, 3, 0], 'reflect'),
  pad([2, 4, 5], [1, 2, 3, 0, 1, 4], 'edge'),
  pad([1, 1100], [0, 40, 0, 30], 'reflect'),
  { ...pad([2, 4, 5], [0, 2, 3, 0, 1, 4], 'wrap'), opsets: [19, 24] },
  { op: 'Trilu', inputs: shapes('4x5') },
  { op: 'Trilu', inputs: [[2, 4, 4], int64([-1], [])], attrs: { upper: 0 } },
  { op: 'CumSum', inputs: [[3, 5], int64([1], [])] },
  { op: 'CumSum', inputs: [[3, 5], int64([-2], [])], attrs: { exclusive: 1, reverse: 1 } },
  { op: 'ReverseSequence', inputs: [[5, 3, 2], int64([5, 2, 3])], attrs: { time_axis: 0, batch_axis: 1 } },
  { op: 'ReverseSequence', inputs: [[3, 5], int64([1, 4, 5])], attrs: { time_axis: 1, batch_axis: 0 } },
];
