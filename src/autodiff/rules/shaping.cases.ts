import { type GradientCase, shapes } from '../../../test/gradient-check.ts';
import { float32, int64 } from '../../tensor/tensor.ts';

/** Operators that move or repeat elements: attributes x shapes. */
export const shapingCases: readonly GradientCase[] = [
  { op: 'Identity', inputs: shapes('3x4') },
  { op: 'Dropout', inputs: shapes('3x4') },
  { op: 'Dropout', inputs: [[3, 4], float32([0.5], []), { type: 'bool', dims: [], data: Uint8Array.of(0) }] },
  { op: 'Cast', inputs: shapes('3x4'), attrs: { to: 1 } },
  { op: 'CastLike', inputs: [[3, 4], float32([1], [])] },
  { op: 'Reshape', inputs: [[3, 4], int64([2, -1])] },
  { op: 'Reshape', inputs: [[3, 4, 1], int64([0, 2, 2])] },
  { op: 'Flatten', inputs: shapes('2x3x4') },
  { op: 'Flatten', inputs: shapes('2x3x4'), attrs: { axis: -1 } },
  { op: 'Flatten', inputs: shapes('2x3'), attrs: { axis: 0 } },
  { op: 'Squeeze', inputs: [[1, 3, 1, 4], int64([0, -2])] },
  { op: 'Squeeze', inputs: shapes('1x3x1') },
  { op: 'Unsqueeze', inputs: [[3, 4], int64([0, -1])] },
  { op: 'Transpose', inputs: shapes('2x3x4') },
  { op: 'Transpose', inputs: shapes('2x3x4x5'), attrs: { perm: [2, 0, 3, 1] } },
  { op: 'Expand', inputs: [[3, 1], int64([2, 1, 4])] },
  { op: 'Expand', inputs: [[3, 4], int64([1])] },
  { op: 'Expand', inputs: [[], int64([2, 3])] },
  { op: 'Tile', inputs: [[2, 3], int64([3, 2])] },
  { op: 'Tile', inputs: [[2, 3, 1], int64([1, 1, 4])] },
  { op: 'DepthToSpace', inputs: shapes('2x8x3x2'), attrs: { blocksize: 2 } },
  { op: 'DepthToSpace', inputs: shapes('2x18x2x3'), attrs: { blocksize: 3, mode: 'CRD' } },
  { op: 'SpaceToDepth', inputs: shapes('2x3x4x6'), attrs: { blocksize: 2 } },
];
