import { asFactors } from '../curvature/factor-store.ts';
import { type BlockOptions, inBlocks, inMemory, type MakeStore, memoryMedium } from '../curvature/row-store.ts';
import { TILE } from '../engine/kernels/arena.ts';
import { OptionError } from '../errors/errors.ts';
import type { WeightLayer } from '../graph/weights.ts';
import { intAttribute } from '../ir/access.ts';

/** What a run may take and has to hold. */
export interface MemoryRequest {
  /** Gradient rows n. */
  readonly rows: number;
  /** Prunable weights p. */
  readonly weights: number;
  /** Bytes that the process may take in all; undefined = as much as there is. */
  readonly limit?: number;
  /** Bytes that the run takes besides: see bytesBesideRows. */
  readonly beside: number;
  /** Whether the rows are kept as bf16. */
  readonly half: boolean;
  /** Opens a medium on disk; absent where there is none. */
  readonly disk?: BlockOptions['open'];
  /** Layers whose rows may be kept as factors (see outerLayers); default none. */
  readonly outer?: readonly OuterLayer[];
}

/** A layer whose row of one sample is an outer product. */
export interface OuterLayer {
  readonly name: string;
  readonly size: number;
  /** Numbers in the factors of a row. */
  readonly length: number;
}

/**
 * The layers whose weights meet one vector a sample each: a row is then that vector by the gradient of the layer's output. Such are
 * linear layers on vectors, and convolutions with one cell of output.
 *
 * @param layers  with their multiply-accumulates; of those where they are not known none is taken
 */
export function outerLayers(layers: readonly WeightLayer[]): OuterLayer[] {
  return layers.flatMap(({ name, size, dims, uses, macsPerWeight }) => {
    const [first = 1] = dims;
    const grouped = intAttribute((uses[0] as (typeof uses)[number]).node, 'group', 1) !== 1;
    if (macsPerWeight !== 1 || uses.length !== 1 || grouped) return [];
    return [{ name, size, length: first + size / first }];
  });
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
  /** Layers that are kept as factors. */
  readonly factored: readonly OuterLayer[];
}

/** The share of what is left that one block takes: blocks are gathered, and written from, in as much again. */
const BLOCK_SHARE = 0.25;
const LARGEST_BLOCK = 256e6;
/** Factors that are not far smaller than their product do not repay multiplying it out each time. */
const FACTOR_SHARE = 0.25;

/**
 * Decides where the gradient rows are kept: in memory if they fit into the limit; else layers that can be are kept as factors;
 * what does not fit then is on disk in blocks of columns that are read in order. The weights found are the same; bf16 rows are those
 * of rows rounded to 8 bits.
 *
 * @throws OptionError if the limit does not even leave room for one block
 */
export function planRows(request: MemoryRequest): MemoryPlan {
  const whole = planWhole(request, []);
  const factored = (request.outer ?? []).filter(({ size, length }) => length <= FACTOR_SHARE * size);
  return whole?.where === 'memory' || factored.length === 0
    ? demanded(request, whole)
    : demanded(request, planWhole(request, factored) ?? whole);
}

/** The plan with these layers as factors; null if there is no room for it. */
function planWhole(
  { rows, weights, limit, beside, half, disk }: MemoryRequest,
  factored: readonly OuterLayer[],
): MemoryPlan | null {
  const type = half ? 'bf16' : 'f32';
  const sum = (of: 'size' | 'length'): number => factored.reduce((total, layer) => total + layer[of], 0);
  const factorBytes = 4 * rows * sum('length');
  const bytes = (half ? 2 : 4) * rows * (weights - sum('size'));
  const fixed = beside + factorBytes;
  const left = (limit ?? Number.POSITIVE_INFINITY) - fixed;
  const smallest = smallestBlock(rows);
  const blockBytes = Math.max(smallest, Math.min(LARGEST_BLOCK, BLOCK_SHARE * left));
  const blocks = half || factored.length > 0 ? 2 * blockBytes : 0;
  const inside = bytes + blocks <= left;
  const kept = (base: MakeStore): Pick<MemoryPlan, 'store' | 'type' | 'factored'> => ({
    type,
    factored,
    store: factored.length === 0 ? base : asFactors(base, blockBytes),
  });
  if (inside)
    return {
      ...kept(half ? inBlocks({ open: memoryMedium, blockBytes, half }) : inMemory),
      where: 'memory',
      bytes: bytes + factorBytes,
      expected: fixed + bytes + (factored.length > 0 ? blocks : 0),
    };
  if (disk === undefined || BLOCK_SHARE * left < smallest) return null;
  return {
    ...kept(inBlocks({ open: disk, blockBytes, half })),
    where: 'disk',
    bytes: bytes + factorBytes,
    expected: fixed + blockBytes / BLOCK_SHARE,
  };
}

/** Bytes of the narrowest block that sums are the same in as in whole rows. */
function smallestBlock(rows: number): number {
  return 4 * rows * TILE;
}

function demanded(request: MemoryRequest, plan: MemoryPlan | null): MemoryPlan {
  if (plan !== null) return plan;
  throw new OptionError(
    `Cannot keep to ${(Number(request.limit) / 1e9).toFixed(1)} GB of memory: the run takes ${((request.beside + smallestBlock(request.rows) / BLOCK_SHARE) / 1e9).toFixed(1)} GB beside its gradient rows; allow more memory, or prune fewer layers`,
    { remedies: [{ option: 'memory' }, { option: 'layers' }] },
  );
}

/** A plan in words. */
export function planText({ where, type, bytes, expected, factored }: MemoryPlan): string {
  const gigabytes = (value: number): string => `${(value / 1e9).toFixed(1)} GB`;
  const list = factored.map(({ name, size, length }) => `${name} (${length} numbers a row for ${size})`).join(', ');
  const factors = factored.length === 0 ? '' : `; as factors in memory: ${list}`;
  return where === 'memory'
    ? `gradient rows: ${gigabytes(bytes)} in memory as ${type}${factors}`
    : `gradient rows: ${gigabytes(bytes)} on disk as ${type}, in blocks of columns${factors}; about ${gigabytes(expected)} of memory`;
}
