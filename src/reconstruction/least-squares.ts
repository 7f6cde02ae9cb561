import { solveSeen } from './dual.ts';
import { type MapProblem, type Rows, rowsOf } from './layer-problem.ts';
import { addFromMatrix, toMatrix } from './linear-map.ts';

/** Steps where products are too small to divide by have converged. */
const TINY = 1e-30;
/** Steps on all elements together are more than on rows apart, for these have a length each: at most, and until this share of the residual is left. */
const STEPS_TOGETHER = 8;
const CONVERGED = 1e-8;
/** Share of a residual that is nothing in f32. */
const CLOSE = 1e-5;
/** Numbers of a matrix that are solved for at once. */
const NUMBERS_AT_ONCE = 1 << 24;

/** What is to be solved. */
export interface SolveRequest {
  /** Start, where nothing else is known; changed in place, zero off the support afterwards. */
  readonly W: Float32Array;
  /** 1 = may stand, the same shape. */
  readonly support: Uint8Array;
  /** Conjugate gradient steps, at most. */
  readonly iterations: number;
  /** Share of a residual that is small enough, where the solver looks at it; default {@link CLOSE}. */
  readonly tolerance?: number;
  /** What solves of the same problem on other supports left: where the next of them starts. */
  readonly left?: Multipliers;
}

/** Multipliers of problems that are solved by their duals. */
export type Multipliers = Map<MapProblem, Float32Array>;

/** The problem of a layer: the sum of the problems of its maps, each times its share. */
export interface LayerProblem {
  readonly parts: readonly (MapProblem & { readonly share: number })[];
}

/**
 * Weights of a layer, in its order, on a support that solve its problem. Rows are solved apart where all uses read it alike; else all
 * elements together, for each of them lies in one row of one use and in another of the next.
 *
 *   min over v of sum over maps of share (tr(V H V') / 2 - tr(G V'))        V: v as the map reads it
 *
 * Cost: `iterations` times groups x outputs x inputs^2; where uses differ up to eight times that, a map.
 */
export async function solveLayer({ parts }: LayerProblem, request: SolveRequest): Promise<void> {
  const [first] = parts;
  if (parts.length > 1) return solveTogether(parts, request);
  if (first === undefined) return;
  const { W, support } = request;
  const own = toMatrix(first.map, W);
  await solveRows(first, { ...request, W: own, support: toMatrix(first.map, support) });
  if (own !== W) addFromMatrix(first.map, own, W.fill(0));
}

/**
 * Weights of a map on a support that solve its problem, by conjugate gradients on all rows at once, preconditioned by the diagonal of H;
 * where the inputs were kept, on its duals. W: [groups, outputs, inputs].
 *
 * Cost: `iterations` times groups x outputs x inputs^2, or 2 x inputs x count. Source: ALPS solves its back-substitution so.
 */
export async function solveRows(problem: MapProblem, request: SolveRequest): Promise<void> {
  const { W, support, iterations } = request;
  const { groups, outputs, inputs } = problem.map;
  if (problem.seen !== undefined) {
    const A = request.left?.get(problem) ?? new Float32Array(groups * outputs * problem.seen.count);
    await solveSeen(problem.map, problem.seen, { tolerance: CLOSE, ...request, A });
    request.left?.set(problem, A);
    return;
  }
  const most = groups > 1 ? outputs : Math.max(1, Math.floor(NUMBERS_AT_ONCE / inputs));
  for (let first = 0; first < outputs; first += most) {
    const rows = { first, count: Math.min(most, outputs - first) };
    const part = { W: rowsOf(W, problem.map, rows), support: rowsOf(support, problem.map, rows), iterations };
    await solveSome(problem, rows, part);
  }
}

async function solveSome(
  { map, H, G }: MapProblem,
  rows: Rows,
  { W, support, iterations }: Pick<SolveRequest, 'W' | 'support' | 'iterations'>,
): Promise<void> {
  const { inputs } = map;
  const outputs = rows.count;
  const size = W.length;
  const scale = inverted(H.diagonal);
  for (let k = 0; k < size; k++) if (support[k] === 0) W[k] = 0;
  const residual = new Float32Array(size);
  const step = new Float32Array(size);
  const all = map.groups * outputs;
  const lengths = new Float64Array(all);
  const target = await G(rows);
  const start = await H.times(W, outputs);
  for (let row = 0; row < all; row++) {
    const at = Math.floor(row / outputs) * inputs;
    for (let i = 0, k = row * inputs; i < inputs; i++, k++) {
      if (support[k] === 0) continue;
      const r = (target[k] as number) - (start[k] as number);
      const z = r * (scale[at + i] as number);
      residual[k] = r;
      step[k] = z;
      (lengths[row] as number) += r * z;
    }
  }
  for (let t = 0; t < iterations; t++) {
    const image = await H.times(step, outputs);
    for (let row = 0; row < all; row++) {
      const at = Math.floor(row / outputs) * inputs;
      const first = row * inputs;
      let curvature = 0;
      for (let k = first; k < first + inputs; k++) curvature += (step[k] as number) * (image[k] as number);
      const length = lengths[row] as number;
      if (!(curvature > TINY && length > TINY)) continue;
      const alpha = length / curvature;
      let next = 0;
      for (let i = 0, k = first; i < inputs; i++, k++) {
        if (support[k] === 0) continue;
        (W[k] as number) += alpha * (step[k] as number);
        const r = (residual[k] as number) - alpha * (image[k] as number);
        residual[k] = r;
        next += r * r * (scale[at + i] as number);
      }
      const beta = next / length;
      for (let i = 0, k = first; i < inputs; i++, k++)
        if (support[k] === 1)
          step[k] = (residual[k] as number) * (scale[at + i] as number) + beta * (step[k] as number);
      lengths[row] = next;
    }
  }
}

