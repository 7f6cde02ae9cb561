import type { GradientRows } from '../curvature/gradient-rows.ts';
import { elementsOf, type Panel } from '../curvature/panel.ts';
import { TILE } from '../engine/kernels/arena.ts';
import { kernels } from '../engine/kernels/kernels.ts';
import type { Linalg } from '../engine/linalg.ts';
import { ShapeError } from '../errors/errors.ts';
import { filled } from '../tensor/filled.ts';
import { type BackSolution, backSolve } from './back-solve.ts';
import { fisherInverse } from './inverse.ts';
import type { Differentiable, Invertible, LowRank, Point, Problem, Solvable, Value } from './problem.ts';
import { nonzeros, squaredDistance, squaredNorm } from './vectors.ts';

/**
 * The low-rank quadratic model of the loss around wBar (notation: README.md):
 *
 *   Q(w) = 1/2 |A (w - wBar)|^2 + a e'A (w - wBar) + mu/2 |w - wBar|^2            mu = n lambda     (CHITA, eq. 1)
 *
 * Vectors over the weights are f64 [p], over the rows, and so images, f64 [n]. A stays f32.
 */
export interface QuadraticProblem extends Problem<QuadraticValue>, Differentiable, Solvable, Invertible, LowRank {
  /**
   * Q(w), its parts, and A (w - wBar). f64 throughout.
   *
   * @param near  a point that may differ from w in few places: then only their columns are read. Default: the last one asked for
   * Cost: A read once, or the columns where w is another than near; nothing where it is the same.
   */
  value(w: Float64Array, near?: Point<QuadraticValue> | null): Promise<QuadraticValue>;
  /**
   * Weights that a vector over the rows leads to on a support S, rounded to f32, with Q there:
   *
   *   w_S = wBar_S + A_S' z,   w_P = 0
   *
   * A' z in f32, Q in f64. Cost: A read once.
   */
  along(z: Float64Array, support: Uint8Array): Promise<Point<QuadraticValue>>;
  /** Gradient of Q at w, given A (w - wBar). Cost: A read once; products in f32 for speed, result f64. */
  gradient(w: Float64Array, product: Float64Array): Promise<Float64Array>;
  /** A v over the panels, f64. Cost: A read once, but nothing of a layer where v is zero, and only columns where it is sparse. */
  times(v: Float64Array): Promise<Float64Array>;
  valueFrom(w: Float64Array, product: Float64Array): QuadraticValue;
  /** A' r over the panels; products in f32, result f64. */
  transposedTimes(r: Float64Array): Promise<Float64Array>;
  /** By {@link backSolve}. */
  solveOn(support: Uint8Array, near?: Point<QuadraticValue>): Promise<BackSolution<QuadraticValue> | null>;
}

/** A value of Q and what it is made of. */
export interface QuadraticValue extends Value {
  /** 1/2 |A (w - wBar)|^2 */
  readonly fit: number;
  /** mu/2 |w - wBar|^2 */
  readonly ridge: number;
  /** a e'A (w - wBar) */
  readonly firstOrder: number;
  /** A (w - wBar): [n] */
  readonly product: Float64Array;
}

/** Options of {@link quadratic}. */
export interface QuadraticOptions {
  readonly lambda: number;
  readonly firstOrder: number;
}

/** @throws ShapeError if wBar is not [p] */
export function quadratic(
  rows: GradientRows,
  wBar: Float64Array,
  options: QuadraticOptions,
  linalg: Linalg,
): QuadraticProblem {
  if (wBar.length !== rows.p)
    throw new ShapeError(`Cannot set up the problem: wanted ${rows.p} weights, got ${wBar.length}`);
  const { n, p } = rows;
  const { lambda, firstOrder: a } = options;
  const mu = n * lambda; // sum of n row terms against one ridge term: CHITA, pruners/CHITA
  let last: Point<QuadraticValue> | null = null;
  const keep = (point: Point<QuadraticValue>): Point<QuadraticValue> => {
    last = point;
    return point;
  };
  const times = async (v: Float64Array): Promise<Float64Array> => {
    const total = new Float64Array(n);
    const sparse = sparseLayers(rows, v);
    for (const [i, panel] of rows.panels.entries()) {
      const isSparse = sparse.has(panel.layer ?? i);
      await addPanelProduct(panel, linalg, { v: slice(panel, v), total, isSparse });
    }
    return total;
  };
  const transposedTimes = async (r: Float64Array): Promise<Float64Array> => {
    const out = new Float64Array(p);
    await eachTransposedProduct(rows, r, linalg, (panel, back) => {
      out.set(scaled(panel, Float64Array.from(back)), panel.start);
    });
    return out;
  };
  const along = async (z: Float64Array, support: Uint8Array): Promise<Point<QuadraticValue>> => {
    const w = new Float64Array(p);
    const product = new Float64Array(n);
    let deltaSquared = 0;
    await eachTransposedProduct(rows, z, linalg, (panel, back, elements) => {
      const { start, width, scale } = panel;
      const delta = new Float64Array(width);
      for (let j = 0; j < width; j++) {
        const was = wBar[start + j] as number;
        if (support[start + j] === 1)
          w[start + j] = Math.fround(was + (back[j] as number) * (scale === undefined ? 1 : (scale[j] as number)));
        delta[j] = (w[start + j] as number) - was;
      }
      deltaSquared = squaredNorm(delta, deltaSquared);
      linalg.addProduct64(elements, scaled(panel, delta), product);
    });
    return keep({ w, value: composeValue(product, deltaSquared, { mu, a }) });
  };
  const problem: QuadraticProblem = {
    rows,
    n,
    p,
    wBar,
    lambda,
    mu,
    a,
    linalg,
    times,
    transposedTimes,
    along,
    value: async (w, near = last) => {
      const apart = near === null ? p : differences(w, near.w);
      if (near !== null && apart === 0) return near.value;
      const isNear = near !== null && Number.isFinite(near.value.objective) && apart < SPARSE * p;
      const from = isNear ? near.w : wBar;
      const change = await times(w.map((x, i) => x - (from[i] as number)));
      const product = isNear ? near.value.product.map((x, i) => x + (change[i] as number)) : change;
      return keep({ w: Float64Array.from(w), value: composeValue(product, squaredDistance(w, wBar), { mu, a }) }).value;
    },
    isLeastAtStart: a === 0,
    imageLength: n,
    curvature: (d, image) => {
      const squared = squaredNorm(d);
      return squared > 0 ? squaredNorm(image) / squared + mu : Number.POSITIVE_INFINITY;
    },
    valueFrom: (w, product) => composeValue(product, squaredDistance(w, wBar), { mu, a }),
    gradient: async (w, product) => {
      const g = await transposedTimes(product.map((r) => r + a));
      for (let i = 0; i < p; i++) (g[i] as number) += mu * ((w[i] as number) - (wBar[i] as number));
      return g;
    },
    solveOn: (support, near) => backSolve(problem, support, near),
    inverse: () => fisherInverse(problem),
  };
  return problem;
}

