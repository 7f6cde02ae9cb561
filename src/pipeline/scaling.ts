import type { WeightLayer } from '../graph/weights.ts';

/**
 * In which units weights are compared across layers, and the ridge measures their change.
 * `none`: as stored. `layer`: each layer in units of the root mean square norm of its filters (outputs), which brings
 * models whose batch norm was folded into the weights near the unfolded ones. `macs`: in units of the square root of
 * the multiply-accumulates that a weight costs, so that cheap weights count for more.
 */
export type Scaling = 'none' | 'layer' | 'macs';

/** Names of the scalings, with what each does. */
export const SCALINGS: Readonly<Record<Scaling, string>> = {
  none: 'weights are compared as they are stored',
  layer: 'weights are compared in units of their layer (for models with folded batch norm)',
  macs: 'weights are compared by w / sqrt(MACs of the weight), a baseline where MACs are limited',
};

/**
 * The unit of every weight: [p] f64, positive, with geometric mean 1 (so that lambda keeps its meaning). A solver works on w / unit, with gradients multiplied by the unit.
 *
 * @param w     [p], each layer in its order, output channels first
 * @param macs  of one weight of each layer; wanted for `macs`
 */
export function unitsOf(
  scaling: Scaling,
  layers: readonly WeightLayer[],
  w: Float64Array,
  macs: readonly (number | null)[] = [],
): Float64Array {
  const units = new Float64Array(w.length).fill(1);
  if (scaling === 'none') return units;
  let start = 0;
  layers.forEach((layer, i) => {
    const end = start + layer.size;
    const square = scaling === 'macs' ? (macs[i] ?? 0) : meanNorm(layer, w.subarray(start, end));
    if (square > 0) units.fill(Math.sqrt(square), start, end);
    start = end;
  });
  const middle = Math.exp(units.reduce((sum, unit) => sum + Math.log(unit), 0) / Math.max(units.length, 1));
  return units.map((unit) => unit / middle);
}

/** Mean square norm of a layer's filters. */
function meanNorm({ order, dims }: WeightLayer, w: Float64Array): number {
  const filters = (order === 'transposed' ? dims[1] : dims[0]) ?? 1;
  return w.reduce((sum, x) => sum + x * x, 0) / filters;
}