function inverted(diagonal: Float32Array): Float32Array {
  const scale = new Float32Array(diagonal.length);
  for (let k = 0; k < scale.length; k++) scale[k] = 1 / Math.max(diagonal[k] as number, TINY);
  return scale;
}

/** Conjugate gradients on all elements of a layer at once: products are gathered into each map's matrix and added up again. */
async function solveTogether(parts: LayerProblem['parts'], { W, support, iterations }: SolveRequest): Promise<void> {
  const size = W.length;
  const product = async (v: Float32Array): Promise<Float32Array> => {
    const sum = new Float32Array(size);
    for (const { map, H, share } of parts) addFromMatrix(map, await H.times(toMatrix(map, v), map.outputs), sum, share);
    return sum;
  };
  const residual = new Float32Array(size);
  const scale = new Float32Array(size);
  for (const { map, H, G, share } of parts) {
    addFromMatrix(map, await G({ first: 0, count: map.outputs }), residual, share);
    addFromMatrix(map, repeated(H.diagonal, map), scale, share);
  }
  for (let k = 0; k < size; k++) if (support[k] === 0) W[k] = 0;
  const start = await product(W);
  const step = new Float32Array(size);
  let length = 0;
  for (let k = 0; k < size; k++) {
    scale[k] = support[k] === 0 ? 0 : 1 / Math.max(scale[k] as number, TINY);
    const r = (residual[k] as number) - (start[k] as number);
    residual[k] = r;
    step[k] = r * (scale[k] as number);
    length += r * (step[k] as number);
  }
  const enough = Math.max(TINY, CONVERGED * length);
  for (let t = 0; t < STEPS_TOGETHER * iterations && length > enough; t++) {
    const image = await product(step);
    let curvature = 0;
    for (let k = 0; k < size; k++) curvature += (step[k] as number) * (image[k] as number);
    if (!(curvature > TINY)) return;
    const alpha = length / curvature;
    let next = 0;
    for (let k = 0; k < size; k++) {
      (W[k] as number) += alpha * (step[k] as number);
      const r = (residual[k] as number) - alpha * (image[k] as number);
      residual[k] = r;
      next += r * r * (scale[k] as number);
    }
    const beta = next / length;
    for (let k = 0; k < size; k++)
      step[k] = (residual[k] as number) * (scale[k] as number) + beta * (step[k] as number);
    length = next;
  }
}

/** The same row for each output: [groups, inputs] to [groups, outputs, inputs]. */
export function repeated<T extends Float32Array | Float64Array>(
  rows: T,
  { groups, outputs, inputs }: MapProblem['map'],
): T {
  const wide = (
    rows instanceof Float32Array
      ? new Float32Array(groups * outputs * inputs)
      : new Float64Array(groups * outputs * inputs)
  ) as T;
  for (let row = 0; row < groups * outputs; row++) {
    const at = Math.floor(row / outputs) * inputs;
    wide.set(rows.subarray(at, at + inputs), row * inputs);
  }
  return wide;
}

/** tr((W - V) H (W - V)'): how far the outputs by W are from those by V. W, V: [groups, outputs, inputs]. */
export async function distance({ map, H, seen }: MapProblem, W: Float32Array, V: Float32Array): Promise<number> {
  const { groups, outputs, inputs } = map;
  const most = groups > 1 ? outputs : Math.max(1, Math.floor(NUMBERS_AT_ONCE / inputs));
  let total = 0;
  for (let first = 0; first < outputs; first += most) {
    const rows = { first, count: Math.min(most, outputs - first) };
    const other = rowsOf(V, map, rows);
    const difference = differenceOf(rowsOf(W, map, rows), other);
    if (seen !== undefined) {
      const images = await seen.algebra.products(difference, seen.X, { groups, rows: rows.count });
      total += squaresOf(images) / seen.count + seen.r * squaresOf(difference);
      continue;
    }
    const image = await H.times(difference, rows.count);
    for (let k = 0; k < difference.length; k++) total += (difference[k] as number) * (image[k] as number);
  }
  return total;
}

function differenceOf(a: Float32Array, b: Float32Array): Float32Array {
  const difference = new Float32Array(a.length);
  for (let k = 0; k < a.length; k++) difference[k] = (a[k] as number) - (b[k] as number);
  return difference;
}

function squaresOf(values: Float32Array): number {
  let total = 0;
  for (let k = 0; k < values.length; k++) total += (values[k] as number) ** 2;
  return total;
}
