import type { GradientRule, RuleContext } from '../rule.ts';
import { times } from './elementwise.ts';

/** Y = A + B, broadcast.   dA = sumTo(A, dY)   dB = sumTo(B, dY) */
const add: GradientRule = {
  op: 'Add',
  since: [7, 13, 14],
  linearity: 'linear',
  backward: ({ dy: [dy], needs, unbroadcast }) => [
    needs(0) ? unbroadcast(dy as string, 0) : null,
    needs(1) ? unbroadcast(dy as string, 1) : null,
  ],
};

/** Y = A - B, broadcast.   dA = sumTo(A, dY)   dB = -sumTo(B, dY) */
const sub: GradientRule = {
  op: 'Sub',
  since: [7, 13, 14],
  linearity: 'linear',
  backward: ({ dy: [dy], needs, emit, unbroadcast }) => [
    needs(0) ? unbroadcast(dy as string, 0) : null,
    needs(1) ? emit('Neg', unbroadcast(dy as string, 1)) : null,
  ],
};

/** Y = A * B elementwise, broadcast.   dA = sumTo(A, dY * B)   dB = sumTo(B, dY * A) */
const mul: GradientRule = {
  op: 'Mul',
  since: [7, 13, 14],
  linearity: 'multilinear',
  backward: ({ x: [a, b], dy: [dy], needs, emit, unbroadcast }) => [
    needs(0) ? unbroadcast(emit('Mul', dy as string, b as string), 0) : null,
    needs(1) ? unbroadcast(emit('Mul', dy as string, a as string), 1) : null,
  ],
};

/** Y = A / B elementwise, broadcast.   dA = sumTo(A, dY / B)   dB = -sumTo(B, dY Y / B) */
const div: GradientRule = {
  op: 'Div',
  since: [7, 13, 14],
  linearity: 'smooth',
  backward: ({ x: [, b], y: [y], dy: [dy], needs, emit, unbroadcast }) => {
    const ratio = emit('Div', dy as string, b as string);
    return [
      needs(0) ? unbroadcast(ratio, 0) : null,
      needs(1) ? emit('Neg', unbroadcast(emit('Mul', ratio, y as string), 1)) : null,
    ];
  },
};

/** Y = A - B trunc(A / B), broadcast.   dA = sumTo(A, dY)   dB = -sumTo(B, dY (A - Y) / B) */
const mod: GradientRule = {
  op: 'Mod',
  since: [10, 13],
  linearity: 'piecewise',
  backward: ({ x: [a, b], y: [y], dy: [dy], needs, emit, unbroadcast }) => [
    needs(0) ? unbroadcast(dy as string, 0) : null,
    needs(1)
      ? emit(
          'Neg',
          unbroadcast(emit('Mul', dy as string, emit('Div', emit('Sub', a as string, y as string), b as string)), 1),
        )
      : null,
  ],
};

function each(at: RuleContext, gradient: (input: number) => string): (string | null)[] {
  return at.x.map((_, input) => (at.needs(input) ? at.unbroadcast(gradient(input), input) : null));
}

/** Y = X0 + X1 + ..., broadcast.   dXi = sumTo(Xi, dY) */
const sum: GradientRule = {
  op: 'Sum',
  since: [8, 13],
  linearity: 'linear',
  backward: (at) => each(at, () => at.dy[0] as string),
};

/** Y = (X0 + X1 + ...) / n, broadcast.   dXi = sumTo(Xi, dY / n) */
const mean: GradientRule = {
  op: 'Mean',
  since: [8, 13],
  linearity: 'linear',
  backward: (at) => {
    const share = times(at, at.dy[0] as string, 1 / at.x.length);
    return each(at, () => share);
  },
};

/** Y = max or min of X0, X1, ..., broadcast.   dXi = sumTo(Xi, dY / ties where Xi = Y, else 0): inputs that tie share equally */
function extreme(op: string): GradientRule {
  const backward = (at: RuleContext): readonly (string | null)[] => {
    const masks = at.x.map((x) => at.emit('Equal', x, at.y[0] as string));
    const counts = masks.map((mask) => at.emit('Where', mask, at.scalar(1), at.scalar(0)));
    const share =
      counts.length === 1 ? (at.dy[0] as string) : at.emit('Div', at.dy[0] as string, at.emit('Sum', ...counts));
    return each(at, (input) => at.emit('Where', masks[input] as string, share, at.scalar(0)));
  };
  return { op, since: [8, 12, 13], linearity: 'piecewise', backward };
}

/** Y = A where C, else B; broadcast.   dA = sumTo(A, dY where C, else 0)   dB = sumTo(B, 0 where C, else dY) */
const where: GradientRule = {
  op: 'Where',
  since: [9, 16],
  linearity: 'linear',
  backward: ({ x: [c], dy: [dy], needs, emit, scalar, unbroadcast }) => [
    null,
    needs(1) ? unbroadcast(emit('Where', c as string, dy as string, scalar(0)), 1) : null,
    needs(2) ? unbroadcast(emit('Where', c as string, scalar(0), dy as string), 2) : null,
  ],
};

/** Rules of arithmetic on several inputs. */
export const arithmetic: readonly GradientRule[] = [
  add,
  sub,
  mul,
  div,
  mod,
  sum,
  mean,
  extreme('Max'),
  extreme('Min'),
  where,
];
