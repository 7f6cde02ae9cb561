import type { Linalg } from '../engine/linalg.ts';
import { ShapeError } from '../errors/errors.ts';
import { filled } from '../tensor/filled.ts';
import { type Cholesky, cholesky, invertLower, solve } from './cholesky.ts';
import type {
  Differentiable,
  Inverse,
  Invertible,
  Layered,
  Point,
  Problem,
  Solvable,
  Solved,
  Value,
} from './problem.ts';
import { along, dot, nonzeros, squaredNorm } from './vectors.ts';

/** What {@link layerModel} is made of. */
export interface LayerSetup {
  readonly groups: number;
  readonly outputs: number;
  readonly inputs: number;
  /** The weights, [groups, outputs, inputs]. */
  readonly wBar: Float64Array;
  /** X X' / count and a ridge on the diagonal: [groups, inputs, inputs] f32, symmetric, positive definite. */
  readonly H: Float32Array;
  /** Y X' / count and the ridge times the weights that it draws to, for the outputs Y that are wanted: [groups, outputs, inputs]; default: what the weights give now, wBar H. */
  readonly G?: Float64Array;
}

/** A layer's least-squares problem as solvers see it, see {@link layerModel}. */
export interface LayerModel extends Problem, Differentiable, Solvable, Invertible, Layered {}

/** What a weight outside is taken to leave of its own curvature at least, as a share. */
const LEAST_LEFT = 1e-12;

/**
 * The problem of giving a layer's outputs by fewer weights: for each row v of the weights, with the H of its group and its row g of G,
 *
 *   Q(w) = sum over rows of 1/2 (v - vBar) H (v - vBar)' + (vBar H - g) (v - vBar)'
 *
 * so that on a support S the least is at H_SS v_S = g_S, row by row. An image is (v - vBar) H of all rows: [p].
 *
 * @throws ShapeError if sizes do not fit
 * H in f32, all else in f64. Cost: groups x outputs x inputs^2 an image; |S|^3 / 6 a row to solve; for what weights are worth |S|^2 x inputs a
 * row more; inputs^3 / 3 a group for the inverse, and as much memory as H in f64.
 * Source: Optimal Brain Surgeon for worths and inverse (Hassibi and Stork 1993).
 */
export function layerModel(setup: LayerSetup, linalg: Linalg): LayerModel {
  const { groups, outputs, inputs, wBar, H, G } = setup;
  const p = groups * outputs * inputs;
  const isWrong = wBar.length !== p || H.length !== groups * inputs ** 2 || (G !== undefined && G.length !== p);
  if (isWrong)
    throw new ShapeError(
      `Cannot set up the layer: wanted ${p} weights and targets and ${groups} Hessians of ${inputs} x ${inputs}, got ${wBar.length}, ${G?.length ?? p} and ${H.length} numbers`,
    );
  const times = async (d: Float64Array): Promise<Float64Array> => imageOf(setup, linalg, d);
  const start = G === undefined ? null : imageOf(setup, linalg, wBar).map((x, i) => x - (G[i] as number));
  const slope = start ?? new Float64Array(p);
  const valueFrom = (w: Float64Array, product: Float64Array): Value => {
    const d = along(w, wBar, -1);
    return { objective: dot(d, product) / 2 + dot(slope, d), product };
  };
  const model: LayerModel = {
    groups,
    outputs,
    inputs,
    H,
    p,
    wBar,
    isLeastAtStart: G === undefined,
    imageLength: p,
    times,
    curvature: (d, image) => (squaredNorm(d) > 0 ? dot(d, image) / squaredNorm(d) : Number.POSITIVE_INFINITY),
    valueFrom,
    value: async (w, near) =>
      near && Number.isFinite(near.value.objective)
        ? valueFrom(w, along(near.value.product, await times(along(w, near.w, -1)), 1))
        : valueFrom(w, await times(along(w, wBar, -1))),
    gradient: async (_w, image) => along(image, slope, 1),
    solveOn: async (support) => solveRows(model, support, G ?? (await times(wBar))),
    inverse: async () => inverseOf(setup),
  };
  return model;
}

/** The rows of a vector over the weights, with the Hessian of each. */
function* rowsOf({
  groups,
  outputs,
  inputs,
  H,
}: Layered): Generator<{ first: number; end: number; own: Float32Array }> {
  for (let row = 0; row < groups * outputs; row++) {
    const group = Math.floor(row / outputs);
    const own = H.subarray(group * inputs ** 2, (group + 1) * inputs ** 2);
    yield { first: row * inputs, end: (row + 1) * inputs, own };
  }
}

