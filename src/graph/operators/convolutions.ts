import { MICROSOFT, type OperatorFacts, type WeightFacts } from './operator.ts';

/** [outputs, inputs of a group, ...kernel] */
const KERNELS: WeightFacts = { input: 1, axes: { form: 'kernels', outputs: 0 }, macs: 'output-places' };
const PATCHES = { input: 0, form: 'patches' } as const;
const FILTERED = { rule: 'windowed', passes: [0], made: 1 } as const;

/** Convolutions in all forms. */
export const convolutions: readonly OperatorFacts[] = [
  {
    op: 'Conv',
    weights: [{ ...KERNELS, operand: PATCHES }],
    parameters: [{ input: 2, role: 'bias' }],
    axes: FILTERED,
  },
  {
    op: 'ConvTranspose',
    weights: [{ input: 1, axes: { form: 'kernels', outputs: 1 }, macs: 'input-places', operand: PATCHES }],
    parameters: [{ input: 2, role: 'bias' }],
    axes: FILTERED,
  },
  { op: 'DeformConv', weights: [KERNELS], parameters: [{ input: 3, role: 'bias' }], axes: FILTERED },
  {
    op: 'FusedConv',
    domain: MICROSOFT,
    weights: [{ ...KERNELS, operand: PATCHES }],
    parameters: [{ input: 2, role: 'bias' }],
    axes: FILTERED,
    activates: 'Conv',
  },
  {
    op: 'QLinearConv',
    weights: [{ ...KERNELS, input: 3, scale: { scale: 4, zero: 5, axis: 0 } }],
    parameters: [{ input: 8, role: 'bias' }],
    axes: FILTERED,
  },
  { op: 'ConvInteger', weights: [{ ...KERNELS, scale: { scale: null, zero: 3, axis: 0 } }], axes: FILTERED },
];