/** Q from A (w - wBar) and |w - wBar|^2. */
export function composeValue(
  product: Float64Array,
  deltaSquared: number,
  { mu, a }: { mu: number; a: number },
): QuadraticValue {
  const fit = squaredNorm(product) / 2;
  const ridge = (mu / 2) * deltaSquared;
  let total = 0;
  for (const x of product) total += x;
  const firstOrder = a * total;
  return { objective: fit + ridge + firstOrder, fit, ridge, firstOrder, product };
}

/** v times the panel's factors. */
function scaled({ scale }: Panel, v: Float64Array): Float64Array {
  return scale === undefined ? v : v.map((x, j) => x * (scale[j] as number));
}

function slice({ start, width }: Panel, v: Float64Array): Float64Array {
  return v.subarray(start, start + width);
}

/** In how many places two vectors differ. */
function differences(a: Float64Array, b: Float64Array): number {
  let count = 0;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) count++;
  return count;
}

/** Share of a layer's columns below which they are picked one by one rather than all read. */
const SPARSE = 1 / 16;

/** Layers of which few columns are read. */
function sparseLayers({ panels }: GradientRows, v: Float64Array): Set<number> {
  const layers = new Map<number, { nonzeros: number; size: number }>();
  for (const [i, panel] of panels.entries()) {
    const { layer = i, width } = panel;
    const { nonzeros: before, size } = layers.get(layer) ?? { nonzeros: 0, size: 0 };
    layers.set(layer, { nonzeros: before + nonzeros(slice(panel, v)).length, size: size + width });
  }
  return new Set([...layers].filter(([, { nonzeros, size }]) => nonzeros < SPARSE * size).map(([layer]) => layer));
}

/** total += A_panel v, of the same tiles of columns whatever the panels. */
async function addPanelProduct(
  panel: Panel,
  linalg: Linalg,
  { v, total, isSparse }: { v: Float64Array; total: Float64Array; isSparse: boolean },
): Promise<void> {
  const columns = nonzeros(v);
  if (columns.length === 0) return;
  const x = scaled(panel, v);
  const elements = await elementsOf(panel);
  if (!isSparse) return linalg.addProduct64(elements, x, total);
  for (const part of tilesOf(columns)) {
    const picked = new Float32Array(total.length * part.length);
    kernels.pickColumns(elements, panel.width, part, picked);
    const values = filled(new Float64Array(part.length), (i) => x[part[i] as number] as number);
    linalg.addProduct64(picked, values, total);
  }
}

/** Rising column numbers by the tile that they lie in. */
function tilesOf(columns: Int32Array): Int32Array[] {
  const tiles: Int32Array[] = [];
  for (let from = 0; from < columns.length; ) {
    const end = TILE * (Math.floor((columns[from] as number) / TILE) + 1);
    let to = from;
    while (to < columns.length && (columns[to] as number) < end) to++;
    tiles.push(columns.subarray(from, to));
    from = to;
  }
  return tiles;
}

/** A_panel' r of each panel, in order, in f32; with the panel's elements. */
async function eachTransposedProduct(
  { panels }: GradientRows,
  r: Float64Array,
  linalg: Linalg,
  use: (panel: Panel, product: Float32Array, elements: Float32Array) => void,
): Promise<void> {
  const r32 = Float32Array.from(r);
  for (const panel of panels) {
    const elements = await elementsOf(panel);
    use(panel, await linalg.transposedMatVec(elements, r32), elements);
  }
}
