import { away, between, type GradientCase, shapes } from '../../../test/gradient-check.ts';
import { float } from '../../ir/access.ts';
import { float32 } from '../../tensor/tensor.ts';

const MICROSOFT = 'com.microsoft';
const dims = [3, 4, 5];
const scalar = (value: number) => float32([value], []);
const limit = (low: number, high: number) => ({ dims: [], draw: between(low, high) });

/** Activations: parameters x shapes, sampled away from the kinks. */
export const activationCases: readonly GradientCase[] = [
  { op: 'Relu', inputs: [{ dims, draw: away([0]) }] },
  { op: 'Relu', inputs: [{ dims: [], draw: away([0]) }] },
  { op: 'LeakyRelu', inputs: [{ dims, draw: away([0]) }] },
  { op: 'LeakyRelu', inputs: [{ dims, draw: away([0]) }], attrs: { alpha: float(-0.3) } },
  { op: 'PRelu', inputs: [{ dims, draw: away([0]) }, [4, 1]] },
  { op: 'PRelu', inputs: [{ dims, draw: away([0]) }, [1]] },
  { op: 'PRelu', inputs: [{ dims, draw: away([0]) }, dims] },
  { op: 'Clip', inputs: [{ dims, draw: away([-1, 1.5]) }, scalar(-1), scalar(1.5)] },
  { op: 'Clip', inputs: [{ dims, draw: away([0]) }, scalar(0), null] },
  { op: 'Clip', inputs: [{ dims, draw: away([1]) }, null, scalar(1)] },
  { op: 'Clip', inputs: [{ dims, draw: away([]) }] },
  { op: 'Clip', inputs: [{ dims, draw: away([-1, 1], 0.9) }, limit(-1.1, -1), limit(1, 1.1)] },
  { op: 'ThresholdedRelu', inputs: [{ dims, draw: away([1]) }] },
  { op: 'ThresholdedRelu', inputs: [{ dims, draw: away([-0.5]) }], attrs: { alpha: float(-0.5) } },
  { op: 'Shrink', inputs: [{ dims, draw: away([-0.5, 0.5]) }], single: true },
  { op: 'Shrink', inputs: [{ dims, draw: away([-1, 1]) }], attrs: { lambd: float(1), bias: float(0.3) }, single: true },
  { op: 'HardSigmoid', inputs: [{ dims, draw: away([-2.5, 2.5]) }] },
  { op: 'HardSigmoid', inputs: [{ dims, draw: away([-1, 1]) }], attrs: { alpha: float(0.5), beta: float(0.5) } },
  { op: 'HardSwish', inputs: [{ dims, draw: away([-3, 3]) }] },
  { op: 'Elu', inputs: [{ dims, draw: away([0]) }] },
  { op: 'Elu', inputs: [{ dims, draw: away([0]) }], attrs: { alpha: float(1.7) } },
  { op: 'Celu', inputs: [{ dims, draw: away([0]) }] },
  { op: 'Celu', inputs: [{ dims, draw: away([0]) }], attrs: { alpha: float(2.5) } },
  { op: 'Selu', inputs: [{ dims, draw: away([0]) }] },
  { op: 'Selu', inputs: [{ dims, draw: away([0]) }], attrs: { alpha: float(1.2), gamma: float(0.8) } },
  ...['Sigmoid', 'Tanh', 'Softplus', 'Erf'].map((op) => ({ op, inputs: shapes('3x4x5') })),
  { op: 'Softsign', inputs: [{ dims, draw: away([0]) }] },
  { op: 'Gelu', inputs: shapes('3x4x5'), opsets: [20, 24] },
  { op: 'Gelu', inputs: shapes('3x4x5'), attrs: { approximate: 'tanh' }, opsets: [20, 24] },
  { op: 'Swish', inputs: shapes('3x4x5'), opsets: [24] },
  { op: 'Swish', inputs: shapes('3x4x5'), attrs: { alpha: float(-1.5) }, opsets: [24] },
  { op: 'Gelu', domain: MICROSOFT, inputs: shapes('3x4x5') },
  { op: 'QuickGelu', domain: MICROSOFT, inputs: shapes('3x4x5') },
  { op: 'QuickGelu', domain: MICROSOFT, inputs: shapes('3x4x5'), attrs: { alpha: float(0.7) } },
  { op: 'BiasGelu', domain: MICROSOFT, inputs: shapes('3x4x5 5') },
  { op: 'FastGelu', domain: MICROSOFT, inputs: shapes('3x4x5 5') },
  { op: 'FastGelu', domain: MICROSOFT, inputs: shapes('3x4x5') },
  { op: 'Mish', inputs: shapes('3x4x5'), opsets: [18, 24] },
  ...['Softmax', 'LogSoftmax'].flatMap((op) => [
    { op, inputs: shapes('3x5') },
    { op, inputs: shapes('2x3x4x5'), attrs: { axis: 1 } },
    { op, inputs: shapes('4x3x2'), attrs: { axis: -3 } },
  ]),
];