/** d H for each row d; rows of zeros cost nothing. */
function imageOf(layer: Layered, linalg: Linalg, d: Float64Array): Float64Array {
  const image = new Float64Array(d.length);
  for (const { first, end, own } of rowsOf(layer)) {
    const row = d.subarray(first, end);
    if (row.some((x) => x !== 0)) linalg.addProduct64(own, row, image.subarray(first, end));
  }
  return image;
}

async function solveRows(model: LayerModel, support: Uint8Array, target: Float64Array): Promise<Solved | null> {
  const w = new Float64Array(model.p);
  for (const { first, end, own } of rowsOf(model)) {
    const kept = nonzeros(support.subarray(first, end));
    const factor = factorOn(own, model.inputs, kept);
    if (factor === null) return null;
    const found = solve(
      factor,
      filled(new Float64Array(kept.length), (at) => target[first + (kept[at] as number)] as number),
    );
    kept.forEach((i, at) => {
      w[first + i] = Math.fround(found[at] as number);
    });
  }
  const value = await model.value(w);
  return { w, value, worth: () => worthOf(model, support, { w, value }) };
}

/** H on some rows and columns, factored. */
function factorOn(H: Float32Array, inputs: number, kept: Int32Array): Cholesky | null {
  const k = kept.length;
  const K = new Float64Array(k * k);
  for (let a = 0; a < k; a++)
    for (let b = 0; b <= a; b++) K[a * k + b] = H[(kept[a] as number) * inputs + (kept[b] as number)] as number;
  return k === 0 ? { n: 0, L: K, jitter: 0 } : cholesky(K, k);
}

/**
 * For each row, with K = H_SS and g the gradient of Q:
 *
 *   taking i out of S costs w_i^2 / (2 [K^-1]_ii);   letting j into S gains g_j^2 / (2 (H_jj - H_jS K^-1 H_Sj))
 */
async function worthOf(model: LayerModel, support: Uint8Array, { w, value }: Point): Promise<Float64Array> {
  const { inputs } = model;
  const g = await model.gradient(w, value.product);
  const worth = new Float64Array(model.p);
  for (const { first, end, own } of rowsOf(model)) {
    const kept = nonzeros(support.subarray(first, end));
    const factor = factorOn(own, inputs, kept);
    if (factor === null) continue;
    const inverse = invertLower(factor);
    const freedom = diagonalOf(inverse, kept.length);
    kept.forEach((i, at) => {
      worth[first + i] = (w[first + i] as number) ** 2 / (2 * (freedom[at] as number));
    });
    for (let j = 0; j < inputs; j++) {
      if (support[first + j] === 1) continue;
      const curvature = own[j * inputs + j] as number;
      const column = filled(new Float64Array(kept.length), (at) => own[(kept[at] as number) * inputs + j] as number);
      const left = Math.max(curvature - squaredNorm(lowerTimes(inverse, column)), LEAST_LEFT * curvature);
      worth[first + j] = (g[first + j] as number) ** 2 / (2 * left);
    }
  }
  return worth;
}

/** L^-1 x */
function lowerTimes(inverse: Float64Array, x: Float64Array): Float64Array {
  const n = x.length;
  return x.map((_, i) => dot(inverse.subarray(i * n, i * n + i + 1), x.subarray(0, i + 1)));
}

/** The diagonal of (L L')^-1, given L^-1: [n, n]. */
function diagonalOf(inverse: Float64Array, n: number): Float64Array {
  const diagonal = new Float64Array(n);
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++) (diagonal[j] as number) += (inverse[i * n + j] as number) ** 2;
  return diagonal;
}

/** H^-1 of each group. */
function inverseOf(layer: LayerSetup): Inverse | null {
  const { groups, outputs, inputs, H } = layer;
  const all = Int32Array.from({ length: inputs }, (_, i) => i);
  const factors: Cholesky[] = [];
  for (let group = 0; group < groups; group++) {
    const factor = factorOn(H.subarray(group * inputs ** 2, (group + 1) * inputs ** 2), inputs, all);
    if (factor === null) return null;
    factors.push(factor);
  }
  const each = (use: (factor: Cholesky, first: number) => Float64Array): Float64Array => {
    const result = new Float64Array(groups * outputs * inputs);
    for (let row = 0; row < groups * outputs; row++)
      result.set(use(factors[Math.floor(row / outputs)] as Cholesky, row * inputs), row * inputs);
    return result;
  };
  const diagonals = new Map(factors.map((factor) => [factor, diagonalOf(invertLower(factor), inputs)]));
  return {
    diagonal: each((factor) => diagonals.get(factor) as Float64Array),
    times: async (v) => each((factor, first) => solve(factor, v.subarray(first, first + inputs))),
  };
}
