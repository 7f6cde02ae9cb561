import { cardinality } from '../../constraints/cardinality.ts';
import type { Constraint } from '../../constraints/constraint.ts';
import type { GradientRows } from '../../curvature/gradient-rows.ts';
import { layerSizes } from '../../curvature/panel.ts';
import { backSolve } from '../../problem/back-solve.ts';
import { cholesky, solve } from '../../problem/cholesky.ts';
import { columnsOf } from '../../problem/columns.ts';
import { type QuadraticProblem, quadratic } from '../../problem/quadratic.ts';
import { magnitudePruned } from '../drive.ts';
import { type AnySolver, solver } from '../solver.ts';
import { initialSupport } from './back-solving.ts';

/** Options of {@link chitaBlock}. */
export interface ChitaBlockOptions {
  /** Width of a block; the last of a layer takes the remainder, and no block crosses from one layer to the next. */
  readonly block?: number;
}

/** Defaults of {@link chitaBlock}. */
export const CHITA_BLOCK_DEFAULTS = { block: 2000 } as const;

interface State {
  readonly problem: QuadraticProblem;
  readonly blocks: readonly { start: number; width: number }[];
  /** The support over all weights: its count in a block is what the block may keep. */
  readonly chosen: Uint8Array;
  readonly w: Float64Array;
  next: number;
  status: 'running' | 'converged' | 'not-positive-definite';
}

/**
 * CHITA with a block-diagonal model: the global support tells each block how many weights it keeps, and each block is
 * solved on its own. One block a step.
 *
 * Gram and factor in f64. Cost: n |B| min(n, k_B) a block; the larger of n^2 and k_B^2 extra. Deterministic.
 * Source: Benbaki et al. 2023, Alg. 6; blocks as in the published program (consecutive weights within a layer).
 */
export function chitaBlock({ block = CHITA_BLOCK_DEFAULTS.block }: ChitaBlockOptions = {}): AnySolver {
  return solver<State>({
    name: 'chita-block',
    needs: ['value', 'gradient', 'columns', 'gram'],
    init: async (problem, constraint) => ({
      problem,
      blocks: blocksOf(layerSizes(problem.rows), block),
      chosen: await initialSupport(problem, constraint),
      w: magnitudePruned(problem, constraint),
      next: 0,
      status: 'running',
    }),
    step: stepBlock,
    status: ({ status }) => status,
    current: ({ w }) => w,
  });
}

/** floor(size / width) blocks of equal width in each layer, the last with the remainder; small layers are one block. */
export function blocksOf(layers: readonly number[], block: number): { start: number; width: number }[] {
  let start = 0;
  return layers.flatMap((size) => {
    const first = start;
    start += size;
    const number = Math.max(1, Math.floor(size / block));
    const width = Math.floor(size / number);
    return Array.from({ length: number }, (_, i) => ({
      start: first + i * width,
      width: i === number - 1 ? size - i * width : width,
    }));
  });
}

async function stepBlock(state: State): Promise<void> {
  const block = state.blocks[state.next++];
  if (block !== undefined) {
    const { start, width } = block;
    const kept = state.chosen.subarray(start, start + width).reduce((sum, x) => sum + x, 0);
    const part =
      kept === 0
        ? new Float64Array(width)
        : await solveBlock(await subproblem(state.problem, start, width), cardinality(width, kept));
    if (part === null) state.status = 'not-positive-definite';
    else state.w.set(part, start);
  }
  if (state.status === 'running' && state.next >= state.blocks.length) state.status = 'converged';
}

/** The problem of some consecutive columns alone. */
async function subproblem(problem: QuadraticProblem, start: number, width: number): Promise<QuadraticProblem> {
  const { n, rows, wBar, lambda, a, linalg } = problem;
  const { data } = await columnsOf(
    rows,
    Int32Array.from({ length: width }, (_, j) => start + j),
  );
  const part: GradientRows = { n, p: width, panels: [{ start: 0, width, data }], meanLoss: rows.meanLoss };
  return quadratic(part, wBar.slice(start, start + width), { lambda, firstOrder: a }, linalg);
}

/** Support by the same rule as the whole, then the smaller of the two linear systems. */
async function solveBlock(problem: QuadraticProblem, constraint: Constraint): Promise<Float64Array | null> {
  const support = await initialSupport(problem, constraint);
  if (constraint.kept >= problem.n) return (await backSolve(problem, support))?.w ?? null;
  return solveSmall(problem, support);
}

/**
 * The normal equations on the support, for |S| < n:  (A_S'A_S + mu I)(w_S - wBar_S) = A_S'(A_P wBar_P - a e)
 */
async function solveSmall(problem: QuadraticProblem, support: Uint8Array): Promise<Float64Array | null> {
  const { n, mu, a, wBar, rows, linalg } = problem;
  const indices = Int32Array.from([...support.keys()].filter((i) => support[i] === 1));
  const k = indices.length;
  const { data } = await columnsOf(rows, indices);
  const H = await linalg.innerGram(data, n);
  for (let i = 0; i < k; i++) (H[i * k + i] as number) += mu;
  const factor = cholesky(H, k);
  if (factor === null) return null;
  const carried = await problem.times(wBar.map((x, i) => (support[i] === 1 ? 0 : x)));
  const delta = solve(
    factor,
    linalg.transposedProduct64(
      data,
      carried.map((c) => c - a),
    ),
  );
  const w = new Float64Array(wBar.length);
  indices.forEach((i, j) => {
    w[i] = (wBar[i] as number) + (delta[j] as number);
  });
  return w;
}
