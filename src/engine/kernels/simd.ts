import { assemble, type Code, op, TYPE, type WasmFunction } from '../../wasm/assembler.ts';

const { get, set } = op;
const step = (local: number, bytes: number): Code => set(local, op.add(get(local), op.i32(bytes)));

/**
 * out[i] += sum of a[i][j] x[j] for some rows at once; a f32, x and out f64, sums in f64.
 * Parameters: a, bytes between rows, x, count, out.
 */
function dots(rows: number): WasmFunction {
  const [A, STRIDE, X, COUNT, OUT] = [0, 1, 2, 3, 4];
  const row = (i: number): number => 5 + i;
  const [END, LAST] = [5 + rows, 6 + rows];
  const sum = (i: number, half: number): number => 7 + rows + 2 * i + half;
  const each = (f: (i: number) => Code): Code => Array.from({ length: rows }, (_, i) => f(i));
  const pair = (i: number, half: number): Code =>
    set(
      sum(i, half),
      op.add2(get(sum(i, half)), op.mul2(op.loadWide(get(row(i)), 8 * half), op.load(get(X), 16 * half))),
    );
  const single = (i: number): Code =>
    op.storeF64(
      get(OUT),
      op.addF64(op.loadF64(get(OUT), 8 * i), op.mulF64(op.widen(op.loadF32(get(row(i)))), op.loadF64(get(X)))),
      8 * i,
    );
  const total = (i: number): Code => {
    const both = op.add2(get(sum(i, 0)), get(sum(i, 1)));
    return op.storeF64(
      get(OUT),
      op.addF64(op.loadF64(get(OUT), 8 * i), op.addF64(op.lane(both, 0), op.lane(both, 1))),
      8 * i,
    );
  };
  return {
    name: `dots${rows}`,
    parameters: 5,
    locals: [
      [rows + 2, TYPE.i32],
      [2 * rows, TYPE.v128],
    ],
    body: [
      set(row(0), get(A)),
      Array.from({ length: rows - 1 }, (_, i) => set(row(i + 1), op.add(get(row(i)), get(STRIDE)))),
      set(END, op.add(get(X), op.shiftLeft(op.and(get(COUNT), op.i32(-4)), 3))),
      set(LAST, op.add(get(X), op.shiftLeft(get(COUNT), 3))),
      op.whileBelow(X, END, [each((i) => [pair(i, 0), pair(i, 1), step(row(i), 16)]), step(X, 32)]),
      each(total),
      op.whileBelow(X, LAST, [each((i) => [single(i), step(row(i), 4)]), step(X, 8)]),
    ],
  };
}

/**
 * y[j] += sum of r[i] a[i][j] over some rows at once; a f32, r and y f64.
 * Parameters: a, bytes between rows, r, count, y.
 */
function sums(rows: number): WasmFunction {
  const [A, STRIDE, R, COUNT, Y] = [0, 1, 2, 3, 4];
  const row = (i: number): number => 5 + i;
  const [END, LAST] = [5 + rows, 6 + rows];
  const factor = (i: number): number => 7 + rows + i;
  const each = (f: (i: number) => Code): Code => Array.from({ length: rows }, (_, i) => f(i));
  const pair = (half: number): Code => {
    let value: Code = op.load(get(Y), 16 * half);
    for (let i = 0; i < rows; i++) value = op.add2(value, op.mul2(op.loadWide(get(row(i)), 8 * half), get(factor(i))));
    return op.store(get(Y), value, 16 * half);
  };
  let one: Code = op.loadF64(get(Y));
  for (let i = 0; i < rows; i++)
    one = op.addF64(one, op.mulF64(op.widen(op.loadF32(get(row(i)))), op.lane(get(factor(i)), 0)));
  return {
    name: `sums${rows}`,
    parameters: 5,
    locals: [
      [rows + 2, TYPE.i32],
      [rows, TYPE.v128],
    ],
    body: [
      set(row(0), get(A)),
      Array.from({ length: rows - 1 }, (_, i) => set(row(i + 1), op.add(get(row(i)), get(STRIDE)))),
      each((i) => set(factor(i), op.splat(op.loadF64(get(R), 8 * i)))),
      set(END, op.add(get(Y), op.shiftLeft(op.and(get(COUNT), op.i32(-4)), 3))),
      set(LAST, op.add(get(Y), op.shiftLeft(get(COUNT), 3))),
      op.whileBelow(Y, END, [pair(0), pair(1), each((i) => step(row(i), 16)), step(Y, 32)]),
      op.whileBelow(Y, LAST, [op.storeF64(get(Y), one), each((i) => step(row(i), 4)), step(Y, 8)]),
    ],
  };
}

