import type { WeightLayer } from '../graph/weights.ts';

/**
 * In which units weights are compared across layers, and the ridge measures their change.
 * `none`: as stored. `layer`: each layer in units of the root mean square norm of its filters (outputs), which brings
 * models whose batch norm was folded into the weights near the unfolded ones.
 */
export type Scaling = 'none' | 'layer';

/** Names of the scalings, with what each does. */
export const SCALINGS: Readonly<Record<Scaling, string>> = {
  none: 'weights are compared as they are stored',
  layer: 'weights are compared in units of their layer (for models with folded batch norm)',
};

/**
 * The unit of every weight: [p] f64, positive, with geometric mean 1 (so that lambda keeps its meaning). A solver works on w / unit, with gradients multiplied by the unit.
 *
 * @param w  [p], each layer in its order, output channels first
 */
export function unitsOf(scaling: Scaling, layers: readonly WeightLayer[], w: Float64Array): Float64Array {
  const units = new Float64Array(w.length).fill(1);
  if (scaling === 'none') return units;
  let start = 0;
  for (const layer of layers) {
    const part = w.subarray(start, start + layer.size);
    const filters = (layer.order === 'transposed' ? layer.dims[1] : layer.dims[0]) ?? 1;
    const square = part.reduce((sum, x) => sum + x * x, 0) / filters;
    if (square > 0) units.fill(Math.sqrt(square), start, start + layer.size);
    start += layer.size;
  }
  const middle = Math.exp(units.reduce((sum, unit) => sum + Math.log(unit), 0) / Math.max(units.length, 1));
  return units.map((unit) => unit / middle);
}
