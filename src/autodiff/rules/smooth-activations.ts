import { intAttribute } from '../../ir/access.ts';
import type { GradientRule } from '../rule.ts';
import { elementwise, oneMinusSquare } from './elementwise.ts';
import { bell } from './gelu.ts';

/** Y = 1 / (1 + exp(-X)).   dX = dY Y (1 - Y) */
const sigmoid = elementwise({
  op: 'Sigmoid',
  since: [6, 13],
  linearity: 'smooth',
  slope: ({ emit, scalar }, _, y) => emit('Mul', y, emit('Sub', scalar(1), y)),
});

/** Y = tanh(X).   dX = dY (1 - Y^2) */
const tanh = elementwise({
  op: 'Tanh',
  since: [6, 13],
  linearity: 'smooth',
  slope: (at, _, y) => oneMinusSquare(at, y),
});

/** Y = log(1 + exp(X)).   dX = dY sigmoid(X) */
const softplus = elementwise({
  op: 'Softplus',
  since: [1, 22],
  linearity: 'smooth',
  slope: ({ emit }, x) => emit('Sigmoid', x),
});

/** Y = X / (1 + |X|).   dX = dY (1 - |Y|)^2 */
const softsign = elementwise({
  op: 'Softsign',
  since: [1, 22],
  linearity: 'smooth',
  slope: ({ emit, scalar }, _, y) => {
    const rest = emit('Sub', scalar(1), emit('Abs', y));
    return emit('Mul', rest, rest);
  },
});

/** Y = erf(X).   dX = dY 2 / sqrt(pi) exp(-X^2) */
const erf = elementwise({
  op: 'Erf',
  since: [9, 13],
  linearity: 'smooth',
  slope: (at, x) => bell(at, x, { a: 2 / Math.sqrt(Math.PI), b: 1 }),
});

/** Y = X w, w = tanh(softplus(X)).   dX = dY (w + X sigmoid(X) (1 - w^2)) */
const mish = elementwise({
  op: 'Mish',
  since: [18, 22],
  linearity: 'smooth',
  slope: (at, x) => {
    const w = at.emit('Tanh', at.emit('Softplus', x));
    const rise = at.emit('Mul', at.emit('Mul', x, at.emit('Sigmoid', x)), oneMinusSquare(at, w));
    return at.emit('Add', w, rise);
  },
});

/** Y = X - log(sum(exp(X))).   dX = dY - exp(Y) sum(dY) */
const logSoftmax: GradientRule = {
  op: 'LogSoftmax',
  since: [13],
  linearity: 'smooth',
  backward: ({ node, y: [y], dy: [dy], emit, sum }) => {
    const total = sum(dy as string, [intAttribute(node, 'axis', -1)], true);
    return [emit('Sub', dy as string, emit('Mul', emit('Exp', y as string), total))];
  },
};

/** Y = exp(X) / sum(exp(X)).   dX = Y (dY - sum(Y dY)) */
const softmax: GradientRule = {
  op: 'Softmax',
  since: [13],
  linearity: 'smooth',
  backward: ({ node, y: [y], dy: [dy], emit, sum }) => {
    const inner = sum(emit('Mul', y as string, dy as string), [intAttribute(node, 'axis', -1)], true);
    return [emit('Mul', y as string, emit('Sub', dy as string, inner))];
  },
};

/** Rules of activations without a kink. */
export const smoothActivations: readonly GradientRule[] = [
  sigmoid,
  tanh,
  softplus,
  softsign,
  erf,
  mish,
  logSoftmax,
  softmax,
];
