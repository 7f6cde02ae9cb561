import type { Constraint } from '../../constraints/constraint.ts';
import { layerSizes } from '../../curvature/panel.ts';
import { callback, checkOptions, count, number } from '../../errors/arguments.ts';
import { columnsOf } from '../../problem/columns.ts';
import type { Able } from '../../problem/problem.ts';
import { magnitudePruned } from '../drive.ts';
import { type AnySolver, solver } from '../solver.ts';
import { initialSupport } from './back-solving.ts';
import { type BlockTask, solveBlock } from './block-solve.ts';

/** Solves blocks elsewhere, several at once: worker threads, as a rule. */
export interface BlockPool {
  /** Tasks that proceed at once; further ones wait. */
  readonly parallel: number;
  /** As {@link solveBlock}. The task's data is moved away from the caller. */
  run(task: BlockTask): Promise<Float64Array | null>;
  close(): Promise<void>;
}

/** Options of {@link chitaBlock}. */
export interface ChitaBlockOptions {
  /** Opens the pool in which blocks are solved where there is much to do; default: they are solved one by one, by the caller. */
  readonly openPool?: (() => BlockPool) | undefined;
  /** Numbers of A below which no pool is opened. */
  readonly leastForPool?: number;
  /** Width of a block; the last of a layer takes the remainder, and no block crosses from one layer to the next. */
  readonly block?: number;
}

/** Defaults of {@link chitaBlock}. */
export const CHITA_BLOCK_DEFAULTS = { block: 2000, leastForPool: 2e7 } as const;

/** Fewer blocks do not repay the start of worker threads. */
const FEWEST_FOR_POOL = 8;

interface Block {
  readonly start: number;
  readonly width: number;
}

/** A block that is being solved. */
interface Running {
  readonly block: Block;
  readonly part: Promise<Float64Array | null>;
}

interface State {
  readonly problem: Able<'gradient' | 'columns'>;
  readonly constraint: Constraint;
  readonly blocks: readonly Block[];
  readonly pool: BlockPool | null;
  /** In order, the oldest first. */
  readonly running: Running[];
  /** The support over all weights: a block may keep what the constraint allows in its place. */
  readonly chosen: Uint8Array;
  readonly w: Float64Array;
  next: number;
  status: 'running' | 'converged' | 'not-positive-definite';
}

/**
 * CHITA with a block-diagonal model: the global support tells each block what it may keep, how many weights above all, and each
 * block is solved on its own. One block a step.
 *
 * Gram and factor in f64. Cost: n |B| min(n, k_B) a block; the larger of n^2 and k_B^2 extra. Deterministic.
 * Source: Benbaki et al. 2023, Alg. 6; blocks as in the published program (consecutive weights within a layer).
 */
export function chitaBlock(options: ChitaBlockOptions = {}): AnySolver {
  checkOptions('make chitaBlock()', options, { openPool: callback, leastForPool: number, block: count });
  const { block = CHITA_BLOCK_DEFAULTS.block, leastForPool = CHITA_BLOCK_DEFAULTS.leastForPool, openPool } = options;
  return solver<State, 'gradient' | 'columns'>({
    name: 'chita-block',
    ...(openPool === undefined && { made: { by: 'chitaBlock', options } }),
    needs: ['gradient', 'columns'],
    init: async (problem, constraint) => {
      const blocks = blocksOf(layerSizes(problem.rows), block);
      const isMuch = blocks.length >= FEWEST_FOR_POOL && problem.n * problem.p >= leastForPool;
      return {
        problem,
        constraint,
        blocks,
        pool: isMuch && openPool !== undefined ? openPool() : null,
        running: [],
        chosen: await initialSupport(problem, constraint),
        w: magnitudePruned(problem, constraint),
        next: 0,
        status: 'running',
      };
    },
    step: stepBlock,
    status: ({ status }) => status,
    current: ({ w }) => w,
    support: ({ chosen }) => chosen,
    release: async ({ pool }) => pool?.close(),
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

/** Takes the result of one block; meanwhile as many others are under way as the pool takes. */
async function stepBlock(state: State): Promise<void> {
  const most = state.pool === null ? 1 : state.pool.parallel + 1;
  while (state.running.length < most && state.next < state.blocks.length) {
    begin(state, state.blocks[state.next++] as Block);
  }
  const oldest = state.running.shift();
  if (oldest !== undefined) {
    const part = await oldest.part;
    if (part === null) state.status = 'not-positive-definite';
    else state.w.set(part, oldest.block.start);
  }
  const isOver = state.running.length === 0 && state.next >= state.blocks.length;
  if (state.status === 'running' && isOver) state.status = 'converged';
}

/** Sets a block under way. What has to hold in it beyond a number of weights is known to this thread alone. */
function begin(state: State, block: Block): void {
  const { start, width } = block;
  const { problem, constraint, chosen, pool } = state;
  const within = constraint.restrict(chosen, start, start + width);
  const solved = async (): Promise<Float64Array | null> => {
    if (within.most === 0) return new Float64Array(width);
    const { n, rows, wBar, lambda, a } = problem;
    const { data } = await columnsOf(rows, consecutive(start, width));
    const away = within.onlyCounts === true ? pool : null;
    const own = away === null ? data : data.slice(); // it leaves this thread, and may be a panel's
    const task = { data: own, wBar: wBar.slice(start, start + width), n, kept: within.most, lambda, firstOrder: a };
    return away === null ? solveBlock(task, problem.linalg, within) : away.run(task);
  };
  const part = solved();
  part.catch(() => undefined); // a failure shows when the block is taken, not before
  state.running.push({ block, part });
}

function consecutive(start: number, count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, j) => start + j);
}
