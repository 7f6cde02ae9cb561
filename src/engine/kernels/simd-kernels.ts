import { type Arena, arenaOf, DATA_AT, openArena, ROWS, TILE } from './arena.ts';
import type { Kernels } from './scalar.ts';
import { simdModule, UPDATED } from './simd.ts';

/** Whether this machine runs them. */
export const hasSimd = typeof WebAssembly === 'object' && WebAssembly.validate(simdModule());

/** Columns of a Cholesky factor that are found together. */
const BLOCK = 16;

/** An arena for factors, kept for the next one. */
let factors: Arena | undefined;

/** An arena for rows that lie in ordinary arrays. */
let copies: Arena | undefined;

/** Some rows of one tile of columns, in an arena. */
interface Tile {
  readonly arena: Arena;
  readonly at: number;
  readonly stride: number;
}

/** The kernels by 128-bit vectors of WebAssembly. Rows in an arena are read in place, others are copied tile by tile. */
export const simdKernels: Kernels = {
  name: 'simd',
  addProduct(A, x, y) {
    const { arena, tile } = tilesOf(A, x.length);
    const { run, vector, few } = arena;
    for (let from = 0; from < x.length; from += TILE) {
      const count = Math.min(TILE, x.length - from);
      vector.f64.set(x.subarray(from, from + count));
      for (let i = 0; i < y.length; ) {
        const rows = i + ROWS <= y.length ? ROWS : 1;
        const { at, stride } = tile(i, rows, from, count);
        few.f64.fill(0);
        (rows === 1 ? run.dots1 : run.dots4)(at, stride, vector.at, count, few.at);
        for (let k = 0; k < rows; k++) (y[i + k] as number) += few.f64[k] as number;
        i += rows;
      }
    }
  },
  addTransposedProduct(A, r, y) {
    const { arena, tile } = tilesOf(A, y.length);
    const { run, vector, few } = arena;
    for (let from = 0; from < y.length; from += TILE) {
      const count = Math.min(TILE, y.length - from);
      const part = y.subarray(from, from + count);
      vector.f64.set(part);
      for (let i = 0; i < r.length; ) {
        const rows = i + ROWS <= r.length ? ROWS : 1;
        const { at, stride } = tile(i, rows, from, count);
        few.f64.set(r.subarray(i, i + rows));
        (rows === 1 ? run.sums1 : run.sums4)(at, stride, few.at, count, vector.at);
        i += rows;
      }
      part.set(vector.f64.subarray(0, count));
    }
  },
  addSquares(A, y) {
    const { arena, tile } = tilesOf(A, y.length);
    const { run, vector } = arena;
    const n = y.length === 0 ? 0 : A.length / y.length;
    for (let from = 0; from < y.length; from += TILE) {
      const count = Math.min(TILE, y.length - from);
      const part = y.subarray(from, from + count);
      vector.f64.set(part);
      for (let i = 0; i < n; i++) run.squares(tile(i, 1, from, count).at, count, vector.at);
      part.set(vector.f64.subarray(0, count));
    }
  },
  pickColumns(A, width, columns, block) {
    const n = columns.length === 0 ? 0 : block.length / columns.length;
    const { arena, tile } = tilesOf(A, width);
    const { run, vector, picked } = arena;
    for (let from = 0; from < columns.length; ) {
      const first = columns[from] as number;
      let to = from;
      while (to < columns.length && (columns[to] as number) < first + TILE && to - from < TILE) to++;
      const count = to - from;
      for (let j = 0; j < count; j++) vector.i32[j] = 4 * ((columns[from + j] as number) - first);
      const span = (columns[to - 1] as number) - first + 1;
      for (let i = 0; i < n; ) {
        const some = i + ROWS <= n ? ROWS : 1;
        const { at, stride } = tile(i, some, first, span);
        (some === 1 ? run.picks1 : run.picks4)(at, stride, vector.at, count, picked.at, 4 * TILE);
        for (let k = 0; k < some; k++)
          block.set(picked.f32.subarray(k * TILE, k * TILE + count), (i + k) * columns.length + from);
        i += some;
      }
      from = to;
    }
  },
  /**
   * Left-looking, by blocks of columns: what the columns before take away is subtracted in tiles, and only the rest goes
   * row by row. The matrix is filled up to whole tiles, with ones on the diagonal.
   */
  factor(K, n, jitter) {
    const size = UPDATED.rows * Math.ceil(n / UPDATED.rows);
    if (factors === undefined || factors.buffer.byteLength < DATA_AT + 8 * size * size)
      factors = openArena(8 * size * size);
    const { buffer, run } = factors;
    const M = new Float64Array(buffer, DATA_AT, size * size);
    for (let i = 0; i < n; i++) M.set(K.subarray(i * n, i * n + i + 1), i * size);
    M.fill(0, n * size);
    for (let i = 0; i < size; i++) M[i * size + i] = i < n ? (M[i * size + i] as number) + jitter : 1;
    const at = (i: number, j: number): number => DATA_AT + 8 * (i * size + j);
    for (let from = 0; from < size; from += BLOCK) {
      const to = Math.min(from + BLOCK, size);
      for (let i = from; i < size; i += UPDATED.rows)
        for (let j = from; from > 0 && j < to; j += UPDATED.columns)
          run.update(at(i, 0), at(j, 0), 8 * size, from, at(i, j));
      for (let i = from; i < size; i++) {
        run.eliminate(at(from, from), 8 * size, at(i, from), Math.min(i, to) - from);
        if (i >= to) continue;
        const row = M.subarray(i * size + from, i * size + i);
        const pivot = (M[i * size + i] as number) - row.reduce((sum, x) => sum + x * x, 0);
        if (!(pivot > 0)) return null;
        M[i * size + i] = Math.sqrt(pivot);
      }
    }
    const L = new Float64Array(n * n);
    for (let i = 0; i < n; i++) L.set(M.subarray(i * size, i * size + i + 1), i * n);
    return L;
  },
};

/** Where the rows of a matrix are found: in place, or copied to the tile of an arena kept for that. */
function tilesOf(
  A: Float32Array,
  width: number,
): { arena: Arena; tile: (row: number, rows: number, from: number, count: number) => Tile } {
  const own = arenaOf(A);
  if (own !== null)
    return {
      arena: own,
      tile: (row, _, from) => ({ arena: own, at: A.byteOffset + 4 * (row * width + from), stride: 4 * width }),
    };
  copies ??= openArena(0);
  const arena = copies;
  return {
    arena,
    tile: (row, rows, from, count) => {
      for (let k = 0; k < rows; k++) {
        const start = (row + k) * width + from;
        arena.rows.f32.set(A.subarray(start, start + count), k * TILE);
      }
      return { arena, at: arena.rows.at, stride: 4 * TILE };
    },
  };
}