/** y[j] += a[j]^2; a f32, y f64. Parameters: a, count, y. */
const squares: WasmFunction = {
  name: 'squares',
  parameters: 3,
  locals: [
    [2, TYPE.i32],
    [1, TYPE.v128],
  ],
  body: (() => {
    const [A, COUNT, Y, END, LAST, PAIR] = [0, 1, 2, 3, 4, 5];
    const pair = (half: number): Code => [
      set(PAIR, op.loadWide(get(A), 8 * half)),
      op.store(get(Y), op.add2(op.load(get(Y), 16 * half), op.mul2(get(PAIR), get(PAIR))), 16 * half),
    ];
    const one = op.widen(op.loadF32(get(A)));
    return [
      set(END, op.add(get(Y), op.shiftLeft(op.and(get(COUNT), op.i32(-4)), 3))),
      set(LAST, op.add(get(Y), op.shiftLeft(get(COUNT), 3))),
      op.whileBelow(Y, END, [pair(0), pair(1), step(A, 16), step(Y, 32)]),
      op.whileBelow(Y, LAST, [
        op.storeF64(get(Y), op.addF64(op.loadF64(get(Y)), op.mulF64(one, one))),
        step(A, 4),
        step(Y, 8),
      ]),
    ];
  })(),
};

/**
 * out[i][j] = a[i][offset[j] / 4] for some rows at once; a and out f32.
 * Parameters: a, bytes between its rows, offsets (i32, bytes), count, out, bytes between its rows.
 */
function picks(rows: number): WasmFunction {
  const [A, STRIDE, OFFSETS, COUNT, OUT, SPACING] = [0, 1, 2, 3, 4, 5];
  const from = (i: number): number => (i === 0 ? A : 5 + i);
  const to = (i: number): number => (i === 0 ? OUT : 4 + rows + i);
  const [AT, END, LAST] = [4 + 2 * rows, 5 + 2 * rows, 6 + 2 * rows];
  const each = (f: (i: number) => Code): Code => Array.from({ length: rows }, (_, i) => f(i));
  const one = (k: number): Code => [
    set(AT, op.loadI32(get(OFFSETS), 4 * k)),
    each((i) => op.storeF32(get(to(i)), op.loadF32(op.add(get(from(i)), get(AT))), 4 * k)),
  ];
  return {
    name: `picks${rows}`,
    parameters: 6,
    locals: [[2 * (rows - 1) + 3, TYPE.i32]],
    body: [
      Array.from({ length: rows - 1 }, (_, i) => [
        set(from(i + 1), op.add(get(from(i)), get(STRIDE))),
        set(to(i + 1), op.add(get(to(i)), get(SPACING))),
      ]),
      set(END, op.add(get(OFFSETS), op.shiftLeft(op.and(get(COUNT), op.i32(-4)), 2))),
      set(LAST, op.add(get(OFFSETS), op.shiftLeft(get(COUNT), 2))),
      op.whileBelow(OFFSETS, END, [[0, 1, 2, 3].map(one), step(OFFSETS, 16), each((i) => step(to(i), 16))]),
      op.whileBelow(OFFSETS, LAST, [one(0), step(OFFSETS, 4), each((i) => step(to(i), 4))]),
    ],
  };
}

/**
 * One row of a Cholesky factor: row[j] = (row[j] - sum over t < j of row[t] L[j][t]) / L[j][j] for j below count; all f64.
 * Parameters: L, bytes between its rows, row, count.
 */
