import { type AttributeLike, attributes } from '../../../ir/access.ts';
import type { Attribute, Node } from '../../../ir/model.ts';
import { type DataType, int64 } from '../../../tensor/tensor.ts';
import type { GraphBuilder } from '../../builder.ts';
import type { KnownValues } from './known-values.ts';

/** How one operator's old form becomes the form of opset 17. */
export interface Adapter {
  readonly op: string;
  /** The first opset whose form needs no rewriting. */
  readonly before: number;
  /** Emits the node in its new form, or returns a sentence that says why it cannot. */
  readonly lift: (node: Node, lifting: Lifting) => string | undefined;
}

/** What adapters read and write while a model is lifted. */
export interface Lifting {
  /** The ai.onnx opset of the model that is lifted. */
  readonly opset: number;
  /** New nodes and constants go here. */
  readonly builder: GraphBuilder;
  readonly known: KnownValues;
  /** Whether any node or graph output reads this value. */
  readonly isRead: (value: string) => boolean;
}

/** Emits a node with some of its parts replaced; its name, and what its file said besides, stay. */
export function keep({ builder }: Lifting, node: Node, changes: Partial<Node> = {}): undefined {
  builder.nodes.push({ ...node, ...changes });
}

/** A node's attributes without the named ones, plus others. */
export function without(
  node: Node,
  names: readonly string[],
  added: Readonly<Record<string, AttributeLike>> = {},
): Map<string, Attribute> {
  const left = [...node.attributes].filter(([name]) => !names.includes(name));
  return new Map([...left, ...attributes(added)]);
}

/** An ints attribute, bigints where they are (INT64_MAX as "to the end"), or undefined. */
export function exactInts(node: Node, name: string): readonly (number | bigint)[] | undefined {
  const found = node.attributes.get(name);
  return found?.kind === 'ints' ? found.value : undefined;
}

/** A floats attribute, or undefined. */
export function floatsAttribute(node: Node, name: string): readonly number[] | undefined {
  const found = node.attributes.get(name);
  return found?.kind === 'floats' ? found.value : undefined;
}

/** A one-dimensional int64 constant; exact beyond 2^53. */
export function exactConstant({ builder }: Lifting, values: readonly (number | bigint)[]): string {
  const small = values.every((value) => typeof value === 'number');
  return small ? builder.ints(values as readonly number[]) : builder.constant(int64(values), 'ints');
}

/** A float constant in the element type of another value; a CastLike is emitted where that type is not plain. */
export function floatLike(
  { builder, known }: Lifting,
  value: string,
  data: readonly number[],
  dims: readonly number[] = [],
): string {
  const type: DataType | undefined = known.type(value) ?? known.usualFloat;
  if (type === 'float64') return builder.constant({ type, dims, data: Float64Array.from(data) }, 'scalar');
  const plain =
    dims.length === 0
      ? builder.scalar(data[0] as number)
      : builder.constant({ type: 'float32', dims, data: Float32Array.from(data) }, 'vector');
  return type === 'float32' ? plain : builder.emit('CastLike', [plain, value]);
}

/** Inputs up to a position, filled with "left out", then the value there. */
export function withInput(inputs: readonly string[], position: number, value: string): string[] {
  const filled = [...inputs];
  while (filled.length < position) filled.push('');
  filled[position] = value;
  return filled;
}

/** Appends dimensions of one to a value: [C] -> [C, 1, 1]. A rewritten constant keeps its name, so weights stay weights. */
export function appendOnes({ builder }: Lifting, value: string, rank: number, count: number): string {
  return count === 0
    ? value
    : builder.emit('Unsqueeze', [value, builder.ints(Array.from({ length: count }, (_, i) => rank + i))]);
}
