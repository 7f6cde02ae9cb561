import { float, floatAttribute } from '../../ir/access.ts';
import type { GradientRule, RuleContext } from '../rule.ts';
import { plus, times } from './elementwise.ts';

/** dY where a value exceeds a threshold, else the other value or 0; onnxruntime multiplies in half the time of its Where. */
function whereAbove(
  at: RuleContext,
  value: string,
  { over = 0, dy, otherwise }: { over?: number; dy: string; otherwise?: string },
): string {
  const above = at.emit('Greater', value, at.scalar(over));
  return otherwise === undefined
    ? at.emit('Mul', dy, at.emit('CastLike', above, dy))
    : at.emit('Where', above, dy, otherwise);
}

/** Steep enough that min(STEEP y, 1) is 1 for every normal y > 0: 1 / 3e38 lies below the least of them, 1.2e-38. */
const STEEP = 3e38;

/** Y = max(X, 0).   dX = dY where Y > 0, else 0: a product with min(max(STEEP Y, 0), 1), one pass where a comparison takes two */
const relu: GradientRule = {
  op: 'Relu',
  since: [6, 13, 14],
  linearity: 'piecewise',
  backward: (at) => [
    at.emit(
      'Mul',
      at.dy[0] as string,
      at.emit('HardSigmoid', at.y[0] as string, { alpha: float(STEEP), beta: float(0) }),
    ),
  ],
};

/** Y = X where X > 0, else alpha X.   dX = dY or alpha dY */
const leakyRelu: GradientRule = {
  op: 'LeakyRelu',
  since: [6, 16],
  linearity: 'piecewise',
  backward: (at) => {
    const dy = at.dy[0] as string;
    return [
      whereAbove(at, at.x[0] as string, { dy, otherwise: times(at, dy, floatAttribute(at.node, 'alpha', 0.01)) }),
    ];
  },
};

/** Y = X where X > 0, else slope X.   dX = dY or slope dY   dslope = sumTo(slope, dY min(X, 0)) */
const pRelu: GradientRule = {
  op: 'PRelu',
  since: [7, 9, 16],
  linearity: 'piecewise',
  backward: (at) => {
    const {
      x: [x, slope],
      dy: [dy],
      needs,
      emit,
      unbroadcast,
      scalar,
    } = at;
    return [
      needs(0)
        ? whereAbove(at, x as string, { dy: dy as string, otherwise: emit('Mul', dy as string, slope as string) })
        : null,
      needs(1) ? unbroadcast(emit('Mul', dy as string, emit('Min', x as string, scalar(0))), 1) : null,
    ];
  },
};

/** Y = min(max(X, lo), hi).   dX = dY where lo < X < hi, else 0   dlo = sum(dY where X <= lo)   dhi = sum(dY where X >= hi) */
const clip: GradientRule = {
  op: 'Clip',
  since: [11, 12, 13],
  linearity: 'piecewise',
  backward: ({ x: [x, lo, hi], dy: [dy], needs, emit, scalar, unbroadcast }) => {
    const above = lo ? emit('Greater', x as string, lo) : undefined;
    const below = hi ? emit('Less', x as string, hi) : undefined;
    const inside = above !== undefined && below !== undefined ? emit('And', above, below) : (above ?? below);
    const outside = (mask: string, input: number): string =>
      unbroadcast(emit('Where', mask, scalar(0), dy as string), input);
    return [
      inside === undefined ? (dy as string) : emit('Where', inside, dy as string, scalar(0)),
      above !== undefined && needs(1) ? outside(above, 1) : null,
      below !== undefined && needs(2) ? outside(below, 2) : null,
    ];
  },
};

/** Y = X where X > alpha, else 0.   dX = dY where X > alpha, else 0 */
const thresholdedRelu: GradientRule = {
  op: 'ThresholdedRelu',
  since: [10, 22],
  linearity: 'piecewise',
  backward: (at) => [
    whereAbove(at, at.x[0] as string, { over: floatAttribute(at.node, 'alpha', 1), dy: at.dy[0] as string }),
  ],
};

/** Y = X - bias where X > lambd, X + bias where X < -lambd, else 0.   dX = dY where |X| > lambd, else 0 */
const shrink: GradientRule = {
  op: 'Shrink',
  since: [9],
  linearity: 'piecewise',
  backward: (at) => [
    whereAbove(at, at.emit('Abs', at.x[0] as string), {
      over: floatAttribute(at.node, 'lambd', 0.5),
      dy: at.dy[0] as string,
    }),
  ],
};

/** Y = min(max(alpha X + beta, 0), 1).   dX = alpha dY where 0 < Y < 1, else 0 */
const hardSigmoid: GradientRule = {
  op: 'HardSigmoid',
  since: [6, 22],
  linearity: 'piecewise',
  backward: (at) => {
    const {
      emit,
      scalar,
      y: [y],
      dy: [dy],
    } = at;
    const inside = emit('And', emit('Greater', y as string, scalar(0)), emit('Less', y as string, scalar(1)));
    return [emit('Where', inside, times(at, dy as string, floatAttribute(at.node, 'alpha', 0.2)), scalar(0))];
  },
};

/** Y = X min(max(X / 6 + 1/2, 0), 1).   dX = dY (X / 3 + 1/2) where |X| < 3, dY above, 0 below */
const hardSwish: GradientRule = {
  op: 'HardSwish',
  since: [14, 22],
  linearity: 'piecewise',
  backward: (at) => {
    const {
      emit,
      scalar,
      x: [x],
      dy: [dy],
    } = at;
    const inner = emit('Mul', dy as string, plus(at, times(at, x as string, 1 / 3), 0.5));
    const outer = whereAbove(at, x as string, { over: 3, dy: dy as string });
    return [emit('Where', emit('Less', emit('Abs', x as string), scalar(3)), inner, outer)];
  },
};

/** Y = gain X where X > 0, else gain alpha (exp(X / width) - 1).   dX = gain dY, or dY (Y + gain alpha) / width: the exponential read off Y */
function exponentialUnit(
  op: string,
  since: readonly number[],
  read: (at: RuleContext) => { gain: number; alpha: number; width: number },
): GradientRule {
  const backward = (at: RuleContext): readonly string[] => {
    const { gain, alpha, width } = read(at);
    const dy = at.dy[0] as string;
    const falling = at.emit('Mul', dy, times(at, plus(at, at.y[0] as string, gain * alpha), 1 / width));
    return [whereAbove(at, at.x[0] as string, { dy: times(at, dy, gain), otherwise: falling })];
  };
  return { op, since, linearity: 'piecewise', backward };
}

const elu = exponentialUnit('Elu', [6, 22], ({ node }) => ({
  gain: 1,
  alpha: floatAttribute(node, 'alpha', 1),
  width: 1,
}));
const celu = exponentialUnit('Celu', [12], ({ node }) => ({
  gain: 1,
  alpha: floatAttribute(node, 'alpha', 1),
  width: floatAttribute(node, 'alpha', 1),
}));
/** The defaults of the standard, as it rounds them. */
const selu = exponentialUnit('Selu', [6, 22], ({ node }) => ({
  gain: floatAttribute(node, 'gamma', 1.0507010221481323),
  alpha: floatAttribute(node, 'alpha', 1.6732631921768188),
  width: 1,
}));

/** Rules of activations with a kink. */
export const activations: readonly GradientRule[] = [
  relu,
  leakyRelu,
  pRelu,
  clip,
  thresholdedRelu,
  shrink,
  hardSigmoid,
  hardSwish,
  elu,
  celu,
  selu,
];
