import { kernels } from '../engine/kernels/kernels.ts';
import type { GradientRows } from './gradient-rows.ts';
import { elementsOf } from './panel.ts';

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
  const sums: { sum: number; width: number }[] = [];
  for (const [i, panel] of rows.panels.entries()) {
    const { start, width, scale, layer = i } = panel;
    const squares = new Float64Array(width);
    kernels.addSquares(await elementsOf(panel), squares);
    const total = sums[layer] ?? { sum: 0, width: 0 };
    for (let j = 0; j < width; j++)
      total.sum += (squares[j] as number) * ((scale?.[j] ?? 1) * (w[start + j] as number)) ** 2;
    total.width += width;
    sums[layer] = total;
  }
  return sums.map(({ sum, width }) => (m * sum) / (2 * rows.n * width));
}
