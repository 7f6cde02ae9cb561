import { intAttribute, stringAttribute } from '../../ir/access.ts';
import type { GradientRule, NodeForm, RuleContext } from '../rule.ts';
import { type AxisMap, applyTransposed } from './axis-map.ts';

function axisAt({ node, shape }: NodeForm, fallback: number): number {
  const axis = intAttribute(node, 'axis', fallback);
  return axis < 0 ? axis + shape(0).length : axis;
}

/** Y = X0, X1, ... end to end along an axis.   dXi = its part of dY */
const concat: GradientRule = {
  op: 'Concat',
  since: [4, 11, 13],
  linearity: 'linear',
  backward: (at) => {
    const axis = axisAt(at, 0);
    let end = 0;
    return at.x.map((_, input) => {
      const start = end;
      end += at.shape(input)[axis] as number;
      return at.needs(input) ? at.slice(at.dy[0] as string, { starts: [start], ends: [end], axes: [axis] }) : null;
    });
  },
};

/** Y0, Y1, ... = parts of X along an axis.   dX = dY0, dY1, ... end to end, zeros for parts that nothing depends on */
const split: GradientRule = {
  op: 'Split',
  since: [13, 18],
  linearity: 'linear',
  backward: (at) => [
    at.emit('Concat', ...at.y.map((_, output) => at.dy[output] as string), { axis: axisAt(at, 0) }),
    null,
  ],
};

/** One axis of a Slice: Y[i] = X[start + step i], `count` elements of `size`. */
interface AxisCut {
  readonly axis: number;
  readonly start: number;
  readonly step: number;
  readonly count: number;
  readonly size: number;
}

function cutsOf(at: NodeForm): AxisCut[] {
  const starts = at.numbers(1) as number[];
  const axes = (at.x[3] ? at.numbers(3) : undefined) ?? starts.map((_, i) => i);
  const steps = (at.x[4] ? at.numbers(4) : undefined) ?? starts.map(() => 1);
  return starts.map((stated, i) => {
    const axis = (axes[i] as number) < 0 ? (axes[i] as number) + at.shape(0).length : (axes[i] as number);
    const [size, step, count] = [at.shape(0)[axis] as number, steps[i] as number, at.outShape(0)[axis] as number];
    const from = stated < 0 ? stated + size : stated;
    return { axis, start: Math.max(0, Math.min(from, step > 0 ? size : size - 1)), step, count, size };
  });
}

/**
 * Y[i] = X[start + step i] along some axes.   dX = dY put back at its places, zeros elsewhere
 * Along each axis: dY reversed for a negative step, zeros put between its elements, and around them.
 */
const slice: GradientRule = {
  op: 'Slice',
  since: [10, 11, 13],
  linearity: 'linear',
  refuses: (form) => (form.numbers(1) === undefined ? 'its starts must be constant' : undefined),
  backward: (at) => {
    const dims = [...at.outShape(0)];
    if (dims.includes(0)) return [null];
    let value = at.dy[0] as string;
    const [begins, ends] = [dims.map(() => 0), dims.map(() => 0)];
    for (const { axis, start, step, count, size } of cutsOf(at)) {
      if (step < 0 && count > 1)
        value = at.slice(value, { starts: [-1], ends: [-size - 1], axes: [axis], steps: [-1] });
      const stride = count > 1 ? Math.abs(step) : 1;
      value = spread(at, value, { dims, axis, stride });
      const first = step < 0 ? start + (count - 1) * step : start;
      begins[axis] = first;
      ends[axis] = size - first - (dims[axis] as number);
    }
    return [at.pad(value, [...begins, ...ends])];
  },
};

/** Puts stride - 1 zeros behind every element along an axis; `dims` grows. */
function spread(
  at: RuleContext,
  value: string,
  { dims, axis, stride }: { dims: number[]; axis: number; stride: number },
): string {
  if (stride === 1) return value;
  const apart = [...dims.slice(0, axis + 1), 1, ...dims.slice(axis + 1)];
  const pads = [...apart.map(() => 0), ...apart.map((_, i) => (i === axis + 1 ? stride - 1 : 0))];
  dims[axis] = (dims[axis] as number) * stride;
  return at.reshape(at.pad(at.reshape(value, apart), pads), dims);
}

