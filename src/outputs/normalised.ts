import { axisRule, factsOf, statisticsInputs } from '../graph/operators/table.ts';
import type { Graph, Node } from '../ir/model.ts';
import { sizeOf } from '../tensor/tensor.ts';
import type { Numbers } from './numbers.ts';

/** Nodes that are followed at most. */
const DEPTH = 12;
/** How far from 1 a norm may be. */
const NORM_NOISE = 1e-3;

/** What {@link isNormalised} looks at. */
export interface NormalisedQuestion {
  readonly output: string;
  /** [samples, ...dims]. */
  readonly numbers: Numbers;
}

/**
 * Whether an output is an embedding rather than logits: its last operator but moves, scales and shifts by constants is a normalisation, also
 * a written-out one (a division by what is computed), or its numbers have norm 1 along an axis. Cost: the nodes on the way, a pass over the numbers.
 */
export function isNormalised(graph: Graph, { output, numbers }: NormalisedQuestion): boolean {
  return endsInNormalisation(graph, output) || hasUnitNorms(numbers);
}

function endsInNormalisation(graph: Graph, output: string): boolean {
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((y) => [y, node] as const)));
  let value = output;
  for (let depth = 0; depth < DEPTH; depth++) {
    const node = makers.get(value);
    if (node === undefined) return false;
    if (isBounded(node)) return true;
    if (node.op === 'Div' && makers.has(node.inputs[1] ?? ''))
      return !isConstant(graph, makers, node.inputs[1] as string);
    const next = passedTo(graph, makers, node);
    if (next === null) return false;
    value = next;
  }
  return false;
}

/** Whether a node's outputs are of one size, or between bounds, whatever is in front of it; a batch normalisation's are not. */
function isBounded(node: Node): boolean {
  const isNormalisation = axisRule(node) === 'normalised' && statisticsInputs(node).length === 0;
  return isNormalisation || node.op === 'Tanh';
}

type Makers = ReadonlyMap<string, Node>;

/** The value that a node only moves, scales or shifts by constants. */
function passedTo(graph: Graph, makers: Makers, node: Node): string | null {
  const [first = '', second = ''] = node.inputs;
  if (factsOf(node).keepsElements) return first;
  if (node.op !== 'Mul' && node.op !== 'Add' && node.op !== 'Div' && node.op !== 'Sub') return null;
  if (isConstant(graph, makers, second)) return first;
  return isConstant(graph, makers, first) && node.op !== 'Div' ? second : null;
}

function isConstant(graph: Graph, makers: Makers, value: string): boolean {
  const node = makers.get(value);
  if (node === undefined) return graph.constants.has(value);
  return (
    node.op === 'Constant' || (factsOf(node).keepsElements === true && isConstant(graph, makers, node.inputs[0] ?? ''))
  );
}

/** Whether the squares sum to 1 along some axis, everywhere; of more than one sample and number. */
function hasUnitNorms({ dims, data }: Numbers): boolean {
  return dims.some(
    (size, axis) => axis > 0 && size > 2 && sizeOf(dims) > 2 * size && isUnitAlong({ dims, data }, axis),
  );
}

function isUnitAlong({ dims, data }: Numbers, axis: number): boolean {
  const size = dims[axis] as number;
  const inner = sizeOf(dims.slice(axis + 1));
  const outer = sizeOf(dims.slice(0, axis));
  for (let o = 0; o < outer; o++)
    for (let i = 0; i < inner; i++) {
      let squares = 0;
      for (let k = 0; k < size; k++) squares += (data[(o * size + k) * inner + i] as number) ** 2;
      if (!(Math.abs(squares - 1) <= NORM_NOISE)) return false;
    }
  return true;
}
