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
  return spreadUnits(layerUnits(scaling, layers, w, macs), layers);
}

/** Each layer's unit for all of its weights: [p]. */
export function spreadUnits(units: readonly number[], layers: readonly WeightLayer[]): Float64Array {
  const all = new Float64Array(layers.reduce((sum, { size }) => sum + size, 0));
  let start = 0;
  layers.forEach(({ size }, i) => {
    all.fill(units[i] as number, start, start + size);
    start += size;
  });
  return all;
}

/** The unit of each layer: all weights of one have the same (see {@link unitsOf}). */
export function layerUnits(
  scaling: Scaling,
  layers: readonly WeightLayer[],
  w: Float64Array | Float32Array,
  macs: readonly (number | null)[] = [],
): number[] {
  if (scaling === 'none') return layers.map(() => 1);
  let start = 0;
  const units = layers.map((layer, i) => {
    start += layer.size;
    const square = scaling === 'macs' ? (macs[i] ?? 0) : meanNorm(layer, w.subarray(start - layer.size, start));
    return square > 0 ? Math.sqrt(square) : 1;
  });
  const logs = units.reduce((sum, unit, i) => sum + (layers[i] as WeightLayer).size * Math.log(unit), 0);
  const middle = Math.exp(logs / Math.max(start, 1));
  return units.map((unit) => unit / middle);
}

/** Mean square norm of a layer's filters. */
function meanNorm({ filters }: WeightLayer, w: Float64Array | Float32Array): number {
  let sum = 0;
  for (let i = 0; i < w.length; i++) sum += (w[i] as number) ** 2;
  return sum / filters;
}
