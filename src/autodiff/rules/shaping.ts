import type { GradientRule } from '../rule.ts';

/** Y has the elements of X in the same order.   dX = dY in the shape of X */
function reorderFree(op: string, since: readonly number[]): GradientRule {
  return { op, since, linearity: 'linear', backward: ({ dy: [dy], reshape, shape }) => [reshape(dy as string, shape(0)), null] };
}

/** Y = X.   dX = dY */
const identity: GradientRule = { op: 'Identity', since: [1, 13, 14, 16, 19], linearity: 'linear', backward: ({ dy: [dy] }) => [dy as string] };

/** Rules of operators that move elements about. */
export const shaping: readonly GradientRule[] = [
  identity,
  reorderFree('Reshape', [5, 13, 14, 19, 21]),
  reorderFree('Flatten', [1, 9, 11, 13, 21]),
  reorderFree('Squeeze', [13, 21]),
  reorderFree('Unsqueeze', [13, 21]),
];
