import { intAttribute, intsAttribute } from '../../ir/access.ts';
import { sizeOf } from '../../tensor/tensor.ts';
import type { GradientRule, NodeForm, RuleContext } from '../rule.ts';
import { times } from './elementwise.ts';

/** Over which axes a node reduces, and what it leaves. */
interface Reduction {
  readonly axes: readonly number[];
  /** Shape of the result with the reduced axes kept as ones. */
  readonly kept: readonly number[];
  /** Elements that each result is made of. */
  readonly count: number;
}

/** `axes` is an attribute in older forms, an input in newer ones; none means all, or nothing with noop_with_empty_axes. */
function reductionOf(form: NodeForm): Reduction {
  const shape = form.shape(0);
  const stated = intsAttribute(form.node, 'axes') ?? (form.x[1] ? form.numbers(1) : undefined) ?? [];
  const all = stated.length === 0 && !isNoop(form) ? shape.map((_, i) => i) : stated;
  const axes = all.map((axis) => (axis < 0 ? axis + shape.length : axis));
  return {
    axes,
    kept: shape.map((d, i) => (axes.includes(i) ? 1 : d)),
    count: sizeOf(axes.map((axis) => shape[axis] as number)),
  };
}

function isNoop({ node }: NodeForm): boolean {
  return intAttribute(node, 'noop_with_empty_axes', 0) !== 0;
}

/** What a reduction's gradient is written with: y and dy with the reduced axes kept. */
interface Parts extends Reduction {
  readonly x: string;
  readonly y: string;
  readonly dy: string;
}

/** Y = reduction of X over some axes.   dX = an expression in X, Y and dY that broadcasts over X */
function reduction(
  op: string,
  linearity: GradientRule['linearity'],
  gradient: (at: RuleContext, parts: Parts) => string,
): GradientRule {
  const backward = (at: RuleContext): readonly (string | null)[] => {
    const reduced = reductionOf(at);
    const kept = (value: string): string =>
      String(at.outShape(0)) === String(reduced.kept) ? value : at.reshape(value, reduced.kept);
    const parts = { ...reduced, x: at.x[0] as string, y: kept(at.y[0] as string), dy: kept(at.dy[0] as string) };
    return [gradient(at, parts), null];
  };
  return {
    op,
    since: [11, 13, 18],
    linearity,
    backward,
    refuses: (form) => (isUnknown(form) ? 'its axes must be constant' : undefined),
  };
}

function isUnknown(form: NodeForm): boolean {
  return Boolean(form.x[1]) && form.numbers(1) === undefined;
}

/** A form that changes nothing is left to plain sums: the standard does not say what norms do then. */
function notNoop(rule: GradientRule): GradientRule {
  const refuses = (form: NodeForm): string | undefined =>
    isNoop(form) && reductionOf(form).axes.length === 0
      ? 'noop_with_empty_axes must be 0 where axes are empty, current value is 1'
      : rule.refuses?.(form);
  return { ...rule, refuses };
}

/** Y = sum(X).   dX = dY */
const sum = reduction('ReduceSum', 'linear', (at, { dy }) => at.expand(dy, at.shape(0)));

/** Y = mean(X).   dX = dY / count */
const mean = reduction('ReduceMean', 'linear', (at, { dy, count }) => at.expand(times(at, dy, 1 / count), at.shape(0)));

/** Y = max(X) or min(X).   dX = dY / ties where X = Y, else 0: elements that tie share equally */
function extreme(op: string): GradientRule {
  return reduction(op, 'piecewise', (at, { x, y, dy, axes }) => {
    const mask = at.emit('Equal', x, y);
    const ties = at.sum(at.emit('Where', mask, at.scalar(1), at.scalar(0)), axes, true);
    return at.emit('Where', mask, at.emit('Div', dy, ties), at.scalar(0));
  });
}

/** Y = prod(X), no zeros among X.   dX = dY Y / X */
const prod = reduction('ReduceProd', 'smooth', (at, { x, y, dy }) => at.emit('Div', at.emit('Mul', dy, y), x));

/** Y = sum(|X|).   dX = dY sign(X) */
const l1 = reduction('ReduceL1', 'piecewise', (at, { x, dy }) => at.emit('Mul', dy, at.emit('Sign', x)));

/** Y = sqrt(sum(X^2)).   dX = dY X / Y, 0 where Y = 0 */
const l2 = reduction('ReduceL2', 'smooth', (at, { x, y, dy }) => {
  const ratio = at.emit('Where', at.emit('Greater', y, at.scalar(0)), at.emit('Div', dy, y), at.scalar(0));
  return at.emit('Mul', ratio, x);
});

/** Y = sum(X^2).   dX = 2 dY X */
const sumSquare = reduction('ReduceSumSquare', 'smooth', (at, { x, dy }) => at.emit('Mul', times(at, dy, 2), x));

/** Y = log(sum(X)).   dX = dY exp(-Y) */
const logSum = reduction('ReduceLogSum', 'smooth', (at, { y, dy }) =>
  at.expand(at.emit('Mul', dy, at.emit('Exp', at.emit('Neg', y))), at.shape(0)),
);

/** Y = log(sum(exp(X))).   dX = dY exp(X - Y) */
const logSumExp = reduction('ReduceLogSumExp', 'smooth', (at, { x, y, dy }) =>
  at.emit('Mul', dy, at.emit('Exp', at.emit('Sub', x, y))),
);

/** Rules of reductions. */
export const reductions: readonly GradientRule[] = [
  sum,
  mean,
  extreme('ReduceMax'),
  extreme('ReduceMin'),
  prod,
  ...[l1, l2, sumSquare, logSum, logSumExp].map(notNoop),
];
