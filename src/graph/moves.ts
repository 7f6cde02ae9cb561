import { intAttribute, intsAttribute, tensorOf } from '../ir/access.ts';
import type { Graph, Node } from '../ir/model.ts';
import { sizeOf } from '../tensor/tensor.ts';
import { type Arrangement, dimsOf, reshapedArrangement, transposedArrangement } from './arrangement.ts';
import type { Captured } from './captured.ts';

/** What is known of the values around a move. */
export interface Known {
  readonly graph: Graph;
  readonly captured?: Captured | undefined;
}

type Shape = (node: Node, dims: readonly number[], known: Known) => readonly number[] | null;

/** Operators that give a tensor's elements another shape, and the shape. */
const RESHAPES: ReadonlyMap<string, Shape> = new Map<string, Shape>([
  ['Identity', (_, dims) => dims],
  ['Cast', (_, dims) => dims],
  ['QuantizeLinear', (_, dims) => dims],
  ['DequantizeLinear', (_, dims) => dims],
  ['Reshape', (node, dims, known) => reshapedTo(node, dims, intsOf(node, 'shape', known))],
  [
    'Flatten',
    (node, dims) => {
      const axis = intAttribute(node, 'axis', 1);
      const at = axis < 0 ? axis + dims.length : axis;
      return [sizeOf(dims.slice(0, at)), sizeOf(dims.slice(at))];
    },
  ],
  [
    'Squeeze',
    (node, dims, known) => {
      if (!hasInts(node, 'axes')) return dims.filter((length) => length !== 1);
      const axes = intsOf(node, 'axes', known)?.map((axis) => (axis < 0 ? axis + dims.length : axis));
      return axes === undefined ? null : dims.filter((_length, i) => !axes.includes(i));
    },
  ],
  [
    'Unsqueeze',
    (node, dims, known) => {
      const axes = intsOf(node, 'axes', known);
      if (axes === undefined) return null;
      const rank = dims.length + axes.length;
      const added = axes.map((axis) => (axis < 0 ? axis + rank : axis));
      const rest = [...dims];
      return Array.from({ length: rank }, (_, i) => (added.includes(i) ? 1 : (rest.shift() ?? 1)));
    },
  ],
]);

/** Numbers of the float types: FLOAT, FLOAT16, DOUBLE and BFLOAT16. */
const REAL_TYPES = new Set([1, 10, 11, 16]);

/** Whether an operator does nothing to its first input but move its elements, or write them in another type. */
export function isMove(node: Node): boolean {
  const { op, domain } = node;
  if (domain !== '') return false;
  return op === 'Cast' ? REAL_TYPES.has(intAttribute(node, 'to', 0)) : op === 'Transpose' || RESHAPES.has(op);
}

/** The arrangement behind a move of the one in front of it; null where shapes are computed and no run has captured them, or do not fit. */
export function movedArrangement(node: Node, arrangement: Arrangement, known: Known): Arrangement | null {
  const dims = dimsOf(arrangement);
  if (node.op === 'Transpose') {
    const perm = intsAttribute(node, 'perm') ?? [...dims.keys()].reverse();
    const isWhole = perm.length === dims.length && dims.every((_, axis) => perm.includes(axis));
    return isWhole ? transposedArrangement(arrangement, perm) : null;
  }
  const shape = known.captured?.get(node.outputs[0] ?? '')?.dims ?? RESHAPES.get(node.op)?.(node, dims, known) ?? null;
  const fits = shape?.every((length) => Number.isInteger(length) && length > 0) && sizeOf(shape) === sizeOf(dims);
  return shape !== null && fits ? reshapedArrangement(arrangement, shape) : null;
}

function reshapedTo(
  node: Node,
  dims: readonly number[],
  shape: readonly number[] | undefined,
): readonly number[] | null {
  if (shape === undefined) return null;
  const copied = intAttribute(node, 'allowzero', 0) === 0;
  const filled = shape.map((length, i) => (length === 0 && copied ? (dims[i] ?? 1) : length));
  const rest = sizeOf(filled.filter((length) => length !== -1));
  return filled.map((length) => (length === -1 ? sizeOf(dims) / rest : length));
}

/** Whether a list of ints is given: as the second input, or in old opsets as an attribute. */
function hasInts(node: Node, name: string): boolean {
  return (node.inputs[1] ?? '') !== '' || node.attributes.has(name);
}

function intsOf(node: Node, name: string, { graph, captured }: Known): readonly number[] | undefined {
  const input = node.inputs[1] ?? '';
  if (input === '') return intsAttribute(node, name);
  const constant = graph.constants.get(input);
  const tensor = constant === undefined ? captured?.get(input)?.value : tensorOf(constant);
  return tensor === undefined ? undefined : Array.from(tensor.data as ArrayLike<number | bigint>, Number);
}
