import type { GradientRows, Panel } from '../curvature/gradient-rows.ts';
import type { Linalg } from '../engine/linalg.ts';
import { ShapeError } from '../errors/errors.ts';

/** What a problem can do; solvers declare what they need. */
export type Capability = 'value' | 'gradient' | 'columns' | 'gram';

/**
 * The low-rank quadratic model of the loss around wBar (notation: README.md):
 *
 *   Q(w) = 1/2 |A (w - wBar)|^2 + a e'A (w - wBar) + mu/2 |w - wBar|^2            mu = n lambda     (CHITA, eq. 1)
 *
 * Vectors over the weights are f64 [p], over the rows f64 [n]. A stays f32.
 */
export interface QuadraticProblem {
  readonly capabilities: readonly Capability[];
  readonly rows: GradientRows;
  readonly n: number;
  readonly p: number;
  readonly wBar: Float64Array;
  /** Ridge as the user gave it, in units of A'A/n. */
  readonly lambda: number;
  readonly mu: number;
  /** Scale of the first-order term; 0 leaves it out. */
  readonly a: number;
  readonly linalg: Linalg;
  /** Q(w), its parts, and A (w - wBar). f64 throughout. Cost: A read once. */
  value(w: Float64Array): Promise<Value>;
  /** Gradient of Q at w, given A (w - wBar). Cost: A read once; products in f32 for speed, result f64. */
  gradient(w: Float64Array, product: Float64Array): Promise<Float64Array>;
  /** A v over the panels, f64. */
  times(v: Float64Array): Promise<Float64Array>;
  /** A' r over the panels; products in f32, result f64. */
  transposedTimes(r: Float64Array): Promise<Float64Array>;
}

/** A value of Q and what it is made of. */
export interface Value {
  readonly objective: number;
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
  const times = (v: Float64Array): Promise<Float64Array> =>
    sumPanels(rows.panels, n, (panel) => linalg.matVec64(panel.data, scaled(panel, slice(panel, v))));
  const transposedTimes = async (r: Float64Array): Promise<Float64Array> => {
    const out = new Float64Array(p);
    const r32 = Float32Array.from(r);
    for (const panel of rows.panels)
      out.set(scaled(panel, Float64Array.from(await linalg.transposedMatVec(panel.data, r32))), panel.start);
    return out;
  };
  return {
    capabilities: ['value', 'gradient', 'columns', 'gram'],
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
    value: async (w) => {
      const delta = w.map((x, i) => x - (wBar[i] as number));
      const product = await times(delta);
      return composeValue(product, squaredNorm(delta), { mu, a });
    },
    gradient: async (w, product) => {
      const g = await transposedTimes(product.map((r) => r + a));
      for (let i = 0; i < p; i++) (g[i] as number) += mu * ((w[i] as number) - (wBar[i] as number));
      return g;
    },
  };
}

/** Q from A (w - wBar) and |w - wBar|^2. */
export function composeValue(product: Float64Array, deltaSquared: number, { mu, a }: { mu: number; a: number }): Value {
  const fit = squaredNorm(product) / 2;
  const ridge = (mu / 2) * deltaSquared;
  let total = 0;
  for (const x of product) total += x;
  const firstOrder = a * total;
  return { objective: fit + ridge + firstOrder, fit, ridge, firstOrder, product };
}

/** Sum of squares. */
export function squaredNorm(v: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < v.length; i++) sum += (v[i] as number) * (v[i] as number);
  return sum;
}

/** v times the panel's factors. */
function scaled({ scale }: Panel, v: Float64Array): Float64Array {
  return scale === undefined ? v : v.map((x, j) => x * (scale[j] as number));
}

function slice({ start, width }: Panel, v: Float64Array): Float64Array {
  return v.subarray(start, start + width);
}

async function sumPanels(
  panels: readonly Panel[],
  n: number,
  part: (panel: Panel) => Promise<Float64Array>,
): Promise<Float64Array> {
  const total = new Float64Array(n);
  for (const panel of panels) {
    const add = await part(panel);
    for (let i = 0; i < n; i++) (total[i] as number) += add[i] as number;
  }
  return total;
}
