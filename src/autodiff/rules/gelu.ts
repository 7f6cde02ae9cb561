import { floatAttribute, stringAttribute } from '../../ir/access.ts';
import type { GradientRule, RuleContext } from '../rule.ts';
import { elementwise, oneMinusSquare, plus, times } from './elementwise.ts';

/** a exp(-b X^2) */
export function bell(at: RuleContext, x: string, { a, b }: { a: number; b: number }): string {
  return times(at, at.emit('Exp', times(at, at.emit('Mul', x, x), -b)), a);
}

/** Y = X Phi(X).   dX = dY (Phi(X) + X phi(X)),  Phi and phi: distribution and density of the standard normal */
function exactGelu(at: RuleContext, x: string): string {
  const phi = times(at, plus(at, at.emit('Erf', times(at, x, Math.SQRT1_2)), 1), 0.5);
  return at.emit('Add', phi, at.emit('Mul', x, bell(at, x, { a: 1 / Math.sqrt(2 * Math.PI), b: 0.5 })));
}

/** Y = X (1 + t) / 2, t = tanh(c (X + 0.044715 X^3)), c = sqrt(2 / pi).   dX = dY ((1 + t) + X (1 - t^2) c (1 + 3 * 0.044715 X^2)) / 2 */
function tanhGelu(at: RuleContext, x: string): string {
  const [c, cubic] = [Math.sqrt(2 / Math.PI), 0.044715];
  const square = at.emit('Mul', x, x);
  const t = at.emit('Tanh', at.emit('Mul', times(at, x, c), plus(at, times(at, square, cubic), 1)));
  const inner = times(at, plus(at, times(at, square, 3 * cubic), 1), c);
  const second = at.emit('Mul', x, at.emit('Mul', oneMinusSquare(at, t), inner));
  return times(at, at.emit('Add', plus(at, t, 1), second), 0.5);
}

/** Y = X s, s = sigmoid(a X).   dX = dY s (1 + a X (1 - s)) = dY (s + a Y (1 - s)) */
function gated(at: RuleContext, alpha: number): string {
  const s = at.emit('Sigmoid', times(at, at.x[0] as string, alpha));
  const rise = times(at, at.emit('Mul', at.y[0] as string, at.emit('Sub', at.scalar(1), s)), alpha);
  return at.emit('Add', s, rise);
}

const gelu = elementwise({
  op: 'Gelu',
  since: [20],
  linearity: 'smooth',
  slope: (at, x) => (stringAttribute(at.node, 'approximate', 'none') === 'tanh' ? tanhGelu(at, x) : exactGelu(at, x)),
});

const swish = elementwise({
  op: 'Swish',
  since: [24],
  linearity: 'smooth',
  slope: (at) => gated(at, floatAttribute(at.node, 'alpha', 1)),
});

const MICROSOFT = { domain: 'com.microsoft', since: [1], linearity: 'smooth' } as const;

const fusedGelu = elementwise({ op: 'Gelu', ...MICROSOFT, slope: exactGelu });

const quickGelu = elementwise({
  op: 'QuickGelu',
  ...MICROSOFT,
  slope: (at) => gated(at, floatAttribute(at.node, 'alpha', 1.702)),
});

/** Y = gelu(A + B), B of the last axis.   dA = dY gelu'(A + B)   dB = sumTo(B, dA) */
function biased(op: string, slope: (at: RuleContext, x: string) => string): GradientRule {
  return {
    op,
    ...MICROSOFT,
    backward: (at) => {
      const [a, b] = at.x as [string, string | undefined];
      const dA = at.emit('Mul', at.dy[0] as string, slope(at, b ? at.emit('Add', a, b) : a));
      return [at.needs(0) ? dA : null, b && at.needs(1) ? at.unbroadcast(dA, 1) : null];
    },
  };
}

/** Rules of the units x times a distribution function, under all their names. */
export const gelus: readonly GradientRule[] = [
  gelu,
  swish,
  fusedGelu,
  quickGelu,
  biased('BiasGelu', exactGelu),
  biased('FastGelu', tanhGelu),
];
