import type { Linalg } from '../engine/linalg.ts';
import type { LinearMap } from './linear-map.ts';

/** A map's problem by the inputs that were seen, where these are fewer than the weights of an output. */
export interface SeenProblem {
  readonly algebra: Linalg;
  /** X: [groups, inputs, count]. */
  readonly X: Float32Array;
  /** Y, what the outputs should be: [groups, outputs, count]. */
  readonly Y: Float32Array;
  /** The weights that the ridge draws towards: [groups, outputs, inputs]. */
  readonly W0: Float32Array;
  readonly count: number;
  /** Ridge r. */
  readonly r: number;
}

/** What is wanted of {@link solveSeen}. */
export interface SeenRequest {
  /** 1 = may stand: [groups, outputs, inputs]. */
  readonly support: Uint8Array;
  /** Conjugate gradient steps at most. */
  readonly iterations: number;
  /** Residuals of this share are small enough. */
  readonly tolerance: number;
  /** Multipliers to start from, [groups, outputs, count], changed in place to those found; zeros = from the dense weights. */
  readonly A: Float32Array;
}

/** Numbers of a block of rows: what lies between two products of it should stay near the processor. */
const NUMBERS_AT_ONCE = 1 << 22;
const FEWEST_ROWS = 16;

/**
 * Weights on a support that give outputs Y, by their duals: a row w with support S and outputs y is that of
 *
 *   min over w on S of |w X - y|^2 / n + r |w - w0|^2     w = w0 + a X' on S     (X_S' X_S + n r I) a = y - w0 X_S
 *
 * so that all that is kept between steps has n numbers a row, and a step is two matrix products with the mask between them. Conjugate
 * gradients on a, each row by itself; their matrix has the eigenvalues of the problem in w.
 *
 * @param W  [groups, outputs, inputs]; the weights are put there
 * Cost: 2 x groups x outputs x inputs x count a step, once more for the first residual, half of it for the weights. Memory: 16 MiB or 16 rows of inputs.
 * Source: the dual of ridge regression (Saunders et al. 1998).
 */
export async function solveSeen(
  { groups, outputs, inputs }: Pick<LinearMap, 'groups' | 'outputs' | 'inputs'>,
  problem: SeenProblem,
  { W, ...request }: SeenRequest & { readonly W: Float32Array },
): Promise<void> {
  const { algebra, count, r } = problem;
  const most = Math.max(FEWEST_ROWS, Math.floor(NUMBERS_AT_ONCE / inputs));
  for (let g = 0; g < groups; g++) {
    const X = problem.X.subarray(g * inputs * count, (g + 1) * inputs * count);
    for (let first = 0; first < outputs; first += most) {
      const [from, to] = [g * outputs + first, g * outputs + Math.min(first + most, outputs)];
      const rowsOf = <T extends Float32Array | Uint8Array>(all: T, width: number): T =>
        all.subarray(from * width, to * width) as T;
      const block = {
        X,
        y: rowsOf(problem.Y, count),
        w0: rowsOf(problem.W0, inputs),
        support: rowsOf(request.support, inputs),
        rows: to - from,
        count,
        shift: count * r,
      };
      rowsOf(W, inputs).set(await solveBlock(algebra, block, { ...request, A: rowsOf(request.A, count) }));
    }
  }
}

/** Rows of one group. */
interface Block {
  readonly X: Float32Array;
  readonly y: Float32Array;
  readonly w0: Float32Array;
  readonly support: Uint8Array;
  readonly rows: number;
  readonly count: number;
  /** n r. */
  readonly shift: number;
}

async function solveBlock(
  algebra: Linalg,
  { X, y, w0, support, rows, count, shift }: Block,
  { iterations, tolerance, A }: Pick<SeenRequest, 'iterations' | 'tolerance' | 'A'>,
): Promise<Float32Array> {
  const weights = (): Promise<Float32Array> => algebra.maskedSum(w0, { P: A, X }, support);
  const start = await weights();
  const images = await algebra.products(start, X, { groups: 1, rows });
  const residual = new Float32Array(rows * count);
  for (let k = 0; k < residual.length; k++)
    residual[k] = (y[k] as number) - (images[k] as number) - shift * (A[k] as number);
  const step = residual.slice();
  const lengths = new Float64Array(rows);
  for (let row = 0; row < rows; row++) lengths[row] = squareOf(residual, row, count);
  if (isSolved(A, lengths, tolerance * shift)) return start;
  for (let t = 0; t < iterations; t++) {
    const image = await algebra.maskedNormal({ P: step, X }, support);
    for (let row = 0; row < rows; row++) {
      const [first, end] = [row * count, (row + 1) * count];
      const length = lengths[row] as number;
      let curvature = 0;
      for (let k = first; k < end; k++) {
        image[k] = (image[k] as number) + shift * (step[k] as number);
        curvature += (step[k] as number) * (image[k] as number);
      }
      if (!(curvature > 0 && length > 0)) continue;
      const alpha = length / curvature;
      for (let k = first; k < end; k++) {
        A[k] = (A[k] as number) + alpha * (step[k] as number);
        residual[k] = (residual[k] as number) - alpha * (image[k] as number);
      }
      const next = squareOf(residual, row, count);
      const beta = next / length;
      for (let k = first; k < end; k++) step[k] = (residual[k] as number) + beta * (step[k] as number);
      lengths[row] = next;
    }
    if (isSolved(A, lengths, tolerance * shift)) break;
  }
  return weights();
}

function squareOf(values: Float32Array, row: number, count: number): number {
  let square = 0;
  for (let k = row * count; k < (row + 1) * count; k++) square += (values[k] as number) ** 2;
  return square;
}

/** Whether no residual is longer than so many times its multipliers: n r |a| is no longer than the right side. */
function isSolved(A: Float32Array, lengths: Float64Array, share: number): boolean {
  const count = A.length / lengths.length;
  return lengths.every((length, row) => length <= share * share * squareOf(A, row, count));
}
