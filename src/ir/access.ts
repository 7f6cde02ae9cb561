import { ShapeError } from '../errors/errors.ts';
import { type DataType, sizeOf, type Tensor, type TensorData } from '../tensor/tensor.ts';
import type { Attribute, Constant, Graph, Node, ValueInfo } from './model.ts';

type NumericArray = Exclude<TensorData, string[]>;
type ArrayClass = {
  new (buffer: ArrayBufferLike, byteOffset?: number, length?: number): NumericArray;
  readonly BYTES_PER_ELEMENT: number;
};

const ARRAYS: Partial<Record<DataType, ArrayClass>> = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
  complex64: Float32Array,
  complex128: Float64Array,
  float8e4m3fn: Uint8Array,
  float8e4m3fnuz: Uint8Array,
  float8e5m2: Uint8Array,
  float8e5m2fnuz: Uint8Array,
  float8e8m0: Uint8Array,
};

/**
 * The elements of a constant as a typed array: a view on its bytes where they are aligned, else a copy.
 *
 * @throws ShapeError if the bytes do not fill the shape, or the type has no array (int4, float4)
 */
export function tensorOf(constant: Constant): Tensor {
  const { type, dims, raw } = constant;
  if (!(raw instanceof Uint8Array)) return { type, dims, data: [...raw] };
  const Class = ARRAYS[type];
  if (Class === undefined) throw new ShapeError(`Cannot read elements of type ${type} one by one`);
  const parts = type.startsWith('complex') ? 2 : 1;
  const count = sizeOf(dims) * parts;
  if (raw.byteLength !== count * Class.BYTES_PER_ELEMENT) {
    throw new ShapeError(
      `Cannot read a ${type} constant of shape [${dims}]: wanted ${count * Class.BYTES_PER_ELEMENT} bytes, got ${raw.byteLength}`,
    );
  }
  const aligned = raw.byteOffset % Class.BYTES_PER_ELEMENT === 0 ? raw : new Uint8Array(raw); // slice() of a Buffer of Node is no copy
  return { type, dims, data: new Class(aligned.buffer, aligned.byteOffset, count) };
}

/** A constant that holds a tensor's elements (shared, not copied). */
export function constantOf(tensor: Tensor): Constant {
  const { type, dims, data } = tensor;
  if (Array.isArray(data)) return { type, dims, raw: data };
  return { type, dims, raw: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
}

/** Attribute of a float; a plain number among `attributes()` means an int. */
export interface FloatMark {
  readonly float: number;
}

/** Marks a number as a float attribute. */
export function float(value: number): FloatMark {
  return { float: value };
}

/** What {@link attributes} accepts: number = int, number[] = ints, `float(x)`, string, constant, ready attribute. */
export type AttributeLike = number | readonly number[] | FloatMark | string | Attribute;

/** Builds a node's attribute map from plain values. */
export function attributes(values: Readonly<Record<string, AttributeLike>>): Map<string, Attribute> {
  const map = new Map<string, Attribute>();
  for (const [name, value] of Object.entries(values)) map.set(name, attribute(value));
  return map;
}

function attribute(value: AttributeLike): Attribute {
  if (typeof value === 'number') return { kind: 'int', value };
  if (typeof value === 'string') return { kind: 'string', value };
  if (isInts(value)) return { kind: 'ints', value };
  if ('float' in value) return { kind: 'float', value: value.float };
  return value;
}

function isInts(value: AttributeLike): value is readonly number[] {
  return Array.isArray(value);
}

/** An operator's name with its domain: `Conv`, `com.microsoft.FusedConv`. */
export function operatorKey({ op, domain }: { readonly op: string; readonly domain?: string }): string {
  return domain ? `${domain}.${op}` : op;
}

/** The entries of some families by the operator that each is for, see {@link operatorKey}. */
export function byOperator<T extends { readonly op: string; readonly domain?: string }>(
  families: Readonly<Record<string, readonly T[]>>,
): ReadonlyMap<string, T> {
  return new Map(
    Object.values(families)
      .flat()
      .map((entry) => [operatorKey(entry), entry]),
  );
}

/** An int attribute as a number, or the fallback where it is absent. */
export function intAttribute(node: Node, name: string, fallback: number): number {
  const found = node.attributes.get(name);
  return found?.kind === 'int' ? Number(found.value) : fallback;
}

/** A float attribute, or the fallback where it is absent. */
export function floatAttribute(node: Node, name: string, fallback: number): number {
  const found = node.attributes.get(name);
  return found?.kind === 'float' ? found.value : fallback;
}

/** A string attribute, or the fallback where it is absent. */
export function stringAttribute(node: Node, name: string, fallback: string): string {
  const found = node.attributes.get(name);
  return found?.kind === 'string' ? found.value : fallback;
}

/** An ints attribute as numbers, or undefined where it is absent. */
export function intsAttribute(node: Node, name: string): number[] | undefined {
  const found = node.attributes.get(name);
  return found?.kind === 'ints' ? found.value.map(Number) : undefined;
}

/** A node of ai.onnx from plain values. */
export function node(
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  values: Readonly<Record<string, AttributeLike>> = {},
  name = '',
): Node {
  return { name, op, domain: '', inputs, outputs, attributes: attributes(values) };
}

/** The graph's inputs that a caller has to feed: those that are not initializers too. */
export function feedsOf(graph: Graph): ValueInfo[] {
  return graph.inputs.filter((input) => !graph.constants.has(input.name));
}
