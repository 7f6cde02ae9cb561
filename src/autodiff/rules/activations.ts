import { intAttribute } from '../../ir/access.ts';
import type { GradientRule } from '../rule.ts';

/** Y = max(X, 0).   dX = dY where Y > 0, else 0 */
const relu: GradientRule = {
  op: 'Relu', since: [6, 13, 14], linearity: 'piecewise',
  backward: ({ y: [y], dy: [dy], emit, scalar }) => [emit('Where', emit('Greater', y as string, scalar(0)), dy as string, scalar(0))],
};

/** Y = min(max(X, lo), hi).   dX = dY where lo < X < hi, else 0 */
const clip: GradientRule = {
  op: 'Clip', since: [11, 12, 13], linearity: 'piecewise',
  backward: ({ x: [x, lo, hi], dy: [dy], emit, scalar }) => {
    let inside: string | undefined;
    if (lo) inside = emit('Greater', x as string, lo);
    if (hi) {
      const below = emit('Less', x as string, hi);
      inside = inside === undefined ? below : emit('And', inside, below);
    }
    return [inside === undefined ? (dy as string) : emit('Where', inside, dy as string, scalar(0)), null, null];
  },
};

/** Y = X - log(sum(exp(X))).   dX = dY - exp(Y) * sum(dY) */
const logSoftmax: GradientRule = {
  op: 'LogSoftmax', since: [13], linearity: 'smooth',
  backward: ({ node, y: [y], dy: [dy], emit, sum }) => {
    const total = sum(dy as string, [intAttribute(node, 'axis', -1)], true);
    return [emit('Sub', dy as string, emit('Mul', emit('Exp', y as string), total))];
  },
};

/** Y = exp(X) / sum(exp(X)).   dX = Y * (dY - sum(Y * dY)) */
const softmax: GradientRule = {
  op: 'Softmax', since: [13], linearity: 'smooth',
  backward: ({ node, y: [y], dy: [dy], emit, sum }) => {
    const inner = sum(emit('Mul', y as string, dy as string), [intAttribute(node, 'axis', -1)], true);
    return [emit('Mul', y as string, emit('Sub', dy as string, inner))];
  },
};

/** Rules of the activation functions. */
export const activations: readonly GradientRule[] = [relu, clip, logSoftmax, softmax];
