import { type Arena, arenaOf, DATA_AT, openArena, ROWS, TILE } from './arena.ts';
import type { Kernels } from './scalar.ts';
import { simdModule } from './simd.ts';

/** Whether this machine runs them. */
export const hasSimd = typeof WebAssembly === 'object' && WebAssembly.validate(simdModule());

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
    const { run, vector, rows } = arena;
    const picked = rows.at + 4 * (ROWS - 1) * TILE;
    for (let from = 0; from < columns.length; ) {
      const first = columns[from] as number;
      let to = from;
      while (to < columns.length && (columns[to] as number) < first + TILE && to - from < TILE) to++;
      const count = to - from;
      for (let j = 0; j < count; j++) vector.i32[j] = 4 * ((columns[from + j] as number) - first);
      const span = (columns[to - 1] as number) - first + 1;
      for (let i = 0; i < n; i++) {
        run.pick(tile(i, 1, first, span).at, vector.at, count, picked);
        block.set(rows.f32.subarray((ROWS - 1) * TILE, (ROWS - 1) * TILE + count), i * columns.length + from);
      }
      from = to;
    }
  },
  factor(K, n, jitter) {
    const { buffer, run } = openArena(8 * n * n);
    const L = new Float64Array(buffer, DATA_AT, n * n);
    for (let i = 0; i < n; i++) {
      const row = L.subarray(i * n, i * n + i + 1);
      row.set(K.subarray(i * n, i * n + i + 1));
      run.eliminate(DATA_AT, 8 * n, DATA_AT + 8 * i * n, i);
      let pivot = (row[i] as number) + jitter;
      for (let t = 0; t < i; t++) pivot -= (row[t] as number) ** 2;
      if (!(pivot > 0)) return null;
      row[i] = Math.sqrt(pivot);
    }
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
