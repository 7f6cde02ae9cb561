/**
 * The loops that the runtime has no operator for: products in f64 over a matrix in f32 that is not widened first, columns
 * picked by number, a Cholesky factor. All on the caller's thread. Matrices are row-major.
 */
export interface Kernels {
  readonly name: string;
  /** y += A x. A: [n, w] f32, x: [w], y: [n]; products and sums in f64. Cost: A read once. */
  addProduct(A: Float32Array, x: Float64Array, y: Float64Array): void;
  /** y += A' r. A: [n, w] f32, r: [n], y: [w]; products and sums in f64. Cost: A read once. */
  addTransposedProduct(A: Float32Array, r: Float64Array, y: Float64Array): void;
  /** y[j] += sum over i of A[i][j]^2. A: [n, w] f32, y: [w]; f64 throughout. Cost: A read once. */
  addSquares(A: Float32Array, y: Float64Array): void;
  /** Copies columns of A [n, width], their numbers rising, to block [n, columns.length]. Cost: what is picked. */
  pickColumns(A: Float32Array, width: number, columns: Int32Array, block: Float32Array): void;
  /** The lower factor of K + jitter I, [n, n] f64; only the lower half of K is read. Null if it is not positive. Cost: n^3 / 6. */
  factor(K: Float64Array, n: number, jitter: number): Float64Array | null;
}

/** What each kernel computes, as plain loops: the definition that the others are tested against, and what runs without WebAssembly. */
export const scalarKernels: Kernels = {
  name: 'scalar',
  addProduct(A, x, y) {
    const width = x.length;
    for (let i = 0; i < y.length; i++) {
      let sum = 0;
      for (let j = 0; j < width; j++) sum += (A[i * width + j] as number) * (x[j] as number);
      (y[i] as number) += sum;
    }
  },
  addTransposedProduct(A, r, y) {
    const width = y.length;
    for (let i = 0; i < r.length; i++) {
      const factor = r[i] as number;
      for (let j = 0; j < width; j++) (y[j] as number) += factor * (A[i * width + j] as number);
    }
  },
  addSquares(A, y) {
    const width = y.length;
    for (let at = 0; at < A.length; at += width)
      for (let j = 0; j < width; j++) (y[j] as number) += (A[at + j] as number) ** 2;
  },
  pickColumns(A, width, columns, block) {
    const count = columns.length;
    const n = count === 0 ? 0 : block.length / count;
    for (let i = 0; i < n; i++)
      for (let j = 0; j < count; j++) block[i * count + j] = A[i * width + (columns[j] as number)] as number;
  },
  factor(K, n, jitter) {
    const L = new Float64Array(n * n);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j <= i; j++) {
        let sum = K[i * n + j] as number;
        for (let t = 0; t < j; t++) sum -= (L[i * n + t] as number) * (L[j * n + t] as number);
        if (j < i) L[i * n + j] = sum / (L[j * n + j] as number);
        else if (!(sum + jitter > 0)) return null;
        else L[i * n + i] = Math.sqrt(sum + jitter);
      }
    }
    return L;
  },
};
