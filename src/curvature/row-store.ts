import { allocate, giveBack, TILE } from '../engine/kernels/arena.ts';
import type { Panel } from './panel.ts';

/** Where gradient rows go as they are computed, and where the solver finds them. */
export interface RowStore {
  /** Puts rows first .. first + count of a layer, [count, width], or adds to one that is there already. */
  put(layer: number, at: { readonly first: number; readonly count: number }, rows: LayerRows): void;
  /** The rows by columns, once all are there. */
  panels(): Panel[];
  /** Frees what the store holds; its panels cannot be read afterwards. */
  release(): void;
}

/** Rows of a layer [a, b] that are outer products: left [rows, a], right [rows, b]. */
export interface OuterRows {
  readonly left: Float32Array;
  readonly right: Float32Array;
}

/** Rows of a layer as they come out of a run: whole, or as factors. */
export type LayerRows = Float32Array | OuterRows;

/** a and b of a layer whose rows come as factors. */
export type FactorSizes = readonly [a: number, b: number];

/**
 * Makes a store for n rows of layers of these sizes. `factors` says of layers whose rows come as factors how long these are: only
 * stores that were made for them take such rows (see asFactors).
 */
export type MakeStore = (n: number, sizes: readonly number[], factors?: readonly (FactorSizes | null)[]) => RowStore;

/** Everything in memory as f32, one panel a layer. Memory: 4 n p bytes. */
export const inMemory: MakeStore = (n, sizes) => {
  const arrays = allocate(sizes.map((width) => n * width));
  return {
    put(layer, { first, count }, given) {
      const [width, rows] = [sizes[layer] as number, given as Float32Array];
      const target = (arrays[layer] as Float32Array).subarray(first * width, (first + count) * width);
      if (count > 1) target.set(rows.subarray(0, count * width));
      else for (let i = 0; i < width; i++) (target[i] as number) += rows[i] as number;
    },
    panels: () => {
      let start = 0;
      return sizes.map((width, layer) => {
        const panel = { start, width, layer, data: arrays[layer] as Float32Array };
        start += width;
        return panel;
      });
    },
    release: () => giveBack(arrays),
  };
};

/** Bytes that can be written and read anywhere: a file, or memory. */
export interface Medium {
  write(bytes: Uint8Array, position: number): void;
  read(into: Uint8Array, position: number): void;
  close(): void;
}

/** How {@link inBlocks} keeps its rows. */
export interface BlockOptions {
  /** Opens a medium for so many bytes. */
  readonly open: (bytes: number) => Medium;
  /** Bytes of the one block that is in memory as f32 at a time. */
  readonly blockBytes: number;
  /** Kept as bf16: f32 rounded to 8 bits of mantissa, widened when a block is read. */
  readonly half: boolean;
}

interface Block {
  readonly layer: number;
  /** First column within the layer. */
  readonly from: number;
  readonly width: number;
  readonly position: number;
}

/**
 * Rows in blocks of columns on a medium, read one at a time in order. A layer too wide for one block is parted.
 *
 * Memory: one block, one row, and what the medium takes: 4 n p bytes, or 2 n p as bf16.
 */
