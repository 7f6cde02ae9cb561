import { GraphBuilder } from '../graph/builder.ts';
import type { DataType, Tensor } from '../tensor/tensor.ts';
import { deviceGram } from './device-gram.ts';
import type { Engine, Session, SessionOptions } from './engine.ts';
import { kernels } from './kernels/kernels.ts';

/**
 * Dense linear algebra: what the runtime is best at as graphs of one or a few operators with free shapes, the rest by
 * {@link kernels}. Inputs are read in place. Matrices are row-major. Results do not depend on the number of threads.
 */
export interface Linalg {
  /** A' r: [w]. A: [n, w] f32, r: [n] f32; f32 throughout. One thread: a second one would wait busily while Q is added up. Cost: A read once. */
  transposedMatVec(A: Float32Array, r: Float32Array): Promise<Float32Array>;
  /** Adds A A' to the lower half of C: [n, n] f64. A: [n, w] f32, products and sums over w in f32. Cost: 3/4 n^2 w. */
  addLowerGram(A: Float32Array, C: Float64Array): Promise<void>;
  /**
   * Adds A_S A_S' to the lower half of C: [n, n] f64, for columns S of A: [n, w] f32, products and sums of blocks in f32. A is
   * taken to the engine's device once and picked from there. Absent where the engine keeps nothing on a device.
   *
   * @returns false, and C as it was, if A is too large for the device
   */
  readonly addLowerGramOf?: (A: Float32Array, columns: Int32Array, C: Float64Array) => Promise<boolean>;
  /** A A' + C: [n, n] f64. A: [n, w] f32, products and sums in f64. Cost: n^2 w. */
  addGram(A: Float32Array, C: Float64Array): Promise<Float64Array>;
  /** A' A: [w, w] f64. A: [n, w] f32, products and sums in f64. Cost: n w^2. */
  innerGram(A: Float32Array, n: number): Promise<Float64Array>;
  /** Squared norms of the columns of B A: [w]. B: [n, n] f64, A: [n, w] f32; f64 throughout. Cost: n^2 w. */
  columnNorms(B: Float64Array, A: Float32Array): Promise<Float64Array>;
  /** A_g B_g for each group g: [groups, rows, v] f32. A: [groups, rows, w], B: [groups, w, v], all f32. Cost: groups x rows x w x v. */
  products(A: Float32Array, B: Float32Array, shape: { groups: number; rows: number }): Promise<Float32Array>;
  /** (W + P X') where S is 1, else 0: [rows, w] f32. W, S: [rows, w], P: [rows, n], X: [w, n]. Cost: rows x w x n. */
  maskedSum(W: Float32Array, factors: Factors, S: Uint8Array): Promise<Float32Array>;
  /** (P X' where S is 1, else 0) X: [rows, n] f32. S: [rows, w], P: [rows, n], X: [w, n]. Cost: 2 x rows x w x n; memory rows x w. */
  maskedNormal(factors: Factors, S: Uint8Array): Promise<Float32Array>;
  /** y += A x. A: [n, w] f32, x: [w] f64, y: [n], products and sums in f64. Cost: A read once, on the caller's thread, nothing copied. */
  addProduct64(A: Float32Array, x: Float64Array, y: Float64Array): void;
  /** A' r: [w] f64. A: [n, w] f32, r: [n] f64, products and sums in f64. Cost: as addProduct64. */
  transposedProduct64(A: Float32Array, r: Float64Array): Float64Array;
}

/** P: [rows, n] and X: [w, n], of P X'. */
export interface Factors {
  readonly P: Float32Array;
  readonly X: Float32Array;
}

const FLOAT64 = 11;

/** Columns of a share of a product below which the runtime adds up in other runs. */
const FEW_COLUMNS = 80;
/** Products of fewer columns than this, and more columns than rows, are computed the other way round. */
const TURNED_BELOW = 16 * FEW_COLUMNS;

/** A product of [rows, ...] by [..., columns], as often as there are groups. */
interface ProductShape {
  readonly groups?: number;
  readonly rows: number;
  readonly columns: number;
}

