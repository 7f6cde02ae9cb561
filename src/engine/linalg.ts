import { GraphBuilder } from '../graph/builder.ts';
import type { DataType, Tensor } from '../tensor/tensor.ts';
import type { Engine, Session } from './engine.ts';

/**
 * Dense linear algebra on the runtime: each operation is a graph of one or a few operators with free shapes.
 * Inputs are read in place. Matrices are row-major.
 */
export interface Linalg {
  /** A x: [n]. A: [n, w] f32, x: [w] f32. Cost: A read once. */
  matVec(A: Float32Array, x: Float32Array): Promise<Float32Array>;
  /** A' r: [w]. A: [n, w] f32, r: [n] f32. Cost: A read once. */
  transposedMatVec(A: Float32Array, r: Float32Array): Promise<Float32Array>;
  /** A A' + C: [n, n] f64. A: [n, w] f32, products and sums in f64. Cost: n^2 w. */
  addGram(A: Float32Array, C: Float64Array): Promise<Float64Array>;
  /** A' A: [w, w] f64. A: [n, w] f32, products and sums in f64. Cost: n w^2. */
  innerGram(A: Float32Array, n: number): Promise<Float64Array>;
  /** Squared norms of the columns of B A: [w]. B: [n, n] f64, A: [n, w] f32; f64 throughout. Cost: n^2 w. */
  columnNorms(B: Float64Array, A: Float32Array): Promise<Float64Array>;
  /** A x: [n] f64. A: [n, w] f32, x: [w] f64, products and sums in f64. Cost: A read once, on one thread, nothing copied. */
  matVec64(A: Float32Array, x: Float64Array): Promise<Float64Array>;
  /** A' r: [w] f64. A: [n, w] f32, r: [n] f64, products and sums in f64. Cost: as matVec64. */
  transposedMatVec64(A: Float32Array, r: Float64Array): Promise<Float64Array>;
}

const FLOAT64 = 11;

const OPENED = new WeakMap<Engine, Map<number | undefined, Linalg>>();

/**
 * The algebra of an engine. Graphs are opened when first used and kept as long as the engine: a session holds threads, and
 * a run in stages would open them again at each.
 */
export function linalg(engine: Engine, threads?: number): Linalg {
  const opened = OPENED.get(engine) ?? new Map<number | undefined, Linalg>();
  OPENED.set(engine, opened);
  const algebra = opened.get(threads) ?? openAlgebra(engine, threads);
  opened.set(threads, algebra);
  return algebra;
}

function openAlgebra(engine: Engine, threads: number | undefined): Linalg {
  const sessions = new Map<string, Promise<Session>>();
  const graph = (
    name: string,
    inputs: readonly [string, DataType, number][],
    body: (b: GraphBuilder, names: string[]) => string,
  ): Promise<Session> => {
    const known = sessions.get(name);
    if (known !== undefined) return known;
    const builder = new GraphBuilder();
    const names = inputs.map(([input, type, rank]) =>
      builder.input({ name: input, type, shape: Array.from({ length: rank }, () => null) }),
    );
    const result = body(builder, names);
    builder.nodes.push({
      name: '',
      op: 'Identity',
      domain: '',
      inputs: [result],
      outputs: ['result'],
      attributes: new Map(),
    });
    builder.outputs.push({ name: 'result', type: null, shape: null });
    const made = engine.createSession(builder.build(), threads === undefined ? {} : { threads });
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
  const matrix = (data: Float32Array, n: number): Tensor => ({ type: 'float32', dims: [n, data.length / n], data });
  const wide = (b: GraphBuilder, value: string): string => b.emit('Cast', [value], { to: FLOAT64 });
  const binary = (
    name: string,
    types: readonly [[string, DataType, number], [string, DataType, number]],
    body: (b: GraphBuilder, x: string, y: string) => string,
  ): Promise<Session> => graph(name, types, (b, names) => body(b, names[0] as string, names[1] as string));

  return {
    matVec: (A, x) =>
      call(
        binary(
          'matVec',
          [
            ['A', 'float32', 2],
            ['x', 'float32', 1],
          ],
          (b, A, x) => b.emit('MatMul', [A, x]),
        ),
        { A: matrix(A, A.length / x.length), x: vector(x) },
      ),
    transposedMatVec: (A, r) =>
      call(
        binary(
          'transposedMatVec',
          [
            ['A', 'float32', 2],
            ['r', 'float32', 1],
          ],
          (b, A, r) => b.emit('MatMul', [r, A]),
        ),
        { A: matrix(A, r.length), r: vector(r) },
      ),
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
      const session = binary(
        'columnNorms',
        [
          ['B', 'float64', 2],
          ['A', 'float32', 2],
        ],
        (b, B, A) => {
          const product = b.emit('MatMul', [B, wide(b, A)]);
          return b.emit('ReduceSum', [b.emit('Mul', [product, product]), b.ints([0])], { keepdims: 0 });
        },
      );
      return call(session, { B: { type: 'float64', dims: [n, n], data: B }, A: matrix(A, n) });
    },
    matVec64: async (A, x) => product64(A, x),
    transposedMatVec64: async (A, r) => transposedProduct64(A, r),
  };
}

function vector(data: Float32Array): Tensor {
  return { type: 'float32', dims: [data.length], data };
}

/** A plain loop: to widen A for the runtime would write it once more, in twice the bytes. */
function product64(A: Float32Array, x: Float64Array): Float64Array {
  const width = x.length;
  const y = new Float64Array(width === 0 ? 0 : A.length / width);
  for (let i = 0; i < y.length; i++) {
    const row = i * width;
    let [s0, s1, s2, s3] = [0, 0, 0, 0];
    let j = 0;
    for (; j + 3 < width; j += 4) {
      s0 += (A[row + j] as number) * (x[j] as number);
      s1 += (A[row + j + 1] as number) * (x[j + 1] as number);
      s2 += (A[row + j + 2] as number) * (x[j + 2] as number);
      s3 += (A[row + j + 3] as number) * (x[j + 3] as number);
    }
    for (; j < width; j++) s0 += (A[row + j] as number) * (x[j] as number);
    y[i] = s0 + s1 + (s2 + s3);
  }
  return y;
}

function transposedProduct64(A: Float32Array, r: Float64Array): Float64Array {
  const width = r.length === 0 ? 0 : A.length / r.length;
  const y = new Float64Array(width);
  for (let i = 0; i < r.length; i++) {
    const row = i * width;
    const factor = r[i] as number;
    for (let j = 0; j < width; j++) (y[j] as number) += factor * (A[row + j] as number);
  }
  return y;
}
