import { kernels } from '../engine/kernels/kernels.ts';
import { elementsOf, type GradientRows } from './gradient-rows.ts';

/**
 * What the removal of one weight of a layer costs by the diagonal of the quadratic model, the mean over the layer:
 *
 *   s = mean over j of 1/2 w_j^2 F_jj,   F_jj = m/n sum over i of A_ij^2
 *
 * @param w  weights of the model that the rows belong to, [p]
 * @param m  samples averaged into one row
 * @returns  a value a layer, loss per removed weight
 * Cost: one pass over A.
 */
export async function layerSensitivity(rows: GradientRows, w: Float64Array, m: number): Promise<number[]> {
  const values: number[] = [];
  for (const panel of rows.panels) {
    const { start, width, scale } = panel;
    const squares = new Float64Array(width);
    kernels.addSquares(await elementsOf(panel), squares);
    let sum = 0;
    for (let j = 0; j < width; j++) sum += (squares[j] as number) * ((scale?.[j] ?? 1) * (w[start + j] as number)) ** 2;
    values.push((m * sum) / (2 * rows.n * width));
  }
  return values;
}
