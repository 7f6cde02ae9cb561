import type { GradientRule, RuleContext } from '../rule.ts';

/** What {@link elementwise} takes: the derivative of one element, as a value of the shape of X. */
export interface Elementwise {
  readonly op: string;
  readonly domain?: string;
  readonly since: readonly number[];
  readonly linearity: GradientRule['linearity'];
  readonly slope: (at: RuleContext, x: string, y: string) => string;
}

/** Y[i] = f(X[i]).   dX = dY * f'(X) */
export function elementwise({ slope, ...rule }: Elementwise): GradientRule {
  const backward = (at: RuleContext): readonly string[] => [
    at.emit('Mul', at.dy[0] as string, slope(at, at.x[0] as string, at.y[0] as string)),
  ];
  return { ...rule, backward };
}

/** 1 - value^2 */
export function oneMinusSquare({ emit, scalar }: RuleContext, value: string): string {
  return emit('Sub', scalar(1), emit('Mul', value, value));
}

/** value + constant */
export function plus({ emit, scalar }: RuleContext, value: string, constant: number): string {
  return constant === 0 ? value : emit('Add', value, scalar(constant));
}

/** value * constant */
export function times({ emit, scalar }: RuleContext, value: string, constant: number): string {
  return constant === 1 ? value : emit('Mul', value, scalar(constant));
}