interface Padding {
  readonly mode: string;
  readonly begins: readonly number[];
  readonly ends: readonly number[];
}

function paddingOf(at: NodeForm): Padding {
  const rank = at.shape(0).length;
  const pads = at.numbers(1) as number[];
  const axes = ((at.x[3] ? at.numbers(3) : undefined) ?? [...at.shape(0).keys()]).map((axis) =>
    axis < 0 ? axis + rank : axis,
  );
  const [begins, ends] = [new Array<number>(rank).fill(0), new Array<number>(rank).fill(0)];
  axes.forEach((axis, i) => {
    begins[axis] = pads[i] as number;
    ends[axis] = pads[i + axes.length] as number;
  });
  return { mode: stringAttribute(at.node, 'mode', 'constant'), begins, ends };
}

/** Which element of an axis of n a padded position repeats. */
const REPEATED: Readonly<Record<string, (position: number, n: number) => number>> = {
  edge: (position, n) => Math.min(Math.max(position, 0), n - 1),
  reflect: (position, n) =>
    n === 1 ? 0 : n - 1 - Math.abs((((position % (2 * n - 2)) + 2 * n - 2) % (2 * n - 2)) - (n - 1)),
  wrap: (position, n) => ((position % n) + n) % n,
};

/**
 * Y = X with borders.   dX = dY without its borders, for repeated elements with their copies' gradients added
 * d(constant value) = the sum of dY over the borders
 */
const pad: GradientRule = {
  op: 'Pad',
  since: [11, 13, 18, 19, 21, 23],
  linearity: 'linear',
  refuses: (form) => (form.numbers(1) === undefined ? 'its pads must be constant' : undefined),
  backward: (at) => {
    const { mode, begins, ends } = paddingOf(at);
    const repeat = REPEATED[mode];
    const dy = at.dy[0] as string;
    if (repeat === undefined) {
      const inner = at.pad(
        dy,
        [...begins, ...ends].map((p) => -p),
      );
      const all = [...at.shape(0).keys()];
      return [
        inner,
        null,
        at.needs(2) ? at.reshape(at.emit('Sub', at.sum(dy, all), at.sum(inner, all)), at.shape(2)) : null,
      ];
    }
    const maps = at.shape(0).flatMap((n, axis): AxisMap[] => {
      if (begins[axis] === 0 && ends[axis] === 0) return [];
      const picks = Array.from({ length: at.outShape(0)[axis] as number }, (_, i) =>
        repeat(i - (begins[axis] as number), n),
      );
      return [{ axis, from: n, to: picks.length, taps: [{ picks }] }];
    });
    return [applyTransposed(at, dy, maps)];
  },
};

/** Y = the upper or lower triangle of X, from diagonal k.   dX = the same triangle of dY */
const trilu: GradientRule = {
  op: 'Trilu',
  since: [14],
  linearity: 'linear',
  backward: ({ node, x: [, k], dy: [dy], emit }) => {
    const attrs = { upper: intAttribute(node, 'upper', 1) };
    return [k ? emit('Trilu', dy as string, k, attrs) : emit('Trilu', dy as string, attrs), null];
  },
};

/** Y = running sums of X along an axis.   dX = running sums of dY from the other end */
const cumSum: GradientRule = {
  op: 'CumSum',
  since: [11, 14],
  linearity: 'linear',
  backward: ({ node, x: [, axis], dy: [dy], emit }) => {
    const attrs = { exclusive: intAttribute(node, 'exclusive', 0), reverse: 1 - intAttribute(node, 'reverse', 0) };
    return [emit('CumSum', dy as string, axis as string, attrs), null];
  },
};

/** Y = X with the first elements of each sequence in reverse.   dX = dY reversed again */
const reverseSequence: GradientRule = {
  op: 'ReverseSequence',
  since: [10],
  linearity: 'linear',
  backward: ({ node, x: [, lengths], dy: [dy], emit }) => [
    emit('ReverseSequence', dy as string, lengths as string, Object.fromEntries(node.attributes)),
    null,
  ],
};

/** Rules of operators that take parts of tensors, or put them together. */
export const cutting: readonly GradientRule[] = [concat, split, slice, pad, trilu, cumSum, reverseSequence];
