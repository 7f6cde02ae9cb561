import { stringAttribute } from '../../../ir/access.ts';
import { type Lowering, type LoweringContext, MICROSOFT } from './lowering.ts';

/** Y = X cut or padded with zeros around its centre, to a shape along some axes; an odd rest lies behind */
const centerCropPad: Lowering = {
  op: 'CenterCropPad',
  since: [18],
  linearity: 'linear',
  lower: (at) => {
    const [from, to] = [at.shape(0), at.outShape(0)];
    const axes = [...from.keys()];
    const cut = axes.filter((axis) => (to[axis] as number) < (from[axis] as number));
    const starts = cut.map((axis) => Math.floor(((from[axis] as number) - (to[axis] as number)) / 2));
    const ends = cut.map((axis, i) => (starts[i] as number) + (to[axis] as number));
    const x = at.x[0] as string;
    const cropped = cut.length === 0 ? x : at.slice(x, { starts, ends, axes: cut });
    const room = axes.map((axis) => Math.max(0, (to[axis] as number) - (from[axis] as number)));
    const before = room.map((extra) => Math.floor(extra / 2));
    return [at.pad(cropped, [...before, ...room.map((extra, i) => extra - (before[i] as number))])];
  },
};

/** Largest matrices whose determinant is written out. */
const LARGEST = 4;

/** The determinant of rows and columns of [B, n, n], by its first row; minors come again and again, and are written once. */
function determinant(at: LoweringContext, value: string, n: number): string {
  const entry = (i: number, j: number): string =>
    at.slice(value, { starts: [i, j], ends: [i + 1, j + 1], axes: [1, 2] });
  const made = new Map<string, string>();
  const minor = (columns: readonly number[]): string => {
    const row = n - columns.length;
    const known = made.get(String(columns));
    if (known !== undefined) return known;
    const total = columns.reduce<string | undefined>((sum, column, k) => {
      const rest = columns.filter((other) => other !== column);
      const term = rest.length === 0 ? entry(row, column) : at.emit('Mul', entry(row, column), minor(rest));
      return sum === undefined ? term : at.emit(k % 2 === 0 ? 'Add' : 'Sub', sum, term);
    }, undefined) as string;
    made.set(String(columns), total);
    return total;
  };
  return minor(Array.from({ length: n }, (_, i) => i));
}

/** Y = det X of each matrix, by its minors */
const det: Lowering = {
  op: 'Det',
  since: [11, 22],
  linearity: 'smooth',
  refuses: ({ shape }) => {
    const n = shape(0).at(-1) as number;
    return n <= LARGEST ? undefined : `its matrices must be up to ${LARGEST} x ${LARGEST}, current size is ${n}`;
  },
  lower: (at) => {
    const shape = at.shape(0);
    const n = shape.at(-1) as number;
    return [at.reshape(determinant(at, at.reshape(at.x[0] as string, [-1, n, n]), n), shape.slice(0, -2))];
  },
};

/** onnxruntime's Pad of early days: as the standard's, its modes too */
const padOwn: Lowering = {
  op: 'Pad',
  domain: MICROSOFT,
  since: [1],
  linearity: 'linear',
  refuses: ({ numbers }) => (numbers(1) === undefined ? 'its pads must be constant' : undefined),
  lower: (at) => {
    const inputs = [at.x[0] as string, at.ints(at.numbers(1) as number[]), ...(at.x[2] ? [at.x[2]] : [])];
    return [at.emit('Pad', ...inputs, { mode: stringAttribute(at.node, 'mode', 'constant') })];
  },
};

/** Y = X with one axis more of length 1 */
const expandDims: Lowering = {
  op: 'ExpandDims',
  domain: MICROSOFT,
  since: [1],
  linearity: 'linear',
  lower: (at) => [at.reshape(at.x[0] as string, at.outShape(0))],
};

/** Y[i, j] = distance of row i of A and row j of B: (A_i - B_j)^2 summed, its root unless the metric is the square */
const cdist: Lowering = {
  op: 'CDist',
  domain: MICROSOFT,
  since: [1],
  linearity: 'smooth',
  lower: (at) => {
    const [a, b] = [at.shape(0), at.shape(1)] as [[number, number], [number, number]];
    const difference = at.emit(
      'Sub',
      at.reshape(at.x[0] as string, [a[0], 1, a[1]]),
      at.reshape(at.x[1] as string, [1, b[0], b[1]]),
    );
    const squares = at.sum(at.emit('Mul', difference, difference), [2]);
    return [stringAttribute(at.node, 'metric', 'sqeuclidean') === 'euclidean' ? at.emit('Sqrt', squares) : squares];
  },
};

/** Frames, determinants, distances. */
export const framing: readonly Lowering[] = [centerCropPad, det, padOwn, expandDims, cdist];
