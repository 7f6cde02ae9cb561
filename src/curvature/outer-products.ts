/**
 * Rows that are outer products, of some of the layer's columns, from .. to:
 *
 *   A[i, j - from] = left[i, c] right[i, d],   j = c b + d        left: [n, a], right: [n, b]
 *
 * Elements are rounded to f32, as those of rows that come whole: what is computed of either is the same to the bit.
 */
export interface OuterFactors {
  readonly left: Float32Array;
  readonly right: Float32Array;
  readonly a: number;
  readonly b: number;
  readonly from: number;
  readonly to: number;
}

/** Columns of A by their numbers in the panel: [n, columns.length], f32. Cost: what is picked. */
export function pickOuterColumns(factors: OuterFactors, columns: Int32Array, block: Float32Array): void {
  const { left, right, a, b, from } = factors;
  const count = columns.length;
  const [outer, inner] = [columns.map((j) => Math.floor((from + j) / b)), columns.map((j) => (from + j) % b)];
  const n = count === 0 ? 0 : block.length / count;
  for (let i = 0; i < n; i++) {
    const [l, r] = [left.subarray(i * a, (i + 1) * a), right.subarray(i * b, (i + 1) * b)];
    const out = block.subarray(i * count, (i + 1) * count);
    for (let j = 0; j < count; j++) out[j] = (l[outer[j] as number] as number) * (r[inner[j] as number] as number);
  }
}

/** A itself: [n, to - from], f32. Cost: as many multiplications. */
export function multiplyOut({ left, right, a, b, from, to }: OuterFactors, out: Float32Array): void {
  const n = right.length / b;
  for (let i = 0; i < n; i++) {
    const at = i * (to - from) - from;
    for (let c = Math.floor(from / b); c * b < to; c++) {
      const x = left[i * a + c] as number;
      const first = c * b;
      const [begin, end] = [Math.max(from, first), Math.min(to, first + b)];
      for (let j = begin; j < end; j++) out[at + j] = x * (right[i * b + j - first] as number);
    }
  }
}
