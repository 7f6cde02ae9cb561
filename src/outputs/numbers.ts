import { halvesAsNumbers } from '../tensor/half.ts';
import { sizeOf, type Tensor } from '../tensor/tensor.ts';

/** A float value of a run, in numbers whatever its type. */
export interface Numbers {
  readonly dims: readonly number[];
  readonly data: ArrayLike<number>;
}

/** The elements of a float tensor as numbers; undefined for one of another type. */
export function numbersOf(tensor: Tensor): Numbers | undefined {
  const { type, dims } = tensor;
  if (type === 'float32' || type === 'float64') return { dims, data: tensor.data as Float32Array | Float64Array };
  const data = halvesAsNumbers(tensor);
  return data && { dims, data };
}

/** Where the elements of a table lie: element [row, column] at `rows[row] + columns[column]`. */
export interface Table {
  readonly rows: Int32Array;
  readonly columns: Int32Array;
}

/** A value as a table with some of its axes as columns, in row-major order both ways. */
export function tableOf(dims: readonly number[], axes: readonly number[]): Table {
  const strides = dims.map((_, i) => sizeOf(dims.slice(i + 1)));
  const offsets = (over: readonly number[]): Int32Array => {
    let found = Int32Array.of(0);
    for (const axis of over) {
      const [size, stride] = [dims[axis] as number, strides[axis] as number];
      const next = new Int32Array(found.length * size);
      found.forEach((start, i) => {
        for (let k = 0; k < size; k++) next[i * size + k] = start + k * stride;
      });
      found = next;
    }
    return found;
  };
  return { rows: offsets([...dims.keys()].filter((axis) => !axes.includes(axis))), columns: offsets(axes) };
}

/** How far a sum of probabilities may be from 1: half floats are summed too. */
const SUM_TOLERANCE = 5e-3;
const BOUND_TOLERANCE = 1e-5;

/** Whether every row is a distribution: no element below 0 or above 1, and their sum 1. */
export function areDistributions({ dims, data }: Numbers, axes: readonly number[], of = (x: number) => x): boolean {
  const { rows, columns } = tableOf(dims, axes);
  return rows.every((row) => {
    let sum = 0;
    for (const column of columns) {
      const p = of(data[row + column] as number);
      if (!(p >= -BOUND_TOLERANCE && p <= 1 + BOUND_TOLERANCE)) return false;
      sum += p;
    }
    return Math.abs(sum - 1) <= SUM_TOLERANCE;
  });
}

/** exp(z) over its sum in each row. */
export function softmaxOf({ dims, data }: Numbers, axes: readonly number[]): Numbers {
  const { rows, columns } = tableOf(dims, axes);
  const p = new Float64Array(data.length);
  for (const row of rows) {
    let [top, sum] = [Number.NEGATIVE_INFINITY, 0];
    for (const column of columns) top = Math.max(top, data[row + column] as number);
    for (const column of columns) sum += Math.exp((data[row + column] as number) - top);
    for (const column of columns) p[row + column] = Math.exp((data[row + column] as number) - top) / sum;
  }
  return { dims, data: p };
}

/** 1 / (1 + exp(-z)) */
export function sigmoidOf({ dims, data }: Numbers): Numbers {
  return { dims, data: new Float64Array(data).map((z) => 1 / (1 + Math.exp(-z))) };
}

/** Probabilities nearer than this to 0 or 1 tell nothing of the logits behind them. */
const TELLING = 1e-4;

/** How far probabilities, and their logarithms, may be from others that are the same. */
export interface Closeness {
  readonly itself: number;
  readonly log: number;
}

/** In float32; and where something on the way had fewer digits, such as half floats. */
export const CLOSE: readonly Closeness[] = [
  { itself: 1e-5, log: 1e-4 },
  { itself: 2e-3, log: 0.02 },
];

/**
 * Whether two arrays of probabilities are the same, the small ones by their ratio too.
 *
 * @returns `unclear` where all of them are so near to 0 and 1 that many values would give the same
 */
export function sameProbabilities(
  p: ArrayLike<number>,
  q: ArrayLike<number>,
  { itself, log }: Closeness,
): 'same' | 'other' | 'unclear' {
  let telling = 0;
  for (let i = 0; i < p.length; i++) {
    const [a, b] = [p[i] as number, q[i] as number];
    if (!(Math.abs(a - b) <= itself)) return 'other';
    if (a < TELLING || a > 1 - TELLING) continue;
    telling++;
    if (!(Math.abs(Math.log(a / b)) <= log)) return 'other';
  }
  return telling > 0 ? 'same' : 'unclear';
}

/** The value with its axes in another order. */
export function transposed({ dims, data }: Numbers, perm: readonly number[]): Numbers {
  const strides = dims.map((_, i) => sizeOf(dims.slice(i + 1)));
  const to = perm.map((axis) => dims[axis] as number);
  const at = new Float64Array(data.length);
  const place = to.map(() => 0);
  let from = 0;
  for (let i = 0; i < at.length; i++) {
    at[i] = data[from] as number;
    for (let axis = to.length - 1; axis >= 0; axis--) {
      const stride = strides[perm[axis] as number] as number;
      from += stride;
      place[axis] = (place[axis] as number) + 1;
      if (place[axis] !== to[axis]) break;
      from -= stride * (to[axis] as number);
      place[axis] = 0;
    }
  }
  return { dims: to, data: at };
}
