import { kernels } from '../engine/kernels/kernels.ts';

/**
 * Rows that are outer products, of the columns that belong to left factors from .. to:
 *
 *   A[i, (c - from) b + d] = left[i, c] right[i, d]        left: [n, a], right: [n, b]
 *
 * Products with A go without A, as many multiplications over factors that stay in the cache. They are of unrounded elements; those
 * of A, where it is multiplied out, are f32.
 */
export interface OuterFactors {
  readonly left: Float32Array;
  readonly right: Float32Array;
  readonly a: number;
  readonly b: number;
  readonly from: number;
  readonly to: number;
}

/** y += A x, in f64. x: [(to - from) b], y: [n]. Cost: n (to - from) b. */
export function addOuterProduct({ left, right, a, b, from, to }: OuterFactors, x: Float64Array, y: Float64Array): void {
  const part = new Float64Array(y.length);
  for (let c = from; c < to; c++) {
    part.fill(0);
    kernels.addProduct(right, x.subarray((c - from) * b, (c - from + 1) * b), part);
    for (let i = 0; i < y.length; i++) (y[i] as number) += (left[i * a + c] as number) * (part[i] as number);
  }
}

/** A' r, in f64: [(to - from) b]. r: [n]. Cost: n (to - from) b. */
export function transposedOuterProduct(
  { left, right, a, b, from, to }: OuterFactors,
  r: ArrayLike<number>,
): Float64Array {
  const out = new Float64Array((to - from) * b);
  const scaled = new Float64Array(r.length);
  for (let c = from; c < to; c++) {
    for (let i = 0; i < r.length; i++) scaled[i] = (r[i] as number) * (left[i * a + c] as number);
    kernels.addTransposedProduct(right, scaled, out.subarray((c - from) * b, (c - from + 1) * b));
  }
  return out;
}

/** Squared norms of the columns of A; squares of the factors in f32, sums in f64. Cost: n (to - from) b. */
export function outerSquares(factors: OuterFactors): Float64Array {
  const square = (x: number): number => x * x;
  const [left, right] = [factors.left.map(square), factors.right.map(square)];
  return transposedOuterProduct({ ...factors, left, right }, new Float64Array(right.length / factors.b).fill(1));
}

/** Columns of A by their numbers in the panel: [n, columns.length], f32. Cost: what is picked. */
export function pickOuterColumns(factors: OuterFactors, columns: Int32Array, block: Float32Array): void {
  const { left, right, a, b, from } = factors;
  const count = columns.length;
  const [outer, inner] = [columns.map((j) => from + Math.floor(j / b)), columns.map((j) => j % b)];
  const n = count === 0 ? 0 : block.length / count;
  for (let i = 0; i < n; i++) {
    const [l, r] = [left.subarray(i * a, (i + 1) * a), right.subarray(i * b, (i + 1) * b)];
    const out = block.subarray(i * count, (i + 1) * count);
    for (let j = 0; j < count; j++) out[j] = (l[outer[j] as number] as number) * (r[inner[j] as number] as number);
  }
}

/** A itself: [n, (to - from) b], f32. */
export function multiplyOut({ left, right, a, b, from, to }: OuterFactors, out: Float32Array): void {
  const n = right.length / b;
  for (let i = 0; i < n; i++) {
    const row = right.subarray(i * b, (i + 1) * b);
    for (let c = from; c < to; c++) {
      const x = left[i * a + c] as number;
      const at = (i * (to - from) + c - from) * b;
      const part = out.subarray(at, at + b);
      for (let d = 0; d < b; d++) part[d] = x * (row[d] as number);
    }
  }
}