/**
 * Whether the runtime would add up in an order that depends on its threads. It parts the longer side of a product among them, and parts of few
 * columns, or of one row, go by other loops.
 */
function dependsOnThreads({ groups = 1, rows, columns }: ProductShape, threads: number): boolean {
  const each = Math.ceil(threads / groups);
  if (each === 1) return false;
  return columns > rows ? columns < FEW_COLUMNS * each : rows < 2 * each;
}

/** Whether a product is computed as the transposed one: then it is the rows of that which threads part. */
function isTurned({ groups = 1, rows, columns }: ProductShape): boolean {
  return groups === 1 && columns > rows && columns < TURNED_BELOW;
}
/** Groups of rows that a Gram matrix is put together from: those above the diagonal are left out. */
const GROUPS = 2;
/** Fewer rows are not parted. */
const FEWEST_ROWS = 64;

const OPENED = new WeakMap<Engine, Map<number | undefined, Linalg>>();

/**
 * The algebra of an engine. Graphs are opened when first used and kept as long as the engine: a session holds threads, and
 * a run in stages would open them again at each.
 *
 * Of an engine on another device only the Gram matrices in f32 are computed there: all else reads A once, or is in f64, and stays
 * on the processor.
 */
export function linalg(engine: Engine, threads?: number): Linalg {
  const opened = OPENED.get(engine) ?? new Map<number | undefined, Linalg>();
  OPENED.set(engine, opened);
  const algebra =
    opened.get(threads) ??
    (engine.host === undefined
      ? openAlgebra(engine, threads)
      : { ...linalg(engine.host, threads), ...deviceGram(engine) });
  opened.set(threads, algebra);
  return algebra;
}

