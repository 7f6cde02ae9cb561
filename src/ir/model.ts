import type { DataType } from '../tensor/tensor.ts';

/**
 * What a file said about an object beyond what this representation names (doc strings, metadata, unknown fields):
 * carried along and written back. Only `onnx/` looks inside.
 */
export type Origin = unknown;

/** A constant tensor: elements as little-endian bytes, decoded on demand by `tensorOf`. */
export interface Constant {
  readonly type: DataType;
  readonly dims: readonly number[];
  /** Row-major little-endian elements; int4 packs two a byte; strings instead for type `string`. */
  readonly raw: Uint8Array | readonly string[];
  readonly origin?: Origin;
}

/** A dimension: a number, a symbol, or unknown. */
export type Dimension = number | string | null;

/** The type that a graph declares for a value. `shape: null` = rank unknown; `type: null` = not a tensor, or untyped. */
export interface ValueInfo {
  readonly name: string;
  readonly type: DataType | null;
  readonly shape: readonly Dimension[] | null;
  readonly origin?: Origin;
}

/** An attribute's value, by ONNX kind. Integers beyond 2^53 are bigints. `other`: kinds that are only carried along. */
export type Attribute =
  | { readonly kind: 'float'; readonly value: number; readonly origin?: Origin }
  | { readonly kind: 'int'; readonly value: number | bigint; readonly origin?: Origin }
  | { readonly kind: 'string'; readonly value: string; readonly origin?: Origin }
  | { readonly kind: 'tensor'; readonly value: Constant; readonly origin?: Origin }
  | { readonly kind: 'graph'; readonly value: Graph; readonly origin?: Origin }
  | { readonly kind: 'floats'; readonly value: readonly number[]; readonly origin?: Origin }
  | { readonly kind: 'ints'; readonly value: readonly (number | bigint)[]; readonly origin?: Origin }
  | { readonly kind: 'strings'; readonly value: readonly string[]; readonly origin?: Origin }
  | { readonly kind: 'graphs'; readonly value: readonly Graph[]; readonly origin?: Origin }
  | { readonly kind: 'other'; readonly value: null; readonly origin?: Origin };

/** One operator. An empty input or output name = an optional one left out. */
export interface Node {
  readonly name: string;
  readonly op: string;
  /** '' is ai.onnx. */
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, Attribute>;
  readonly origin?: Origin;
}

/** A graph; nodes in topological order. Values are known by their names. */
export interface Graph {
  readonly name: string;
  readonly nodes: readonly Node[];
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly valueInfo: readonly ValueInfo[];
  readonly constants: ReadonlyMap<string, Constant>;
  readonly origin?: Origin;
}

/** A model: a graph and the operator sets it is written in (domain '' = ai.onnx). */
export interface Model {
  readonly irVersion: number;
  readonly opsets: ReadonlyMap<string, number>;
  readonly producer: string;
  readonly graph: Graph;
  readonly origin?: Origin;
}
