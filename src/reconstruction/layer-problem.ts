import type { Linalg } from '../engine/linalg.ts';
import type { SeenProblem } from './dual.ts';
import { denseHessian, type Hessian, sampledHessian, transposedGroups } from './hessian.ts';
import type { LinearMap } from './linear-map.ts';
import type { Moments } from './moments.ts';

/** A map with the weights that it has in the dense model. */
export interface DenseMap {
  readonly map: LinearMap;
  /** [groups, outputs, inputs]. */
  readonly W: Float32Array;
}

/** Some outputs, of all groups. */
export interface Rows {
  readonly first: number;
  readonly count: number;
}

/** The least-squares problem of one map: min over V of tr(V H V') / 2 - tr(G V'), its rows apart. */
export interface MapProblem {
  readonly map: LinearMap;
  readonly H: Hessian;
  /** Rows of G: [groups, outputs, inputs]; with several groups all of them. */
  readonly G: (rows: Rows) => Promise<Float32Array>;
  /** The same by the inputs that were seen, where these were kept. */
  readonly seen?: SeenProblem;
}

/** Where a layer saw few inputs, its ridge grows to this many times weights of an output / inputs seen. */
const RIDGE_OF_FEW = 0.2;

/**
 * The problem of giving the dense layer's outputs Y: H = X X' / count + r I, G = Y X' / count + r W; Y = W X where X was measured in
 * the dense model itself.
 *
 * @param ridge  r in units of the mean square of the inputs, at least
 * @returns null if the moments are not finite
 * Cost: groups x outputs x inputs^2, or x inputs x count.
 */
export async function problemOf(
  algebra: Linalg,
  { map, W }: DenseMap,
  moments: Moments,
  ridge: number,
): Promise<MapProblem | null> {
  const { groups, inputs } = map;
  const { count } = moments;
  const meanSquare = squaresOf(map, moments) / count / groups / inputs;
  if (!Number.isFinite(meanSquare) || !moments.sum.every(Number.isFinite)) return null;
  const r = meanSquare > 0 ? Math.max(ridge, (RIDGE_OF_FEW * inputs) / count) * meanSquare : 1;
  return moments.gram === null
    ? sampledProblem(algebra, { map, W }, moments, r)
    : gramProblem(algebra, { map, W }, { ...moments, gram: moments.gram }, r);
}

/** sum |x|^2 over all inputs. */
function squaresOf({ groups, inputs }: LinearMap, { gram, seen }: Moments): number {
  let squares = 0;
  if (gram !== null) for (let k = 0; k < groups * inputs; k++) squares += gram[k * inputs + (k % inputs)] as number;
  else if (seen !== null) for (let k = 0; k < seen.X.length; k++) squares += (seen.X[k] as number) ** 2;
  return squares;
}

async function gramProblem(
  algebra: Linalg,
  { map, W }: DenseMap,
  { gram, cross, count }: Moments & { readonly gram: Float64Array },
  r: number,
): Promise<MapProblem> {
  const { groups, inputs, outputs } = map;
  const H = scaled(gram, 1 / count);
  for (let k = 0; k < groups * inputs; k++) (H[k * inputs + (k % inputs)] as number) += r;
  let G: Float32Array;
  if (cross === null) G = await algebra.products(W, H, { groups, rows: outputs });
  else {
    G = new Float32Array(cross.length);
    for (let k = 0; k < G.length; k++) G[k] = (cross[k] as number) / count + r * (W[k] as number);
  }
  return {
    map,
    H: denseHessian(algebra, H, map),
    G: async (rows) => rowsOf(G, map, rows),
  };
}

/** G is put together for the rows that are asked for, from the outputs Y: [groups, outputs, count]. */
async function sampledProblem(
  algebra: Linalg,
  { map, W }: DenseMap,
  { seen, count }: Moments,
  r: number,
): Promise<MapProblem> {
  const { groups, inputs, outputs } = map;
  const { X, Y } = seen as NonNullable<Moments['seen']>;
  const outputsOf = Y ?? (await algebra.products(W, X, { groups, rows: outputs }));
  let turned: Float32Array | undefined;
  const columns = (): Float32Array => {
    turned ??= transposedGroups(X, { groups, rows: inputs, columns: count });
    return turned;
  };
  return {
    map,
    H: sampledHessian(algebra, { X, columns, groups, inputs, count }, r),
    G: async (rows) => {
      const own = rowsOf(outputsOf, { groups, outputs, inputs: count }, rows);
      const G = await algebra.products(own, columns(), { groups, rows: rows.count });
      const dense = rowsOf(W, map, rows);
      for (let k = 0; k < G.length; k++) G[k] = (G[k] as number) / count + r * (dense[k] as number);
      return G;
    },
    ...(inputs * outputs >= LEAST_DUAL && { seen: { algebra, X, Y: outputsOf, W0: W, count, r } }),
  };
}

/** Weights of a group from which on it is solved by itself, by its duals: smaller ones are solved all at once. */
const LEAST_DUAL = 2 ** 12;

/** Rows of [groups, outputs, inputs], not copied; with several groups all of them. */
export function rowsOf<T extends Float32Array | Uint8Array>(
  values: T,
  { groups, inputs }: Pick<LinearMap, 'groups' | 'outputs' | 'inputs'>,
  { first, count }: Rows,
): T {
  return groups > 1 ? values : (values.subarray(first * inputs, (first + count) * inputs) as T);
}

function scaled(values: Float64Array, factor: number): Float32Array {
  const result = new Float32Array(values.length);
  for (let k = 0; k < values.length; k++) result[k] = (values[k] as number) * factor;
  return result;
}

/** The variance of a map's outputs over samples and positions, added up over its channels; 1 where they never vary. */
export async function outputVariance(algebra: Linalg, dense: DenseMap, moments: Moments): Promise<number> {
  const { map, W } = dense;
  const { groups, inputs, outputs } = map;
  const { sum, count } = moments;
  let total = await meanSquareOf(algebra, dense, moments);
  for (let row = 0; row < groups * outputs; row++) {
    const at = Math.floor(row / outputs) * inputs;
    let mean = 0;
    for (let i = 0, k = row * inputs; i < inputs; i++, k++)
      mean += ((W[k] as number) * (sum[at + i] as number)) / count;
    total -= mean * mean;
  }
  return total > 0 ? total : 1;
}

/** The mean over samples and positions of |y|^2, added up over channels. */
async function meanSquareOf(
  algebra: Linalg,
  { map: { groups, outputs }, W }: DenseMap,
  { gram, seen, count }: Moments,
): Promise<number> {
  let total = 0;
  if (gram !== null) {
    const image = await algebra.products(W, scaled(gram, 1 / count), { groups, rows: outputs });
    for (let k = 0; k < W.length; k++) total += (W[k] as number) * (image[k] as number);
  } else if (seen !== null) {
    const Y = await algebra.products(W, seen.X, { groups, rows: outputs });
    for (let k = 0; k < Y.length; k++) total += (Y[k] as number) ** 2 / count;
  }
  return total;
}
