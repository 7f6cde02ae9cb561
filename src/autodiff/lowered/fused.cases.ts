import { between, type GradientCase, shapes } from '../../../test/gradient-check.ts';
import { float } from '../../ir/access.ts';

const domain = 'com.microsoft';
const floats = (...value: number[]) => ({ kind: 'floats', value }) as const;
/** Small weights and a large bias of either sign keep sums on one side of a kink. */
const small = (...dims: number[]) => ({ dims, draw: between(-0.3, 0.3) });
const offset = (...dims: number[]) => ({ dims, draw: (_: unknown, i: number) => (i % 2 === 0 ? 4 : -4) });

/** Fused operators of onnxruntime: activations x attributes x optional inputs. */
export const fusedCases: readonly GradientCase[] = [
  ...['Tanh', 'Sigmoid'].map((activation) => ({
    op: 'FusedConv',
    domain,
    inputs: [[2, 1, 4, 4], small(4, 1, 2, 2), [4]],
    attrs: { activation },
  })),
  { op: 'FusedConv', domain, inputs: shapes('2x3x5x5 4x3x3x3') },
  { op: 'FusedConv', domain, inputs: [[2, 1, 4, 4], small(4, 1, 2, 2), offset(4)], attrs: { activation: 'Relu' } },
  {
    op: 'FusedConv',
    domain,
    inputs: [[2, 2, 6, 6], small(4, 1, 2, 2), offset(4)],
    attrs: {
      activation: 'LeakyRelu',
      activation_params: floats(0.2),
      group: 2,
      strides: [2, 1],
      pads: [1, 0, 1, 2],
      dilations: [1, 2],
    },
  },
  {
    op: 'FusedConv',
    domain,
    inputs: [[2, 1, 4, 4], small(4, 1, 2, 2), offset(4)],
    attrs: { activation: 'Clip', activation_params: floats(-9, 1) },
  },
  {
    op: 'FusedConv',
    domain,
    inputs: [[2, 1, 4, 4], small(4, 1, 2, 2), offset(4)],
    attrs: { activation: 'HardSigmoid', activation_params: floats(0.05, 0.5), auto_pad: 'SAME_UPPER' },
  },
  {
    op: 'FusedConv',
    domain,
    inputs: [[2, 1, 4, 4], small(4, 1, 2, 2), [4], [2, 4, 3, 3]],
    attrs: { activation: 'Tanh' },
  },
  { op: 'FusedGemm', domain, inputs: shapes('3x4 4x5 5'), attrs: { activation: 'Sigmoid' } },
  {
    op: 'FusedGemm',
    domain,
    inputs: [[4, 3], small(5, 4), offset(5)],
    attrs: {
      activation: 'LeakyRelu',
      activation_alpha: float(0.3),
      alpha: float(0.5),
      beta: float(2),
      transA: 1,
      transB: 1,
    },
  },
  ...['FusedMatMul', 'TransposeMatMul'].flatMap((op) => [
    { op, domain, inputs: shapes('3x4 4x5') },
    { op, domain, inputs: shapes('2x4x3 2x5x4'), attrs: { transA: 1, transB: 1, alpha: float(0.4) } },
  ]),
  { op: 'FusedMatMul', domain, inputs: shapes('3x2x4 2x4x5'), attrs: { transBatchA: 1 } },
  {
    op: 'FusedMatMul',
    domain,
    inputs: shapes('4x2x3 5x2x4'),
    attrs: { transA: 1, transBatchA: 1, transB: 1, transBatchB: 1 },
  },
  { op: 'SkipLayerNormalization', domain, inputs: shapes('2x3x6 2x3x6 6') },
  {
    op: 'SkipLayerNormalization',
    domain,
    inputs: shapes('2x3x6 2x3x6 6 6 6'),
    attrs: { epsilon: float(0.1) },
    outputs: 4,
    cotangents: [0, 3],
  },
  { op: 'SkipLayerNormalization', domain, inputs: shapes('2x3x6 3x6 6 6') },
  { op: 'SkipSimplifiedLayerNormalization', domain, inputs: shapes('2x3x6 2x3x6 6') },
  {
    op: 'SkipSimplifiedLayerNormalization',
    domain,
    inputs: shapes('2x3x6 2x3x6 6 6'),
    attrs: { epsilon: float(0.1) },
  },
];
