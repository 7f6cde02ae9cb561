import type { GradientRule } from '../rule.ts';

/** Y = A + B, broadcast.   dA = sumTo(A, dY)   dB = sumTo(B, dY) */
const add: GradientRule = {
  op: 'Add', since: [7, 13, 14], linearity: 'linear',
  backward: ({ dy: [dy], needs, unbroadcast }) => [needs(0) ? unbroadcast(dy as string, 0) : null, needs(1) ? unbroadcast(dy as string, 1) : null],
};

/** Y = A * B elementwise, broadcast.   dA = sumTo(A, dY * B)   dB = sumTo(B, dY * A) */
const mul: GradientRule = {
  op: 'Mul', since: [7, 13, 14], linearity: 'multilinear',
  backward: ({ x: [a, b], dy: [dy], needs, emit, unbroadcast }) => [
    needs(0) ? unbroadcast(emit('Mul', dy as string, b as string), 0) : null,
    needs(1) ? unbroadcast(emit('Mul', dy as string, a as string), 1) : null,
  ],
};

/** Rules of elementwise arithmetic. */
export const arithmetic: readonly GradientRule[] = [add, mul];
