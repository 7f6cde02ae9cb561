import { MICROSOFT, type OperatorFacts } from './operator.ts';

/** Operators that take each element, or elements of equal places, by themselves. */
const NAMES =
  `Abs Acos Acosh Add And Asin Asinh Atan Atanh Ceil Celu Clip Cos Cosh Div Elu Equal Erf Exp Floor Gelu Greater GreaterOrEqual
  HardSigmoid HardSwish IsInf IsNaN LeakyRelu Less LessOrEqual Log Max Mean Min Mish Mod Mul Neg Not Or Pow Reciprocal Relu Round Selu
  Shrink Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Sub Sum Swish Tan Tanh ThresholdedRelu Where Xor`.split(/\s+/);
const NAMES_OF_MICROSOFT = ['FastGelu', 'Gelu', 'QuickGelu'];
/** What writes numbers in another form, or as they are. */
const COPIES = ['Cast', 'CastLike', 'Dropout', 'Identity'];

const axes = { rule: 'elementwise' } as const;

/** Activations, arithmetic and comparisons. */
export const elementwise: readonly OperatorFacts[] = [
  ...NAMES.map((op) => ({ op, axes })),
  ...NAMES_OF_MICROSOFT.map((op) => ({ op, domain: MICROSOFT, axes })),
  ...COPIES.map((op): OperatorFacts => ({ op, axes, keepsElements: true })),
  { op: 'PRelu', parameters: [{ input: 1, role: 'slope' }], axes: { ...axes, channels: 1 } },
  { op: 'BiasGelu', domain: MICROSOFT, parameters: [{ input: 1, role: 'bias' }], axes },
];
