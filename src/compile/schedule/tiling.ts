import type { TileLoop, TileVector, Tiling } from './step.ts';
import { MOST_VECTORS } from './table.ts';

/** A picture that is written tile by tile, and where its input lies; in elements. */
export interface Field {
  readonly height: number;
  readonly width: number;
  readonly from: number;
  readonly to: number;
  /** Where rows lie in blocks: how many, and elements between blocks; rows of a block lie `from` or `to` apart. */
  readonly block?: TileLoop;
}

/** Elements between pictures of a batch. */
export interface Batch {
  readonly count: number;
  readonly from: number;
  readonly to: number;
}

/**
 * Cuts a picture into tiles of at most so many vectors of four: parts of rows where rows are long, several rows where they are short.
 *
 * @param field  `from`, `to`: elements between rows
 * @returns      one tiling for whole tiles, others for what is left
 */
export function tilingsOf(field: Field, batch: Batch, most: number): Tiling[] {
  if (field.block !== undefined && field.block.count > 1) return overBlocks(field, field.block, { batch, most });
  const vectors = Math.ceil(field.width / 4);
  return vectors >= most ? alongRows(field, batch, most) : overRows(field, batch, Math.floor(most / vectors));
}

/** Rows of the tiles that a picture is cut into where outputs share nothing. */
export function rowsOfTile(height: number, width: number): number {
  const most = Math.max(1, Math.floor(MOST_VECTORS[1] / Math.ceil(width / 4)));
  return Math.ceil(height / Math.ceil(height / most));
}

function overBlocks(
  { height, width, from, to }: Field,
  block: TileLoop,
  { batch, most }: { readonly batch: Batch; readonly most: number },
): Tiling[] {
  const whole = Math.floor(height / block.count);
  const rest = height % block.count;
  const within = (rows: number): Tiling[] =>
    rows === 0 ? [] : tilingsOf({ height: rows, width, from, to }, batch, most);
  return [
    ...within(whole === 0 ? 0 : block.count).map((tiling) => ({
      ...tiling,
      loops: [batch, { ...block, count: whole }, ...tiling.loops.slice(1)],
    })),
    ...within(rest).map((tiling) => ({
      ...tiling,
      from: tiling.from + whole * block.from,
      to: tiling.to + whole * block.to,
    })),
  ];
}

function alongRows({ height, width, from, to }: Field, batch: Batch, most: number): Tiling[] {
  const vectors = Math.ceil(width / 4);
  const each = Math.ceil(vectors / Math.ceil(vectors / most));
  const last = width - 4 * (vectors - 1);
  const whole = last === 4 ? Math.floor(vectors / each) : Math.floor((vectors - 1) / each);
  const rest = vectors - whole * each;
  const rows = { count: height, from, to };
  const row = (count: number, lanes: number): TileVector[] =>
    Array.from({ length: count }, (_, v) => ({ from: 4 * v, to: 4 * v, lanes: v === count - 1 ? lanes : 4 }));
  const tiles: Tiling = {
    vectors: row(each, 4),
    loops: [batch, rows, { count: whole, from: 4 * each, to: 4 * each }],
    from: 0,
    to: 0,
  };
  const at = 4 * whole * each;
  const end: Tiling = { vectors: row(rest, last), loops: [batch, rows], from: at, to: at };
  return [...(whole > 0 ? [tiles] : []), ...(rest > 0 ? [end] : [])];
}

function overRows({ height, width, from, to }: Field, batch: Batch, most: number): Tiling[] {
  const vectors = Math.ceil(width / 4);
  const parts = Math.ceil(height / Math.min(most, height));
  const each = Math.ceil(height / parts);
  const whole = Math.floor(height / each);
  const rest = height - whole * each;
  const rows = (count: number): TileVector[] =>
    Array.from({ length: count * vectors }, (_, i) => {
      const [y, v] = [Math.floor(i / vectors), i % vectors];
      const lanes = v === vectors - 1 ? width - 4 * v : 4;
      return { from: y * from + 4 * v, to: y * to + 4 * v, lanes };
    });
  const tiles: Tiling = {
    vectors: rows(each),
    loops: [batch, { count: whole, from: each * from, to: each * to }],
    from: 0,
    to: 0,
  };
  const end: Tiling = { vectors: rows(rest), loops: [batch], from: whole * each * from, to: whole * each * to };
  return rest > 0 ? [tiles, end] : [tiles];
}
