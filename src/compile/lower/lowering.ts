import type { Captured } from '../../graph/captured.ts';
import { tensorOf } from '../../ir/access.ts';
import type { Constant, Graph, Node } from '../../ir/model.ts';
import { filled } from '../../tensor/filled.ts';
import { halvesAsNumbers } from '../../tensor/half.ts';
import { sizeOf, type Tensor } from '../../tensor/tensor.ts';
import type { Element } from '../expression/element.ts';
import { type Expression, number } from '../expression/expression.ts';
import { broadcast, type Operation, type Value } from '../operation.ts';

/** Why a node cannot be compiled; the node is named by whoever catches it. */
export class NotCovered extends Error {}

/** How one operator becomes operations. */
export interface OperatorLowering {
  readonly op: string;
  readonly domain?: string;
  /** @throws NotCovered with the reason */
  lower(node: Node, to: Lowering): void;
}

/** The element in memory for an ONNX type. */
export function elementOf(type: string): Element {
  if (type === 'float32') return 'f32';
  if (/^(u?int(8|16|32|64)|bool)$/.test(type)) return 'i32';
  throw new NotCovered(`values must be float32, whole numbers or booleans, current type is ${type}`);
}

/** The graph while it is lowered: values by their names, operations in order. */
export class Lowering {
  readonly operations: Operation[] = [];
  readonly #values = new Map<string, Value>();
  readonly #constants: ReadonlyMap<string, Constant>;
  readonly #captured: Captured;
  readonly #uses = new Map<string, number>();
  #count = 0;

  constructor(graph: Graph, captured: Captured) {
    this.#constants = graph.constants;
    this.#captured = captured;
    const note = (name: string): unknown => this.#uses.set(name, (this.#uses.get(name) ?? 0) + 1);
    for (const node of graph.nodes) node.inputs.forEach(note);
    for (const { name } of graph.outputs) note(name);
  }

  /** Times that a value is read, by nodes or as an output. */
  uses(name: string): number {
    return this.#uses.get(name) ?? 0;
  }

  /** Whether an input is given. */
  has(node: Node, input: number): boolean {
    return (node.inputs[input] ?? '') !== '';
  }

  /** The constant tensor of an input; undefined where it is computed. */
  constant(node: Node, input: number): Tensor | undefined {
    const found = this.#constants.get(node.inputs[input] ?? '');
    return found === undefined ? undefined : tensorOf(found);
  }

  /** A constant input in f32. @throws NotCovered if it is computed */
  floats(node: Node, input: number, what: string): { readonly dims: readonly number[]; readonly data: Float32Array } {
    const found = this.constant(node, input);
    if (found === undefined) throw new NotCovered(`${what} must be constant`);
    return { dims: found.dims, data: floatData(found) };
  }

  /** A constant input as whole numbers; undefined where it is left out. @throws NotCovered if it is computed */
  ints(node: Node, input: number, what: string): number[] | undefined {
    if (!this.has(node, input)) return undefined;
    const found = this.constant(node, input);
    if (found === undefined || Array.isArray(found.data)) throw new NotCovered(`${what} must be constant`);
    const { data } = found;
    return Array.from({ length: data.length }, (_, i) => Number(data[i]));
  }

  /** The shape of a name. */
  dims(name: string): readonly number[] {
    const dims = this.#constants.get(name)?.dims ?? this.#captured.get(name)?.dims ?? this.#values.get(name)?.dims;
    if (dims === undefined) throw new NotCovered(`the shape of "${name}" is not known`);
    return dims;
  }

  /** The value of a name, computed or constant. */
  value(name: string): Value {
    const known = this.#values.get(name) ?? this.#constantValue(name);
    this.#values.set(name, known);
    return known;
  }

  /** The value of an input. */
  input(node: Node, input: number): Value {
    return this.value(node.inputs[input] ?? '');
  }

