import { MICROSOFT, type OperatorFacts, type WeightFacts } from './operator.ts';

/** A weight that the operand is multiplied by from the left: [...groups, inputs, outputs]. */
const RIGHT: WeightFacts = { input: 1, axes: { form: 'matrices', outputs: -1 }, macs: 'products' };
/** [...groups, outputs, inputs] */
const LEFT: WeightFacts = { input: 0, axes: { form: 'matrices', outputs: -2 }, macs: 'products' };
const MULTIPLIED = { rule: 'multiplied', made: -1 } as const;

const GEMM: Omit<OperatorFacts, 'op'> = {
  weights: [
    {
      ...RIGHT,
      axes: { form: 'matrices', outputs: -1, swappedBy: 'transB', rank: 2 },
      operand: { input: 0, form: 'columns', swappedBy: 'transA', scaledBy: 'alpha' },
    },
    {
      ...LEFT,
      axes: { form: 'matrices', outputs: -2, swappedBy: 'transA', rank: 2 },
      operand: { input: 1, form: 'columns', swappedBy: 'transB', scaledBy: 'alpha' },
    },
  ],
  parameters: [{ input: 2, role: 'bias' }],
  axes: MULTIPLIED,
};

/** Matrix products in all forms. */
export const products: readonly OperatorFacts[] = [
  { op: 'Gemm', ...GEMM },
  { op: 'FusedGemm', domain: MICROSOFT, ...GEMM, activates: 'Gemm' },
  {
    op: 'MatMul',
    weights: [
      { ...RIGHT, operand: { input: 0, form: 'batch' } },
      { ...LEFT, operand: { input: 1, form: 'batch' } },
    ],
    axes: MULTIPLIED,
  },
  {
    op: 'FusedMatMul',
    domain: MICROSOFT,
    weights: [
      { ...RIGHT, axes: { form: 'matrices', outputs: -1, swappedBy: 'transB', partedBy: 'transBatchB' } },
      { ...LEFT, axes: { form: 'matrices', outputs: -2, swappedBy: 'transA', partedBy: 'transBatchA' } },
    ],
    axes: MULTIPLIED,
  },
  { op: 'Einsum', axes: { rule: 'multiplied' } },
  {
    op: 'QLinearMatMul',
    weights: [
      { ...RIGHT, input: 3, scale: { scale: 4, zero: 5, axis: -1 } },
      { ...LEFT, scale: { scale: 1, zero: 2, axis: -2 } },
    ],
    axes: MULTIPLIED,
  },
  {
    op: 'MatMulInteger',
    weights: [
      { ...RIGHT, scale: { scale: null, zero: 3, axis: -1 } },
      { ...LEFT, scale: { scale: null, zero: 2, axis: -2 } },
    ],
    axes: MULTIPLIED,
  },
  {
    op: 'MatMulIntegerToFloat',
    domain: MICROSOFT,
    weights: [{ ...RIGHT, scale: { scale: 3, zero: 5, axis: -1 } }],
    parameters: [{ input: 6, role: 'bias' }],
    axes: MULTIPLIED,
  },
  {
    op: 'DynamicQuantizeMatMul',
    domain: MICROSOFT,
    weights: [{ ...RIGHT, scale: { scale: 2, zero: 3, axis: -1 } }],
    parameters: [{ input: 4, role: 'bias' }],
    axes: MULTIPLIED,
  },
  ...['MatMulNBits', 'MatMulBnb4'].map((op) => ({
    op,
    domain: MICROSOFT,
    packed: { input: 1, rows: 'K', columns: 'N', bits: 'bits' },
  })),
];
