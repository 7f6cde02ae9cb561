import type { GradientRows } from '../curvature/gradient-rows.ts';

/** A matrix as rows of numbers: the second opinion of the tests, slow and plain. */
export type Matrix = readonly (readonly number[])[];

/** A of the panels as one matrix, [n, p]; columns that have a factor are multiplied by it. */
export function denseOf({ n, panels }: GradientRows): number[][] {
  return Array.from({ length: n }, (_, i) =>
    panels.flatMap(({ width, data, scale }) =>
      Array.from((data as Float32Array).subarray(i * width, (i + 1) * width), (x, j) => x * (scale?.[j] ?? 1)),
    ),
  );
}

/** A x */
export function times(A: Matrix, x: ArrayLike<number>): number[] {
  return A.map((row) => row.reduce((sum, value, j) => sum + value * (x[j] as number), 0));
}

/** A' */
export function transposed(A: Matrix): number[][] {
  return (A[0] ?? []).map((_, j) => A.map((row) => row[j] as number));
}

/** A B */
export function product(A: Matrix, B: Matrix): number[][] {
  const columns = transposed(B);
  return A.map((row) => columns.map((column) => dot(row, column)));
}

/** a' b */
export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

/** M + s I */
export function plusDiagonal(M: Matrix, s: number): number[][] {
  return M.map((row, i) => row.map((value, j) => value + (i === j ? s : 0)));
}

/** M^-1 b by Gaussian elimination with partial pivoting. */
export function solved(M: Matrix, b: ArrayLike<number>): number[] {
  const size = M.length;
  const rows = M.map((row, i) => [...row, b[i] as number]);
  for (let c = 0; c < size; c++) {
    let pivot = c;
    for (let r = c + 1; r < size; r++) if (Math.abs(at(rows, r, c)) > Math.abs(at(rows, pivot, c))) pivot = r;
    [rows[c], rows[pivot]] = [rows[pivot] as number[], rows[c] as number[]];
    for (let r = 0; r < size; r++) {
      if (r === c) continue;
      const factor = at(rows, r, c) / at(rows, c, c);
      for (let j = c; j <= size; j++) (rows[r] as number[])[j] = at(rows, r, j) - factor * at(rows, c, j);
    }
  }
  return rows.map((row, i) => (row[size] as number) / (row[i] as number));
}

function at(rows: Matrix, r: number, c: number): number {
  return (rows[r] as readonly number[])[c] as number;
}

/** M^-1 */
export function inverse(M: Matrix): number[][] {
  const columns = M.map((_, j) =>
    solved(
      M,
      M.map((__, i) => (i === j ? 1 : 0)),
    ),
  );
  return transposed(columns);
}

/** A quadratic model of the loss in plain arrays. */
export interface DenseModel {
  readonly A: Matrix;
  readonly wBar: ArrayLike<number>;
  readonly mu: number;
  readonly a: number;
}

/** Q(w) = 1/2 |A (w - wBar)|^2 + a e'A (w - wBar) + mu/2 |w - wBar|^2 */
export function denseObjective({ A, wBar, mu, a }: DenseModel, w: ArrayLike<number>): number {
  const delta = Array.from(w, (x, i) => x - (wBar[i] as number));
  const r = times(A, delta);
  return dot(r, r) / 2 + a * r.reduce((sum, x) => sum + x, 0) + (mu / 2) * dot(delta, delta);
}

/** The minimiser of Q with the weights outside `support` at zero, by the normal equations on the support. */
export function denseBackSolve({ A, wBar, mu, a }: DenseModel, support: ArrayLike<number>): number[] {
  const S = Array.from(wBar, (_, i) => i).filter((i) => support[i] === 1);
  const AS = A.map((row) => S.map((i) => row[i] as number));
  const y = times(A, wBar);
  const columns = transposed(AS);
  const right = S.map(
    (i, j) =>
      dot(columns[j] as number[], y) +
      mu * (wBar[i] as number) -
      a * (columns[j] as number[]).reduce((sum, x) => sum + x, 0),
  );
  const inner = S.length === 0 ? [] : solved(plusDiagonal(product(columns, AS), mu), right);
  const w = Array.from(wBar, () => 0);
  S.forEach((i, j) => {
    w[i] = inner[j] as number;
  });
  return w;
}

/** All supports of exactly k of p places. */
export function* supportsOf(p: number, k: number): Generator<Uint8Array> {
  const chosen = Array.from({ length: k }, (_, i) => i);
  for (;;) {
    const support = new Uint8Array(p);
    for (const i of chosen) support[i] = 1;
    yield support;
    let last = k - 1;
    while (last >= 0 && chosen[last] === p - k + last) last--;
    if (last < 0) return;
    chosen[last] = (chosen[last] as number) + 1;
    for (let j = last + 1; j < k; j++) chosen[j] = (chosen[j - 1] as number) + 1;
  }
}
