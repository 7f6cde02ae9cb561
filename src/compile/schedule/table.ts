import type { Table } from './step.ts';

/** How many outputs may share the offset of an entry. */
export type Share = Table['share'];

/** Vectors of a tile by the outputs that share an entry: what fits in the registers. */
export const MOST_VECTORS: Readonly<Record<Share, number>> = { 1: 8, 2: 4, 4: 2 };

type Entries = Pick<Table, 'weights' | 'outputs' | 'share' | 'isWhole'>;

/** Goes through the positions that have entries, block after block, counting positions on. */
export function eachEntry(
  { weights, outputs, share, isWhole = false }: Entries,
  visit: (position: number, block: number) => void,
): void {
  const positions = weights.length / outputs;
  for (let block = 0; block < outputs / share; block++)
    for (let p = 0; p < positions; p++)
      for (let r = 0; r < share; r++)
        if (isWhole || weights[(block * share + r) * positions + p] !== 0) {
          visit(block * positions + p, block);
          break;
        }
}

/** Entries that a table has: positions where a weight of a block is not zero, or all. */
export function entriesOf(table: Entries): number {
  let count = 0;
  eachEntry(table, () => count++);
  return count;
}

/** Bytes of a table in memory: a header for each block, then its entries. */
export function tableBytes(table: Entries): number {
  return 4 * (1 + table.share) * (table.outputs / table.share + entriesOf(table));
}

/** Time of an entry by the outputs that share it, for one vector of pixels: loads once, multiplies as often as it has outputs. */
const ENTRY_COST: Readonly<Record<Share, number>> = { 1: 1.25, 2: 2.15, 4: 4.1 };
/** The same for a single pixel: gathered one by one, or four outputs in a vector; that takes 1.4 of the time, and bytes for zeros. */
const DOT_COST: Readonly<Record<Share, number>> = { 1: 1, 2: Number.POSITIVE_INFINITY, 4: 1.8 };

/** The number of outputs that share entries with which a layer takes the least time. Outputs of one group only share. */
export function bestShare(
  weights: Float32Array,
  outputs: number,
  { groups = 1, single = false }: { readonly groups?: number; readonly single?: boolean } = {},
): Share {
  const costs = single ? DOT_COST : ENTRY_COST;
  const choices = ([1, 2, 4] as const).filter((share) => (outputs / groups) % share === 0);
  const cost = (share: Share): number => entriesOf({ weights, outputs, share }) * costs[share];
  return choices.reduce<Share>((best, share) => (cost(share) < cost(best) ? share : best), 1);
}
