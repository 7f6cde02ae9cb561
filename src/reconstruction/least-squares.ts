import type { Linalg } from '../engine/linalg.ts';
import { cholesky, invertLower } from '../problem/cholesky.ts';
import type { LayerProblem } from './layer-problem.ts';

/** Steps where products are too small to divide by have converged. */
const TINY = 1e-30;

/**
 * Weights on a support that solve a layer's problem, by conjugate gradients on all rows at once, preconditioned by the diagonal of H.
 *
 * @param W        start: [groups, outputs, inputs]; changed in place, zero off the support afterwards
 * @param support  1 = may stand, the same shape
 * Cost: `iterations` times groups x outputs x inputs^2. Source: ALPS solves its back-substitution so.
 */
export async function solveOnSupport(
  algebra: Linalg,
  { map, H, G }: LayerProblem,
  { W, support, iterations }: { W: Float32Array; support: Uint8Array; iterations: number },
): Promise<void> {
  const { groups, outputs, inputs } = map;
  const size = W.length;
  const product = (A: Float32Array): Promise<Float32Array> => algebra.products(A, H, { groups, rows: outputs });
  const scale = new Float32Array(groups * inputs);
  for (let k = 0; k < scale.length; k++) scale[k] = 1 / Math.max(H[k * inputs + (k % inputs)] as number, TINY);
  for (let k = 0; k < size; k++) if (support[k] === 0) W[k] = 0;
  const residual = new Float32Array(size);
  const step = new Float32Array(size);
  const rows = groups * outputs;
  const lengths = new Float64Array(rows);
  const start = await product(W);
  for (let row = 0; row < rows; row++) {
    const at = Math.floor(row / outputs) * inputs;
    for (let i = 0, k = row * inputs; i < inputs; i++, k++) {
      if (support[k] === 0) continue;
      const r = (G[k] as number) - (start[k] as number);
      const z = r * (scale[at + i] as number);
      residual[k] = r;
      step[k] = z;
      (lengths[row] as number) += r * z;
    }
  }
  for (let t = 0; t < iterations; t++) {
    const image = await product(step);
    for (let row = 0; row < rows; row++) {
      const at = Math.floor(row / outputs) * inputs;
      const first = row * inputs;
      let curvature = 0;
      for (let k = first; k < first + inputs; k++) curvature += (step[k] as number) * (image[k] as number);
      const length = lengths[row] as number;
      if (!(curvature > TINY && length > TINY)) continue;
      const alpha = length / curvature;
      let next = 0;
      for (let i = 0, k = first; i < inputs; i++, k++) {
        if (support[k] === 0) continue;
        (W[k] as number) += alpha * (step[k] as number);
        const r = (residual[k] as number) - alpha * (image[k] as number);
        residual[k] = r;
        next += r * r * (scale[at + i] as number);
      }
      const beta = next / length;
      for (let i = 0, k = first; i < inputs; i++, k++)
        if (support[k] === 1)
          step[k] = (residual[k] as number) * (scale[at + i] as number) + beta * (step[k] as number);
      lengths[row] = next;
    }
  }
}

/**
 * diag(H^-1) of each group: [groups, inputs] f64. What it costs to set weight w_i of a row to zero, all others of that row free to
 * make up for it, is w_i^2 / (2 diag(H^-1)_i).
 *
 * @returns null if H is not positive definite even with jitter
 * Cost: groups x inputs^3 / 3. Source: Optimal Brain Surgeon.
 */
export function inverseDiagonal({ map: { groups, inputs }, H }: LayerProblem): Float64Array | null {
  const diagonal = new Float64Array(groups * inputs);
  const square = inputs * inputs;
  for (let g = 0; g < groups; g++) {
    const factor = cholesky(Float64Array.from(H.subarray(g * square, (g + 1) * square)), inputs);
    if (factor === null) return null;
    const inverse = invertLower(factor);
    for (let i = 0; i < inputs; i++)
      for (let j = 0; j <= i; j++) (diagonal[g * inputs + j] as number) += (inverse[i * inputs + j] as number) ** 2;
  }
  return diagonal;
}

/** tr((W - V) H (W - V)'): how far the outputs by W are from those by V. */
export async function distance(
  algebra: Linalg,
  { map: { groups, outputs }, H }: LayerProblem,
  W: Float32Array,
  V: Float32Array,
): Promise<number> {
  const difference = W.map((w, k) => w - (V[k] as number));
  const image = await algebra.products(difference, H, { groups, rows: outputs });
  return difference.reduce((sum, d, k) => sum + d * (image[k] as number), 0);
}
