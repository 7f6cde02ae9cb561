import { between, type GradientCase, shapes } from '../../../test/gradient-check.ts';
import { float } from '../../ir/access.ts';

const variance = (channels: number) => ({ dims: [channels], draw: between(0.5, 2) });

/** Normalisation: ranks x axes x groups x epsilon x further outputs. */
export const normalizationCases: readonly GradientCase[] = [
  { op: 'BatchNormalization', inputs: [[4, 3], [3], [3], [3], variance(3)] },
  { op: 'BatchNormalization', inputs: [[2, 3, 4, 5], [3], [3], [3], variance(3)], attrs: { epsilon: float(0.1) } },
  { op: 'BatchNormalization', inputs: [[2, 3, 2, 3, 2], [3], [3], [3], variance(3)] },
  {
    op: 'BatchNormalization',
    inputs: [[4, 3, 5], [3], [3], [3], variance(3)],
    attrs: { training_mode: 1, momentum: float(0) },
    outputs: 3,
    cotangents: [0],
  },
  { op: 'LayerNormalization', inputs: shapes('3x4x6 6 6') },
  { op: 'LayerNormalization', inputs: shapes('3x4x6 6') },
  { op: 'LayerNormalization', inputs: shapes('3x4x6 4x6 4x6'), attrs: { axis: 1, epsilon: float(0.1) } },
  { op: 'LayerNormalization', inputs: shapes('3x4x6 6 6'), outputs: 3 },
  { op: 'LayerNormalization', inputs: shapes('3x4x6 6 6'), outputs: 3, cotangents: [2] },
  { op: 'RMSNormalization', inputs: shapes('3x4x6 6'), opsets: [23, 24] },
  { op: 'RMSNormalization', inputs: shapes('3x4x6 4x6'), attrs: { axis: 1, epsilon: float(0.1) }, opsets: [24] },
  { op: 'RMSNormalization', inputs: shapes('3x4x6 1'), attrs: { axis: -2 }, opsets: [24] },
  { op: 'SimplifiedLayerNormalization', inputs: shapes('3x4x6 6') },
  { op: 'SimplifiedLayerNormalization', inputs: shapes('3x4x6 6'), attrs: { epsilon: float(0.1) }, outputs: 2 },
  { op: 'SimplifiedLayerNormalization', inputs: shapes('3x4x6 6'), outputs: 2, cotangents: [1] },
  { op: 'InstanceNormalization', inputs: shapes('2x3x8 3 3') },
  { op: 'InstanceNormalization', inputs: shapes('2x3x4x5 3 3'), attrs: { epsilon: float(0.1) } },
  { op: 'GroupNormalization', inputs: shapes('2x6x4x3 3 3'), attrs: { num_groups: 3 }, opsets: [18] },
  { op: 'GroupNormalization', inputs: shapes('2x6x4x3 6 6'), attrs: { num_groups: 3 }, opsets: [21, 24] },
  {
    op: 'GroupNormalization',
    inputs: shapes('2x4x5 4 4'),
    attrs: { num_groups: 1, epsilon: float(0.1) },
    opsets: [21],
  },
  { op: 'LRN', inputs: shapes('2x7x3x2'), attrs: { size: 3, alpha: float(0.5) } },
  { op: 'LRN', inputs: shapes('2x7x3x2'), attrs: { size: 5, alpha: float(0.3), beta: float(0.6), bias: float(2) } },
];
