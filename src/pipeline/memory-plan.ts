import { type BlockOptions, inBlocks, inMemory, type MakeStore, memoryMedium } from '../curvature/row-store.ts';
import { OptionError } from '../errors/errors.ts';

/** What a run may take and has to hold. */
export interface MemoryRequest {
  /** Gradient rows n. */
  readonly rows: number;
  /** Prunable weights p. */
  readonly weights: number;
  /** Bytes that the process may take in all; undefined = as much as there is. */
  readonly limit?: number;
  /** Bytes that it takes already. */
  readonly taken: number;
  /** Whether the rows are kept as bf16. */
  readonly half: boolean;
  /** Opens a medium on disk; absent where there is none. */
  readonly disk?: BlockOptions['open'];
}

/** Where the gradient rows go. */
export interface MemoryPlan {
  readonly where: 'memory' | 'disk';
  readonly type: 'f32' | 'bf16';
  /** Bytes of the rows there. */
  readonly bytes: number;
  /** Bytes that are expected to be in memory at once. */
  readonly expected: number;
  readonly store: MakeStore;
}

/** For the runtime's sessions, compiled code and garbage beside the rows. */
const OVERHEAD = 400e6;
/** About a dozen vectors over the weights in f64. */
const BYTES_A_WEIGHT = 100;
/** The share of what is left that one block takes: blocks are gathered, and written from, in as much again. */
const BLOCK_SHARE = 0.25;
const LARGEST_BLOCK = 256e6;
const SMALLEST_BLOCK = 16e6;

/**
 * Decides where the gradient rows are kept: in memory if they fit into the limit, else on disk in blocks of columns that
 * are read in order. The weights found are the same; bf16 rows are those of rows rounded to 8 bits.
 *
 * @throws OptionError if the limit does not even leave room for one block
 */
export function planRows({ rows, weights, limit, taken, half, disk }: MemoryRequest): MemoryPlan {
  const type = half ? 'bf16' : 'f32';
  const bytes = (half ? 2 : 4) * rows * weights;
  const fixed = taken + OVERHEAD + BYTES_A_WEIGHT * weights + 3 * 8 * rows * rows;
  const left = (limit ?? Number.POSITIVE_INFINITY) - fixed;
  const blockBytes = Math.min(LARGEST_BLOCK, BLOCK_SHARE * left);
  const inside = (half ? bytes + 2 * blockBytes : bytes) <= left;
  if (inside)
    return {
      where: 'memory',
      type,
      bytes,
      expected: fixed + bytes,
      store: half ? inBlocks({ open: memoryMedium, blockBytes, half }) : inMemory,
    };
  if (disk === undefined || blockBytes < SMALLEST_BLOCK)
    throw new OptionError(
      `Cannot keep to ${(Number(limit) / 1e9).toFixed(1)} GB of memory: the run takes ${((fixed + 4 * SMALLEST_BLOCK) / 1e9).toFixed(1)} GB beside its gradient rows; allow more --memory, or name fewer --layers`,
    );
  return {
    where: 'disk',
    type,
    bytes,
    expected: fixed + blockBytes / BLOCK_SHARE,
    store: inBlocks({ open: disk, blockBytes, half }),
  };
}

/** A plan in words. */
export function planText({ where, type, bytes, expected }: MemoryPlan): string {
  const gigabytes = (value: number): string => `${(value / 1e9).toFixed(1)} GB`;
  return where === 'memory'
    ? `gradient rows: ${gigabytes(bytes)} in memory as ${type}`
    : `gradient rows: ${gigabytes(bytes)} on disk as ${type}, in blocks of columns; about ${gigabytes(expected)} of memory`;
}