function openAlgebra(engine: Engine, threads: number | undefined): Linalg {
  const sessions = new Map<string, Promise<Session>>();
  const graph = (
    name: string,
    inputs: readonly [string, DataType, number][],
    body: (b: GraphBuilder, names: string[]) => string | string[],
    ownThreads = threads,
    optimization: SessionOptions['optimization'] = 'all',
  ): Promise<Session> => {
    const known = sessions.get(name);
    if (known !== undefined) return known;
    const builder = new GraphBuilder();
    const names = inputs.map(([input, type, rank]) =>
      builder.input({ name: input, type, shape: Array.from({ length: rank }, () => null) }),
    );
    const results = [body(builder, names)].flat();
    results.forEach((value, i) => {
      const output = results.length === 1 ? 'result' : `result${i}`;
      builder.nodes.push({
        name: '',
        op: 'Identity',
        domain: '',
        inputs: [value],
        outputs: [output],
        attributes: new Map(),
      });
      builder.outputs.push({ name: output, type: null, shape: null });
    });
    const made = engine.createSession(builder.build(), {
      optimization,
      ...(ownThreads !== undefined && { threads: ownThreads }),
    });
    sessions.set(name, made);
    return made;
  };
  const call = async <D extends Tensor['data']>(
    session: Promise<Session>,
    feeds: Record<string, Tensor>,
  ): Promise<D> => {
    const outputs = await (await session).run(new Map(Object.entries(feeds)));
    return (outputs.get('result') as Tensor).data as D;
  };
  /** Threads for products of these shapes: one, where their results would depend on how many there are. */
  const steady = (shapes: readonly ProductShape[]): { alone: boolean; name: string } => {
    const alone = shapes.some((shape) => dependsOnThreads(shape, threads ?? engine.cores));
    return { alone, name: alone ? ' by one thread' : '' };
  };
  const matrix = (data: Float32Array, n: number): Tensor => ({ type: 'float32', dims: [n, data.length / n], data });
  const wide = (b: GraphBuilder, value: string): string => b.emit('Cast', [value], { to: FLOAT64 });
  const binary = (
    name: string,
    types: readonly [[string, DataType, number], [string, DataType, number]],
    body: (b: GraphBuilder, x: string, y: string) => string,
    ownThreads = threads,
    optimization: SessionOptions['optimization'] = 'all',
  ): Promise<Session> => {
    const both = (b: GraphBuilder, names: string[]): string => body(b, names[0] as string, names[1] as string);
    return graph(name, types, both, ownThreads, optimization);
  };

  const turnedProduct = (A: Float32Array, B: Float32Array, { rows, columns }: ProductShape): Promise<Float32Array> => {
    const { alone, name } = steady([{ rows: columns, columns: rows }]);
    const session = binary(
      `turnedProduct${name}`,
      [
        ['A', 'float32', 2],
        ['B', 'float32', 2],
      ],
      emitTurned,
      alone ? 1 : threads,
      'none', // the runtime would turn it back
    );
    return call(session, { A: matrix(A, rows), B: matrix(B, A.length / rows) });
  };

  return {
    transposedMatVec: (A, r) =>
      call(
        graph('transposedMatVec', VECTOR_AND_MATRIX, (b, [r, A]) => b.emit('MatMul', [r as string, A as string]), 1),
        { x: matrix(r, 1), A: matrix(A, r.length) },
      ),
    addLowerGram: async (A, C) => {
      const n = Math.round(Math.sqrt(C.length));
      const groups = rowGroups(n);
      const session = graph(
        `lowerGram${groups.length}`,
        groups.map((_, i) => [`A${i}`, 'float32', 2]),
        (b, names) => pairsBelow(names).map(([x, y]) => b.emit('Gemm', [x, y], { transB: 1 })),
      );
      const width = A.length / n;
      const parts = groups.map(({ first, count }) => A.subarray(first * width, (first + count) * width));
      const feeds = new Map(parts.map((part, i) => [`A${i}`, matrix(part, part.length / width)]));
      const outputs = await (await session).run(feeds);
      pairsBelow(groups).forEach(([rows, columns], i, { length }) => {
        const product = outputs.get(length === 1 ? 'result' : `result${i}`) as Tensor<Float32Array>;
        addBlock(C, n, { rows, columns, data: product.data });
      });
    },
    addGram: (A, C) => {
      const n = Math.round(Math.sqrt(C.length));
      const session = binary(
        'addGram',
        [
          ['A', 'float32', 2],
          ['C', 'float64', 2],
        ],
        (b, A, C) => {
          const D = wide(b, A);
          return b.emit('Gemm', [D, D, C], { transB: 1 });
        },
      );
      return call(session, { A: matrix(A, n), C: { type: 'float64', dims: [n, n], data: C } });
    },
    innerGram: (A, n) => {
      const session = graph('innerGram', [['A', 'float32', 2]], (b, [A]) => {
        const D = wide(b, A as string);
        return b.emit('Gemm', [D, D], { transA: 1 });
      });
      return call(session, { A: matrix(A, n) });
    },
    columnNorms: (B, A) => {
      const n = Math.round(Math.sqrt(B.length));
      const { alone, name } = steady([{ rows: n, columns: A.length / n }]);
      const session = binary(
        `columnNorms${name}`,
        [
          ['B', 'float64', 2],
          ['A', 'float32', 2],
        ],
        (b, B, A) => {
          const product = b.emit('MatMul', [B, wide(b, A)]);
          return b.emit('ReduceSum', [b.emit('Mul', [product, product]), b.ints([0])], { keepdims: 0 });
        },
        alone ? 1 : threads,
      );
      return call(session, { B: { type: 'float64', dims: [n, n], data: B }, A: matrix(A, n) });
    },
    products: (A, B, { groups, rows }) => {
      const width = A.length / groups / rows;
      const shape = { groups, rows, columns: B.length / groups / width };
      if (isTurned(shape)) return turnedProduct(A, B, shape);
      const { alone, name } = steady([shape]);
      const session = binary(
        `products${name}`,
        [
          ['A', 'float32', 3],
          ['B', 'float32', 3],
        ],
        (b, A, B) => b.emit('MatMul', [A, B]),
        alone ? 1 : threads,
      );
      return call(session, {
        A: { type: 'float32', dims: [groups, rows, width], data: A },
        B: { type: 'float32', dims: [groups, width, shape.columns], data: B },
      });
    },
    maskedSum: (W, { P, X }, S) => {
      const rows = rowsOf(S, { P, X });
      const { alone, name } = steady([{ rows, columns: S.length / rows }]);
      const session = graph(
        `maskedSum${name}`,
        [...MASKED, ['W', 'float32', 2]],
        (b, [P, X, S, W] = []) =>
          masked(b, S as string, b.emit('Gemm', [P as string, X as string, W as string], { transB: 1 })),
        alone ? 1 : threads,
      );
      return call(session, { ...maskedFeeds({ P, X }, S, rows), W: matrix(W, rows) });
    },
    maskedNormal: ({ P, X }, S) => {
      const rows = rowsOf(S, { P, X });
      const back = { rows, columns: P.length / rows };
      const turned = isTurned(back);
      const there = { rows, columns: S.length / rows };
      const { alone, name } = steady([there, turned ? { rows: back.columns, columns: rows } : back]);
      const session = graph(
        `maskedNormal${turned ? ' turned' : ''}${name}`,
        MASKED,
        (b, [P = '', X = '', S = ''] = []) => {
          const Z = masked(b, S, b.emit('Gemm', [P, X], { transB: 1 }));
          return turned ? emitTurned(b, Z, X) : b.emit('MatMul', [Z, X]);
        },
        alone ? 1 : threads,
        turned ? 'none' : 'all',
      );
      return call(session, maskedFeeds({ P, X }, S, rows));
    },
    addProduct64: (A, x, y) => kernels.addProduct(A, x, y),
    transposedProduct64: (A, r) => {
      const y = new Float64Array(r.length === 0 ? 0 : A.length / r.length);
      kernels.addTransposedProduct(A, r, y);
      return y;
    },
  };
}

