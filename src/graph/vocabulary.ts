import type { AttributeLike } from '../ir/access.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { GraphBuilder, OuterProduct } from './builder.ts';

/** Attributes of an emitted node. */
export type Attributes = Readonly<Record<string, AttributeLike>>;

/** Arguments of Slice. */
export interface Cut {
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  readonly axes: readonly number[];
  readonly steps?: readonly number[];
}

/** Short words for what is emitted all the time, in forms that hold from opset 17 to 24. */
export interface Vocabulary {
  /** Adds a node with one output: inputs by name, attributes last. */
  readonly emit: (op: string, ...args: readonly (string | Attributes)[]) => string;
  /** Says that a value is an outer product in each row, [rows, a, b], and returns it: whoever wants may keep the factors instead. */
  readonly noteOuter: (value: string, outer: OuterProduct) => string;
  /** Adds a node with several outputs. */
  readonly emitAll: (op: string, count: number, ...args: readonly (string | Attributes)[]) => string[];
  /** An int64 vector constant. */
  readonly ints: (values: readonly number[]) => string;
  /** A scalar constant of the model's float type. */
  readonly scalar: (value: number) => string;
  /** A constant of the model's float type. */
  readonly floats: (values: ArrayLike<number>, dims: readonly number[]) => string;
  /** Any constant. */
  readonly constant: (tensor: Tensor) => string;
  readonly zeros: (dims: readonly number[]) => string;
  readonly sum: (value: string, axes: readonly number[], keepdims?: boolean) => string;
  readonly reshape: (value: string, dims: readonly number[]) => string;
  readonly transpose: (value: string, perm: readonly number[]) => string;
  readonly slice: (value: string, cut: Cut) => string;
  /** Pads with zeros; `pads` in ONNX order: begins of all axes, then ends. */
  readonly pad: (value: string, pads: readonly number[]) => string;
  /** Broadcasts to a shape. */
  readonly expand: (value: string, dims: readonly number[]) => string;
  /** What `make` returns, emitted only the first time that this graph is asked for the key. */
  readonly once: <T>(key: string, make: () => T) => T;
}

/** Where a vocabulary writes. */
export interface VocabularyPlace {
  readonly builder: GraphBuilder;
  readonly type: 'float32' | 'float64';
}

/** Builds the emission vocabulary over a graph builder. */
export function vocabulary({ builder, type }: VocabularyPlace): Vocabulary {
  const emitAll = (op: string, count: number, ...args: readonly (string | Attributes)[]): string[] => {
    const inputs = args.filter((a): a is string => typeof a === 'string');
    const values = args.find((a): a is Attributes => typeof a !== 'string');
    return builder.emitAll(op, inputs, count, values);
  };
  const emit = (op: string, ...args: readonly (string | Attributes)[]): string => emitAll(op, 1, ...args)[0] as string;
  const { ints, scalar } = {
    ints: (v: readonly number[]) => builder.ints(v),
    scalar: (v: number) => builder.scalar(v, type),
  };
  return {
    emit,
    emitAll,
    noteOuter: (value, outer) => {
      builder.outers.set(value, outer);
      return value;
    },
    ints,
    scalar,
    floats: (values, dims) =>
      builder.constant({
        type,
        dims,
        data: type === 'float32' ? new Float32Array(values) : new Float64Array(values),
      }),
    constant: (tensor) => builder.constant(tensor),
    zeros: (dims) => emit('Expand', scalar(0), ints(dims)),
    sum: (value, axes, keepdims = false) =>
      axes.length === 0 ? value : emit('ReduceSum', value, ints(axes), { keepdims: keepdims ? 1 : 0 }),
    reshape: (value, dims) => emit('Reshape', value, ints(dims), { allowzero: 1 }),
    transpose: (value, perm) => (perm.every((p, i) => p === i) ? value : emit('Transpose', value, { perm })),
    slice: (value, { starts, ends, axes, steps }: Cut) =>
      steps === undefined
        ? emit('Slice', value, ints(starts), ints(ends), ints(axes))
        : emit('Slice', value, ints(starts), ints(ends), ints(axes), ints(steps)),
    pad: (value, pads) => (pads.every((p) => p === 0) ? value : emit('Pad', value, ints(pads))),
    expand: (value, dims) => emit('Expand', value, ints(dims)),
    once: <T>(key: string, make: () => T): T => {
      if (!builder.made.has(key)) builder.made.set(key, make());
      return builder.made.get(key) as T;
    },
  };
}
