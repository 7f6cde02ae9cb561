import { EngineError } from '../errors/errors.ts';
import { GraphBuilder } from '../graph/builder.ts';
import type { Model } from '../ir/model.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Engine, Feeds, Held, Session } from './engine.ts';

/** The products of `Linalg` that are worth the way to a device. */
export interface DeviceGram {
  addLowerGram(A: Float32Array, C: Float64Array): Promise<void>;
  readonly addLowerGramOf?: (A: Float32Array, columns: Int32Array, C: Float64Array) => Promise<boolean>;
}

/** Columns in one product: what is summed in f32; the products are added in f64. */
const COLUMNS_AT_ONCE = 8192;
/** What WebGPU promises that one buffer may be bound with. */
const LARGEST_TENSOR = 2 ** 27;
/** Device memory that is kept in all; beyond it the oldest is freed. */
const MOST_BYTES = 2 ** 31;

/**
 * Gram matrices on an engine's device, in f32. Where the engine keeps tensors there, A goes once and its columns are picked there;
 * else columns that were picked on the processor go each time.
 *
 * Cost: n^2 w there; the way there of 4 n w bytes (once where it is kept), and of 4 n^2 back for every 8,192 columns.
 */
export function deviceGram(engine: Engine): DeviceGram {
  const open = lazily((model: () => Model) => engine.createSession(model()));
  const product = async (session: Promise<Session>, feeds: Feeds, C: Float64Array): Promise<void> => {
    const { data } = (await (await session).run(feeds)).get('K') as Tensor<Float32Array>;
    const n = Math.round(Math.sqrt(C.length));
    for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) (C[i * n + j] as number) += data[i * n + j] as number;
  };
  const addLowerGram: DeviceGram['addLowerGram'] = (A, C) => {
    const n = Math.round(Math.sqrt(C.length));
    return product(open(gramOfAll), new Map([['A', matrix(A, n)]]), C);
  };
  const hold = engine.hold?.bind(engine);
  if (hold === undefined) return { addLowerGram };
  const kept = keeper(hold);
  return {
    addLowerGram,
    addLowerGramOf: async (A, columns, C) => {
      const held = await kept(A, Math.round(Math.sqrt(C.length)));
      if (held === null) return false;
      for (let from = 0; from < columns.length; from += COLUMNS_AT_ONCE) {
        const data = columns.slice(from, from + COLUMNS_AT_ONCE);
        const feeds: Feeds = new Map<string, Tensor | Held>([
          ['A', held],
          ['S', { type: 'int32', dims: [data.length], data }],
        ]);
        await product(open(gramOfPicked), feeds, C);
      }
      return true;
    },
  };
}

/** Makes each thing once. */
function lazily<K, V>(make: (key: K) => V): (key: K) => V {
  const made = new Map<K, V>();
  return (key) => {
    const value = made.get(key) ?? make(key);
    made.set(key, value);
    return value;
  };
}

/** Matrices on the device, by the array that they were taken from; the oldest go first. null = too large. */
function keeper(hold: (tensor: Tensor) => Promise<Held>): (A: Float32Array, n: number) => Promise<Held | null> {
  const there = new WeakMap<Float32Array, Held>();
  const order: { readonly held: Held; readonly bytes: number }[] = [];
  return async (A, n) => {
    const known = there.get(A);
    if (known !== undefined && order.some(({ held }) => held === known)) return known;
    if (A.byteLength > LARGEST_TENSOR) return null;
    const total = (): number => order.reduce((sum, { bytes }) => sum + bytes, 0);
    while (order.length > 0 && total() + A.byteLength > MOST_BYTES) order.shift()?.held.release();
    try {
      const held = await hold(matrix(A, n));
      there.set(A, held);
      order.push({ held, bytes: A.byteLength });
      return held;
    } catch (thrown) {
      if (thrown instanceof EngineError) return null;
      throw thrown;
    }
  };
}

function matrix(data: Float32Array, n: number): Tensor {
  return { type: 'float32', dims: [n, data.length / n], data };
}

/** K = A A'. */
function gramOfAll(): Model {
  const builder = new GraphBuilder();
  const A = builder.input({ name: 'A', type: 'float32', shape: [null, null] });
  builder.output(builder.emit('Gemm', [A, A], { transB: 1 }), 'K');
  return builder.build();
}

/** K = A_S A_S', S by column numbers. */
function gramOfPicked(): Model {
  const builder = new GraphBuilder();
  const A = builder.input({ name: 'A', type: 'float32', shape: [null, null] });
  const S = builder.input({ name: 'S', type: 'int32', shape: [null] });
  const picked = builder.emit('Gather', [A, S], { axis: 1 });
  builder.output(builder.emit('Gemm', [picked, picked], { transB: 1 }), 'K');
  return builder.build();
}