const MASKED: readonly [string, DataType, number][] = [
  ['P', 'float32', 2],
  ['X', 'float32', 2],
  ['S', 'bool', 2],
];

function masked(b: GraphBuilder, S: string, value: string): string {
  return b.emit('Where', [S, value, b.scalar(0)]);
}

/** A B as (B' A')'. */
function emitTurned(b: GraphBuilder, A: string, B: string): string {
  return b.emit('Transpose', [b.emit('Gemm', [B, A], { transA: 1, transB: 1 })], { perm: [1, 0] });
}

/** Rows of S: [rows, w] with P: [rows, n] and X: [w, n]: rows^2 = |P| |S| / |X|. */
function rowsOf(S: Uint8Array, { P, X }: Factors): number {
  return Math.round(Math.sqrt((P.length / X.length) * S.length));
}

function maskedFeeds({ P, X }: Factors, S: Uint8Array, rows: number): Record<'P' | 'X' | 'S', Tensor> {
  const width = S.length / rows;
  return {
    P: { type: 'float32', dims: [rows, P.length / rows], data: P },
    X: { type: 'float32', dims: [width, X.length / width], data: X },
    S: { type: 'bool', dims: [rows, width], data: S },
  };
}

const VECTOR_AND_MATRIX: readonly [string, DataType, number][] = [
  ['x', 'float32', 2],
  ['A', 'float32', 2],
];

interface RowGroup {
  readonly first: number;
  readonly count: number;
}

/** Runs of rows of about equal length. */
function rowGroups(n: number): RowGroup[] {
  const groups = n < FEWEST_ROWS ? 1 : GROUPS;
  const edge = (i: number): number => Math.floor((i * n) / groups);
  return Array.from({ length: groups }, (_, i) => ({ first: edge(i), count: edge(i + 1) - edge(i) }));
}

/** Every item with itself and those before it. */
function pairsBelow<T>(items: readonly T[]): [T, T][] {
  return items.flatMap((item, i) => items.slice(0, i + 1).map((other): [T, T] => [item, other]));
}

function addBlock(
  C: Float64Array,
  n: number,
  { rows, columns, data }: { rows: RowGroup; columns: RowGroup; data: Float32Array },
): void {
  for (let i = 0; i < rows.count; i++) {
    const to = (rows.first + i) * n + columns.first;
    for (let j = 0; j < columns.count; j++) (C[to + j] as number) += data[i * columns.count + j] as number;
  }
}
