import { sizeOf, type Tensor, type TensorData } from '../tensor/tensor.ts';

/** The rows of a tensor (axis 0) with these numbers, in their order. */
export function takeRows(tensor: Tensor, rows: readonly number[]): Tensor {
  const { type, dims, data } = tensor;
  const width = sizeOf(dims.slice(1));
  const inner = [rows.length, ...dims.slice(1)];
  if (Array.isArray(data))
    return { type, dims: inner, data: rows.flatMap((r) => data.slice(r * width, (r + 1) * width)) };
  const taken = new (data.constructor as new (length: number) => TypedArray)(rows.length * width);
  rows.forEach((r, i) => {
    taken.set(data.subarray(r * width, (r + 1) * width) as never, i * width);
  });
  return { type, dims: inner, data: taken };
}

type TypedArray = Exclude<TensorData, string[]>;

/** Block `at` of `of` equal ones along an axis, as plain numbers in order. @throws never: the axis must be divisible */
export function blockAlong(tensor: Tensor, axis: number, { at, of }: { at: number; of: number }): Float64Array {
  const { dims, data } = tensor;
  const outer = sizeOf(dims.slice(0, axis));
  const width = sizeOf(dims.slice(axis)) / of;
  const block = new Float64Array(outer * width);
  for (let o = 0; o < outer; o++)
    for (let i = 0; i < width; i++) block[o * width + i] = Number(data[(o * of + at) * width + i]);
  return block;
}

/** Difference of single numbers that kernels of another batch size may make, in units of the numbers and of their middle size. */
export const KERNEL_NOISE = 5e-4;

/** Whether two results are the same but for the order in which a runtime adds. What is not a number in both is the same. */
export function isSame(a: Float64Array, b: Float64Array, tolerance: number = KERNEL_NOISE): boolean {
  if (a.length !== b.length) return false;
  const sizes = a
    .map(Math.abs)
    .filter((x) => x > 0 && Number.isFinite(x))
    .sort();
  const middle = sizes[sizes.length >> 1] ?? 0;
  return a.every((x, i) => {
    const y = b[i] as number;
    if (Object.is(x, y) || x === y) return true;
    return Math.abs(x - y) <= tolerance * (Math.abs(x) + Math.abs(y) + middle);
  });
}
