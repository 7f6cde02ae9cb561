import type { GradientRule, RuleContext } from '../rule.ts';
import { elementwise, oneMinusSquare, plus, times } from './elementwise.ts';

/** Y = exp(X).   dX = dY Y */
const exp = elementwise({ op: 'Exp', since: [6, 13], linearity: 'smooth', slope: (_at, _x, y) => y });

/** Y = log(X).   dX = dY / X */
const log: GradientRule = {
  op: 'Log',
  since: [6, 13],
  linearity: 'smooth',
  backward: ({ x: [x], dy: [dy], emit }) => [emit('Div', dy as string, x as string)],
};

/** dY / (2 Y), 0 where Y = 0: the root of a square, as in a spectrum's magnitude, has its kink there */
function overRoot(at: RuleContext, dy: string, y: string): string {
  const doubled = times(at, y, 2);
  return at.emit('Div', dy, at.emit('Where', at.emit('Equal', y, at.scalar(0)), at.scalar(Infinity), doubled));
}

/** Y = sqrt(X).   dX = dY / (2 Y), 0 where Y = 0 */
const sqrt: GradientRule = {
  op: 'Sqrt',
  since: [6, 13],
  linearity: 'smooth',
  backward: (at) => [overRoot(at, at.dy[0] as string, at.y[0] as string)],
};

/** Y = 1 / X.   dX = -dY Y^2 */
const reciprocal = elementwise({
  op: 'Reciprocal',
  since: [6, 13],
  linearity: 'smooth',
  slope: ({ emit }, _, y) => emit('Neg', emit('Mul', y, y)),
});

/** Y = sin(X).   dX = dY cos(X) */
const sin = elementwise({ op: 'Sin', since: [7, 22], linearity: 'smooth', slope: ({ emit }, x) => emit('Cos', x) });

/** Y = cos(X).   dX = -dY sin(X) */
const cos = elementwise({
  op: 'Cos',
  since: [7, 22],
  linearity: 'smooth',
  slope: ({ emit }, x) => emit('Neg', emit('Sin', x)),
});

/** Y = tan(X).   dX = dY (1 + Y^2) */
const tan = elementwise({
  op: 'Tan',
  since: [7, 22],
  linearity: 'smooth',
  slope: (at, _, y) => plus(at, at.emit('Mul', y, y), 1),
});

/** Y = atan(X).   dX = dY / (1 + X^2) */
const atan = elementwise({
  op: 'Atan',
  since: [7, 22],
  linearity: 'smooth',
  slope: (at, x) => at.emit('Reciprocal', plus(at, at.emit('Mul', x, x), 1)),
});

/** 1 / sqrt(1 - X^2) */
function arcSlope(at: RuleContext, x: string): string {
  return at.emit('Reciprocal', at.emit('Sqrt', oneMinusSquare(at, x)));
}

/** Y = asin(X).   dX = dY / sqrt(1 - X^2) */
const asin = elementwise({ op: 'Asin', since: [7, 22], linearity: 'smooth', slope: arcSlope });

/** Y = acos(X).   dX = -dY / sqrt(1 - X^2) */
const acos = elementwise({
  op: 'Acos',
  since: [7, 22],
  linearity: 'smooth',
  slope: (at, x) => at.emit('Neg', arcSlope(at, x)),
});

/** Y = sinh(X).   dX = dY cosh(X) */
const sinh = elementwise({ op: 'Sinh', since: [9, 22], linearity: 'smooth', slope: ({ emit }, x) => emit('Cosh', x) });

/** Y = cosh(X).   dX = dY sinh(X) */
const cosh = elementwise({ op: 'Cosh', since: [9, 22], linearity: 'smooth', slope: ({ emit }, x) => emit('Sinh', x) });

/** (X^2 + c)^-1/2 */
function rootSlope(at: RuleContext, x: string, c: 1 | -1): string {
  return at.emit('Reciprocal', at.emit('Sqrt', plus(at, at.emit('Mul', x, x), c)));
}