export function inBlocks({ open, blockBytes, half }: BlockOptions): MakeStore {
  return (n, sizes) => {
    const bytes = half ? 2 : 4;
    const blocks = blocksOf(n, sizes, { bytes, blockBytes });
    const medium = open(bytes * n * sizes.reduce((sum, size) => sum + size, 0));
    const [buffer] = allocate([n * blocks.reduce((most, { width }) => Math.max(most, width), 0)]) as [Float32Array];
    const packed = half ? new Uint16Array(buffer.length) : null;
    const pending = sizes.map(() => ({ row: -1, sum: new Float32Array(0) }));
    const write = (layer: number, { first, count }: { first: number; count: number }, rows: Float32Array): void => {
      const size = sizes[layer] as number;
      for (const { from, width, position } of blocks.filter((block) => block.layer === layer)) {
        for (let i = 0; i < count; i++) buffer.set(rows.subarray(i * size + from, i * size + from + width), i * width);
        const part = buffer.subarray(0, count * width);
        medium.write(packed === null ? bytesOf(part) : bytesOf(narrow(part, packed)), position + bytes * first * width);
      }
    };
    const flush = (layer: number): void => {
      const { row, sum } = pending[layer] as (typeof pending)[number];
      if (row >= 0) write(layer, { first: row, count: 1 }, sum);
    };
    return {
      put(layer, at, given) {
        const rows = given as Float32Array;
        if (at.count > 1) {
          write(layer, at, rows);
          return;
        }
        const held = pending[layer] as (typeof pending)[number];
        const size = sizes[layer] as number;
        if (held.row !== at.first) {
          flush(layer);
          pending[layer] = { row: at.first, sum: rows.slice(0, size) };
        } else for (let i = 0; i < size; i++) (held.sum[i] as number) += rows[i] as number;
      },
      panels: () => {
        sizes.forEach((_, layer) => {
          flush(layer);
          pending[layer] = { row: -1, sum: new Float32Array(0) };
        });
        let inside: Block | null = null;
        const load = async (block: Block): Promise<Float32Array> => {
          const part = buffer.subarray(0, n * block.width);
          if (inside === block) return part;
          inside = block;
          if (packed === null) medium.read(bytesOf(part), block.position);
          else {
            const stored = packed.subarray(0, part.length);
            medium.read(bytesOf(stored), block.position);
            widen(stored, part);
          }
          return part;
        };
        const starts = sizes.map((_, i) => sizes.slice(0, i).reduce((sum, size) => sum + size, 0));
        return blocks.map((block) => ({
          start: (starts[block.layer] as number) + block.from,
          width: block.width,
          layer: block.layer,
          data: () => load(block),
        }));
      },
      release: () => medium.close(),
    };
  };
}

function blocksOf(
  n: number,
  sizes: readonly number[],
  { bytes, blockBytes }: { bytes: number; blockBytes: number },
): readonly Block[] {
  let position = 0;
  return sizes.flatMap((size, layer) =>
    columnParts(n, size, blockBytes).map((part) => {
      const block = { layer, ...part, position };
      position += bytes * n * block.width;
      return block;
    }),
  );
}

/**
 * The columns of a layer in parts of at most so many bytes of n rows. Parts that are wider than a tile of the kernels end with one: sums
 * over columns go tile by tile, so that they are the same to the bit whatever the parts.
 */
export function columnParts(n: number, size: number, blockBytes: number): { from: number; width: number }[] {
  const most = Math.max(1, Math.floor(blockBytes / (4 * n)));
  const each = most > TILE ? most - (most % TILE) : most;
  return Array.from({ length: Math.ceil(size / each) }, (_, i) => ({
    from: i * each,
    width: Math.min(each, size - i * each),
  }));
}

function bytesOf(array: Float32Array | Uint16Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** The upper halves of f32 numbers, rounded to nearest, ties to even. */
function narrow(values: Float32Array, into: Uint16Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < bits.length; i++) {
    const x = bits[i] as number;
    into[i] = (x + 0x7fff + ((x >>> 16) & 1)) >>> 16;
  }
  return into.subarray(0, values.length);
}

function widen(stored: Uint16Array, into: Float32Array): void {
  const bits = new Uint32Array(into.buffer, into.byteOffset, into.length);
  for (let i = 0; i < stored.length; i++) bits[i] = (stored[i] as number) << 16;
}

/** A medium in memory, for rows as bf16. */
export function memoryMedium(bytes: number): Medium {
  const CHUNK = 2 ** 30;
  const chunks = Array.from(
    { length: Math.ceil(bytes / CHUNK) },
    (_, i) => new Uint8Array(Math.min(CHUNK, bytes - i * CHUNK)),
  );
  const each = (array: Uint8Array, position: number, use: (part: Uint8Array, chunk: Uint8Array) => void): void => {
    for (let done = 0; done < array.length; ) {
      const at = position + done;
      const chunk = chunks[Math.floor(at / CHUNK)] as Uint8Array;
      const inside = at % CHUNK;
      const count = Math.min(array.length - done, chunk.length - inside);
      use(array.subarray(done, done + count), chunk.subarray(inside, inside + count));
      done += count;
    }
  };
  return {
    write: (array, position) => each(array, position, (part, chunk) => chunk.set(part)),
    read: (array, position) => each(array, position, (part, chunk) => part.set(chunk)),
    close: () => {
      chunks.length = 0;
    },
  };
}