const eliminate: WasmFunction = {
  name: 'eliminate',
  parameters: 4,
  locals: [
    [5, TYPE.i32],
    [4, TYPE.v128],
  ],
  body: (() => {
    const [L, STRIDE, ROW, COUNT, AT, A, B, STOP, LAST] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
    const sum = (k: number): number => 9 + k;
    const pair = (k: number): Code =>
      set(sum(k), op.add2(get(sum(k)), op.mul2(op.load(get(A), 16 * k), op.load(get(B), 16 * k))));
    const lower = (value: Code): Code => op.storeF64(get(AT), op.subF64(op.loadF64(get(AT)), value));
    const all = op.add2(op.add2(get(sum(0)), get(sum(1))), op.add2(get(sum(2)), get(sum(3))));
    return [
      set(AT, get(ROW)),
      set(LAST, op.add(get(ROW), op.shiftLeft(get(COUNT), 3))),
      op.whileBelow(AT, LAST, [
        [0, 1, 2, 3].map((k) => set(sum(k), op.zero)),
        set(A, get(ROW)),
        set(B, get(L)),
        set(STOP, op.add(get(ROW), op.and(op.sub(get(AT), get(ROW)), op.i32(-64)))),
        op.whileBelow(A, STOP, [[0, 1, 2, 3].map(pair), step(A, 64), step(B, 64)]),
        lower(op.addF64(op.lane(all, 0), op.lane(all, 1))),
        op.whileBelow(A, AT, [lower(op.mulF64(op.loadF64(get(A)), op.loadF64(get(B)))), step(A, 8), step(B, 8)]),
        op.storeF64(get(AT), op.divF64(op.loadF64(get(AT)), op.loadF64(get(B)))),
        set(L, op.add(get(L), get(STRIDE))),
        step(AT, 8),
      ]),
    ];
  })(),
};

/** Rows and columns of the tile that `update` changes; as many sums as the machine keeps in registers. */
export const UPDATED = { rows: 4, columns: 2 } as const;

/**
 * out[i][j] -= sum over t of a[i][t] b[j][t], for 4 rows of a and 2 of b; all f64, all rows equally far apart.
 * Parameters: a, b, bytes between rows, count (even), out.
 */
const update: WasmFunction = {
  name: 'update',
  parameters: 5,
  locals: [
    [6, TYPE.i32],
    [UPDATED.rows * UPDATED.columns + 3, TYPE.v128],
  ],
  body: (() => {
    const [A, B, STRIDE, COUNT, OUT] = [0, 1, 2, 3, 4];
    const row = (i: number): number => (i === 0 ? A : 4 + i);
    const [SECOND, END, TO] = [8, 9, 10];
    const sum = (i: number, j: number): number => 11 + i * UPDATED.columns + j;
    const [X, Y, Z] = [19, 20, 21];
    const rows = [0, 1, 2, 3];
    return [
      rows.slice(1).map((i) => set(row(i), op.add(get(row(i - 1)), get(STRIDE)))),
      set(SECOND, op.add(get(B), get(STRIDE))),
      set(END, op.add(get(A), op.shiftLeft(get(COUNT), 3))),
      op.whileBelow(A, END, [
        set(Y, op.load(get(B))),
        set(Z, op.load(get(SECOND))),
        rows.map((i) => [
          set(X, op.load(get(row(i)))),
          set(sum(i, 0), op.add2(get(sum(i, 0)), op.mul2(get(X), get(Y)))),
          set(sum(i, 1), op.add2(get(sum(i, 1)), op.mul2(get(X), get(Z)))),
        ]),
        [...rows.map(row), B, SECOND].map((address) => step(address, 16)),
      ]),
      set(TO, get(OUT)),
      rows.map((i) => [
        [0, 1].map((j) =>
          op.storeF64(
            get(TO),
            op.subF64(op.loadF64(get(TO), 8 * j), op.addF64(op.lane(get(sum(i, j)), 0), op.lane(get(sum(i, j)), 1))),
            8 * j,
          ),
        ),
        set(TO, op.add(get(TO), get(STRIDE))),
      ]),
    ];
  })(),
};

/** The kernels as a WebAssembly module with 128-bit vectors. */
export function simdModule(): Uint8Array<ArrayBuffer> {
  return assemble([dots(1), dots(4), sums(1), sums(4), squares, picks(1), picks(4), eliminate, update]);
}