/** Y = asinh(X).   dX = dY / sqrt(X^2 + 1) */
const asinh = elementwise({
  op: 'Asinh',
  since: [9, 22],
  linearity: 'smooth',
  slope: (at, x) => rootSlope(at, x, 1),
});

/** Y = acosh(X).   dX = dY / sqrt(X^2 - 1) */
const acosh = elementwise({
  op: 'Acosh',
  since: [9, 22],
  linearity: 'smooth',
  slope: (at, x) => rootSlope(at, x, -1),
});

/** Y = atanh(X).   dX = dY / (1 - X^2) */
const atanh = elementwise({
  op: 'Atanh',
  since: [9, 22],
  linearity: 'smooth',
  slope: (at, x) => at.emit('Reciprocal', oneMinusSquare(at, x)),
});

/** Y = -X.   dX = -dY */
const neg: GradientRule = {
  op: 'Neg',
  since: [6, 13],
  linearity: 'linear',
  backward: ({ dy: [dy], emit }) => [emit('Neg', dy as string)],
};

/** Y = |X|.   dX = dY sign(X), 0 at 0 */
const abs = elementwise({ op: 'Abs', since: [6, 13], linearity: 'piecewise', slope: ({ emit }, x) => emit('Sign', x) });

/**
 * Y = X^E, broadcast.   dX = sumTo(X, dY E X^(E - 1))   dE = sumTo(E, dY Y log(X)), 0 where X <= 0
 * A constant exponent of 0 gives 0, also at X = 0; 1, 2, 1/2 and -1 take no power.
 */
const pow: GradientRule = {
  op: 'Pow',
  since: [7, 12, 13, 15],
  linearity: 'smooth',
  backward: (at) => {
    const {
      x: [x, e],
      y: [y],
      dy: [dy],
      needs,
      emit,
      scalar,
      unbroadcast,
    } = at;
    const slope = needs(0) ? powerSlope(at, x as string, e as string) : null;
    const logarithm = (): string =>
      emit('Where', emit('Greater', x as string, scalar(0)), emit('Log', x as string), scalar(0));
    return [
      slope === null ? null : unbroadcast(emit('Mul', dy as string, slope), 0),
      needs(1) ? unbroadcast(emit('Mul', dy as string, emit('Mul', y as string, logarithm())), 1) : null,
    ];
  },
};

function powerSlope(at: RuleContext, x: string, e: string): string | null {
  const exponents = at.numbers(1);
  if (exponents === undefined) {
    const E = at.emit('CastLike', e, x);
    return at.emit('Mul', E, at.emit('Pow', x, at.emit('Sub', E, at.scalar(1))));
  }
  const first = exponents[0] as number;
  if (exponents.every((value) => value === first)) return uniformPowerSlope(at, x, first);
  const lowered = at.floats(
    exponents.map((value) => (value === 0 ? 0 : value - 1)),
    at.shape(1),
  );
  return at.emit('Mul', at.floats(exponents, at.shape(1)), at.emit('Pow', x, lowered));
}

/** e X^(e - 1) */
function uniformPowerSlope(at: RuleContext, x: string, e: number): string | null {
  const y = at.y[0] as string;
  switch (e) {
    case 0:
      return null;
    case 1:
      return at.scalar(1);
    case 2:
      return times(at, x, 2);
    case 0.5:
      return overRoot(at, at.scalar(1), y);
    case -1:
      return at.emit('Neg', at.emit('Mul', y, y));
    default:
      return times(at, at.emit('Pow', x, at.scalar(e - 1)), e);
  }
}

/** Rules of elementary functions. */
export const elementary: readonly GradientRule[] = [
  exp,
  log,
  sqrt,
  reciprocal,
  sin,
  cos,
  tan,
  asin,
  acos,
  atan,
  sinh,
  cosh,
  asinh,
  acosh,
  atanh,
  neg,
  abs,
  pow,
];
