import type { Linalg } from '../engine/linalg.ts';
import { DataError } from '../errors/errors.ts';
import type { LinearMap } from './layer-inputs.ts';
import type { Moments } from './moments.ts';

/** A layer with the weights that it has in the dense model. */
export interface DenseLayer {
  readonly map: LinearMap;
  /** [groups, outputs, inputs]. */
  readonly W: Float32Array;
}

/** The least-squares problem of one layer: min over V of tr(V H V') / 2 - tr(G V'), its rows apart. All f32, row-major. */
export interface LayerProblem {
  readonly map: LinearMap;
  /** [groups, inputs, inputs], symmetric positive definite. */
  readonly H: Float32Array;
  /** [groups, outputs, inputs]. */
  readonly G: Float32Array;
}

/** Where a layer saw few inputs, its ridge grows to this many times weights of an output / inputs seen. */
const RIDGE_OF_FEW = 0.2;

/**
 * The problem of giving the dense layer's outputs Y: H = X X' / count + r I, G = Y X' / count + r W; Y = W X where X was measured in
 * the dense model itself.
 *
 * @param ridge  r in units of the mean square of the inputs, at least
 * @throws DataError if the moments are not finite
 * Cost: groups x outputs x inputs^2.
 */
export async function problemOf(
  algebra: Linalg,
  { map, W }: DenseLayer,
  { gram, cross, count }: Moments,
  ridge: number,
): Promise<LayerProblem> {
  const { groups, inputs, outputs, layer } = map;
  let trace = 0;
  for (let k = 0; k < groups * inputs; k++) trace += gram[k * inputs + (k % inputs)] as number;
  if (!Number.isFinite(trace))
    throw new DataError(`Cannot reconstruct the outputs of "${layer.name}": its inputs are not all finite`);
  const meanSquare = trace / count / groups / inputs;
  const r = meanSquare > 0 ? Math.max(ridge, (RIDGE_OF_FEW * inputs) / count) * meanSquare : 1;
  const H = Float32Array.from(gram, (x) => x / count);
  for (let k = 0; k < groups * inputs; k++) (H[k * inputs + (k % inputs)] as number) += r;
  const G =
    cross === null
      ? await algebra.products(W, H, { groups, rows: outputs })
      : Float32Array.from(cross, (x, k) => x / count + r * (W[k] as number));
  return { map, H, G };
}

/** The variance of a layer's outputs over samples and positions, added up over its channels; 1 where they never vary. */
export async function outputVariance(
  algebra: Linalg,
  { map: { groups, inputs, outputs }, W }: DenseLayer,
  { gram, sum, count }: Moments,
): Promise<number> {
  const second = Float32Array.from(gram, (x) => x / count);
  const image = await algebra.products(W, second, { groups, rows: outputs });
  let total = 0;
  for (let row = 0; row < groups * outputs; row++) {
    const at = Math.floor(row / outputs) * inputs;
    let mean = 0;
    for (let i = 0, k = row * inputs; i < inputs; i++, k++) {
      mean += ((W[k] as number) * (sum[at + i] as number)) / count;
      total += (W[k] as number) * (image[k] as number);
    }
    total -= mean * mean;
  }
  return total > 0 ? total : 1;
}
