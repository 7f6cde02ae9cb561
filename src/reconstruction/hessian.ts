import type { Linalg } from '../engine/linalg.ts';
import { cholesky, invertLower } from '../problem/cholesky.ts';

/** H = X X' / count + r I of the inputs X of a map, symmetric positive definite, for each group. */
export interface Hessian {
  /** diag(H): [groups, inputs]. */
  readonly diagonal: Float32Array;
  /** A H for each group: [groups, rows, inputs] of the same. f32. */
  times(A: Float32Array, rows: number): Promise<Float32Array>;
  /**
   * diag(H^-1): [groups, inputs]. What it costs to set weight w_i of a row to zero, all others of that row free to make up for it, is
   * w_i^2 / (2 diag(H^-1)_i). Source: Optimal Brain Surgeon.
   *
   * @returns null if H is not positive definite even with jitter
   */
  inverseDiagonal(): Promise<Float64Array | null>;
}

/** How many matrices there are, and how large. */
interface Sizes {
  readonly groups: number;
  readonly inputs: number;
}

/**
 * H by its elements.
 *
 * @param H  [groups, inputs, inputs] f32
 * Cost: inputs^2 memory a group; rows x inputs^2 a product; inputs^3 / 3 for the inverse.
 */
export function denseHessian(algebra: Linalg, H: Float32Array, { groups, inputs }: Sizes): Hessian {
  const square = inputs * inputs;
  const diagonal = new Float32Array(groups * inputs);
  for (let k = 0; k < diagonal.length; k++) diagonal[k] = H[k * inputs + (k % inputs)] as number;
  return {
    diagonal,
    times: (A, rows) => algebra.products(A, H, { groups, rows }),
    inverseDiagonal: async () => {
      const found = new Float64Array(groups * inputs);
      for (let g = 0; g < groups; g++) {
        const factor = cholesky(Float64Array.from(H.subarray(g * square, (g + 1) * square)), inputs);
        if (factor === null) return null;
        const inverse = invertLower(factor);
        for (let i = 0; i < inputs; i++)
          for (let j = 0; j <= i; j++) (found[g * inputs + j] as number) += (inverse[i * inputs + j] as number) ** 2;
      }
      return found;
    },
  };
}

/** Inputs as they were seen. */
export interface SeenInputs extends Sizes {
  /** X: [groups, inputs, count]. */
  readonly X: Float32Array;
  readonly count: number;
  /** X': [groups, count, inputs]; made when it is first asked for. */
  readonly columns: () => Float32Array;
}

/**
 * H by the inputs themselves, where these are fewer than the weights of an output: nothing of the size inputs^2 is made.
 *
 *   A H = (A X) X' / count + r A        diag(H^-1)_i = (1 - x_i (X' X + count r I)^-1 x_i') / r      x_i: row i of X
 *
 * Cost: twice the memory of X at most; 2 x rows x inputs x count a product; count^2 x inputs + count^3 / 3 for the inverse.
 */
export function sampledHessian(algebra: Linalg, { X, columns, groups, inputs, count }: SeenInputs, r: number): Hessian {
  const diagonal = new Float32Array(groups * inputs);
  for (let k = 0; k < diagonal.length; k++) {
    let square = 0;
    for (let s = k * count; s < (k + 1) * count; s++) square += (X[s] as number) ** 2;
    diagonal[k] = square / count + r;
  }
  return {
    diagonal,
    times: async (A, rows) => {
      const images = await algebra.products(A, X, { groups, rows });
      const product = await algebra.products(images, columns(), { groups, rows });
      for (let k = 0; k < product.length; k++) product[k] = (product[k] as number) / count + r * (A[k] as number);
      return product;
    },
    inverseDiagonal: async () => {
      const found = new Float64Array(groups * inputs);
      for (let g = 0; g < groups; g++) {
        const own = X.subarray(g * count * inputs, (g + 1) * count * inputs);
        const ridge = new Float64Array(count * count);
        for (let s = 0; s < count; s++) ridge[s * count + s] = count * r;
        const factor = cholesky(await gramOfColumns(algebra, own, ridge), count);
        if (factor === null) return null;
        const inverse = invertLower(factor);
        for (let first = 0; first < inputs; first += INPUTS_AT_ONCE) {
          const rows = Math.min(INPUTS_AT_ONCE, inputs - first);
          const part = turned(own.subarray(first * count, (first + rows) * count), rows, count);
          const norms = await algebra.columnNorms(inverse, part);
          for (let i = 0; i < rows; i++) found[g * inputs + first + i] = (1 - (norms[i] as number)) / r;
        }
      }
      return found;
    },
  };
}

/** Inputs whose products in f64 are in memory at once. */
const INPUTS_AT_ONCE = 1024;

/** C + X' X for X: [inputs, count], products and sums in f64. */
async function gramOfColumns(algebra: Linalg, X: Float32Array, C: Float64Array): Promise<Float64Array> {
  const count = Math.round(Math.sqrt(C.length));
  const inputs = X.length / count;
  for (let first = 0; first < inputs; first += INPUTS_AT_ONCE) {
    const rows = Math.min(INPUTS_AT_ONCE, inputs - first);
    const gram = await algebra.innerGram(X.subarray(first * count, (first + rows) * count), rows);
    for (let k = 0; k < C.length; k++) (C[k] as number) += gram[k] as number;
  }
  return C;
}

/** [rows, columns] to [columns, rows]. */
function turned(A: Float32Array, rows: number, columns: number): Float32Array {
  return transposedGroups(A, { groups: 1, rows, columns });
}

/** Each of several matrices transposed: [groups, rows, columns] to [groups, columns, rows]. */
export function transposedGroups(
  A: Float32Array,
  { groups, rows, columns }: { groups: number; rows: number; columns: number },
): Float32Array {
  const turned = new Float32Array(A.length);
  for (let g = 0; g < groups; g++) {
    const at = g * rows * columns;
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < columns; j++) turned[at + j * rows + i] = A[at + i * columns + j] as number;
  }
  return turned;
}