  #constantValue(name: string): Value {
    const constant = this.#constants.get(name);
    if (constant === undefined) throw new NotCovered(`the value "${name}" is not computed by anything that is covered`);
    const tensor = tensorOf(constant);
    return constantValue(name, tensor);
  }

  /** Gives a name to a value. */
  define(name: string, value: Value): void {
    this.#values.set(name, value);
  }

  /** A value for the output of a node, shape and type as they were when the model ran. */
  output(node: Node, output = 0): Value {
    const name = node.outputs[output] ?? '';
    const captured = this.#captured.get(name);
    if (captured === undefined) throw new NotCovered(`the shape of its output "${name}" is not known`);
    if (sizeOf(captured.dims) === 0) throw new NotCovered(`its output "${name}" is empty`);
    const value: Value = { name, element: elementOf(captured.type), dims: captured.dims };
    this.#values.set(name, value);
    return value;
  }

  /** A value between operations of one node. */
  fresh(stem: string, dims: readonly number[], element: Element = 'f32'): Value {
    return { name: `${stem}~${++this.#count}`, element, dims };
  }

  /** A constant of the compiler's own. */
  made(stem: string, dims: readonly number[], data: Float32Array | Int32Array): Value {
    const element = data instanceof Float32Array ? 'f32' : 'i32';
    return { name: `${stem}~${++this.#count}`, element, dims, constant: data };
  }

  emit(operation: Operation): void {
    this.operations.push(operation);
  }

  /** The operation that made a value, if it is one of those emitted. */
  maker(value: Value): Operation | undefined {
    return this.operations.find(({ out }) => out === value);
  }

  /** Puts an operation in the place of another. */
  replace(old: Operation, now: Operation): void {
    this.operations[this.operations.indexOf(old)] = now;
  }

  /** out = expression of operands, by the rule of broadcasting. */
  map(node: Node, out: Value, operands: readonly Value[], expression: Expression): void {
    const reads = operands.map((value) => broadcast(value, out.dims));
    this.emit({ kind: 'map', node: labelOf(node), out, reads, expression });
  }

  /** The same elements under other dimensions. */
  reshape(node: Node, x: Value, dims: readonly number[], out = this.fresh(x.name, dims, x.element)): Value {
    this.emit({ kind: 'alias', node: labelOf(node), out, x, how: { kind: 'reshape' } });
    return out;
  }

  /** Axes of the result in terms of those of x; null = a new one, along which elements repeat. */
  axes(node: Node, x: Value, axes: readonly (number | null)[], out: Value): Value {
    this.emit({ kind: 'alias', node: labelOf(node), out, x, how: { kind: 'axes', axes } });
    return out;
  }
}

/** What a node is called in listings and errors. */
export function labelOf(node: Node): string {
  return node.name || (node.outputs[0] ?? '');
}

/** A tensor's numbers in f32. */
export function floatData(tensor: Tensor): Float32Array {
  const { data } = tensor;
  if (data instanceof Float32Array) return data;
  if (Array.isArray(data)) throw new NotCovered('strings are not covered');
  return halvesAsNumbers(tensor) ?? filled(new Float32Array(data.length), (i) => Number(data[i]));
}

function constantValue(name: string, tensor: Tensor): Value {
  const element = elementOf(tensor.type === 'float16' ? 'float32' : tensor.type);
  const constant =
    element === 'f32'
      ? floatData(tensor)
      : filled(new Int32Array(tensor.data.length), (i) => within32(Number(tensor.data[i])));
  return { name, element, dims: tensor.dims, constant };
}

/** Ends of slices and the like are often the largest number there is. */
function within32(x: number): number {
  return Math.min(Math.max(x, -(2 ** 31)), 2 ** 31 - 1);
}

/** A constant of one element, as an expression; undefined for others. */
export function scalarOf(value: Value): Expression | undefined {
  if (value.constant?.length !== 1) return undefined;
  return { ...number(value.constant[0] as number), element: value.element } as Expression;
}
