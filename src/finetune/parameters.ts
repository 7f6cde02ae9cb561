import type { Captured } from '../graph/captured.ts';
import type { ParameterRole } from '../graph/operators/operator.ts';
import { factsOf, isCopy } from '../graph/operators/table.ts';
import { tensorOf } from '../ir/access.ts';
import type { Graph, Node } from '../ir/model.ts';
import { sizeOf } from '../tensor/tensor.ts';
import { type Places, placesOf } from './places.ts';

/** A constant that is trained. */
export interface Parameter {
  readonly name: string;
  readonly dims: readonly number[];
  readonly size: number;
  /** Whether it is a weight of a layer, whose zeros are pruned ones; else a bias, a scale, a shift or a slope. */
  readonly isWeight: boolean;
}

/** Operators whose constant operand may be a shift or a scale of channels. */
const SHIFTS = new Set(['Add', 'Sub']);
const SCALES = new Set(['Mul', 'Div']);

/** Values from here on are those of masks. */
const MASKING = 1e4;
/** Shifts that differ between positions too are learnt ones only where they are no larger. */
const EMBEDDED = 100;

/**
 * The float32 constants that training changes: weights and biases of linear layers and convolutions, scales and shifts of
 * normalisation, slopes; and constants that are added to activations or multiply them along their channels, or are added at
 * each position, behind a layer. Through Transpose and the like.
 *
 * Not among them: running statistics; what is not finite, or as large as a mask; what is added to the scores of attention;
 * scalars; scales of single positions; what is done to the inputs before any layer, and to the outputs behind all of them
 * unless it is a bias; grids of whole and half numbers.
 */
export function parametersOf(graph: Graph, captured: Captured): Parameter[] {
  const sources = sourcesOf(graph);
  const places = placesOf(graph, captured);
  const found = new Map<string, boolean>();
  const add = (name: string | undefined, isWeight: boolean): void => {
    if (name !== undefined) found.set(name, isWeight || found.get(name) === true);
  };
  for (const node of graph.nodes) {
    const { weights = [], parameters = [] } = factsOf(node);
    for (const { input } of weights) add(sources.get(node.inputs[input] ?? ''), true);
    for (const { input, role } of parameters) if (isTrained(role)) add(sources.get(node.inputs[input] ?? ''), false);
    if (node.domain !== '') continue;
    for (const i of [0, 1]) {
      const name = sources.get(node.inputs[i] ?? '');
      if (name !== undefined && isLearnt({ graph, captured, places }, node, i, name)) add(name, false);
    }
  }
  return [...found]
    .filter(([name, isWeight]) => isWeight || largestOf(graph, name) < MASKING)
    .filter(([name]) => Number.isFinite(largestOf(graph, name)))
    .map(([name, isWeight]) => {
      const dims = graph.constants.get(name)?.dims ?? [];
      return { name, dims, size: sizeOf(dims), isWeight };
    });
}

/** Whether training changes a parameter: means and variances are measured. */
function isTrained(role: ParameterRole): boolean {
  return role !== 'mean' && role !== 'variance';
}

/** The float32 constant behind each value that is one, moved or not. */
function sourcesOf(graph: Graph): Map<string, string> {
  const sources = new Map<string, string>();
  for (const [name, { type }] of graph.constants) if (type === 'float32') sources.set(name, name);
  for (const node of graph.nodes) {
    const moved = isCopy(node) ? sources.get(node.inputs[0] ?? '') : undefined;
    if (moved !== undefined) sources.set(node.outputs[0] as string, moved);
  }
  return sources;
}

interface Surroundings {
  readonly graph: Graph;
  readonly captured: Captured;
  readonly places: Places;
}

/** Whether operand i of a node, a constant, is a shift or a scale that was learnt. */
function isLearnt({ graph, captured, places }: Surroundings, node: Node, i: number, name: string): boolean {
  const other = node.inputs[1 - i] ?? '';
  const y = node.outputs[0] ?? '';
  const isShift = SHIFTS.has(node.op);
  if (!(isShift || (SCALES.has(node.op) && (node.op === 'Mul' || i === 1)))) return false;
  if (!places.isBehindLayer(other) || places.isScore(other)) return false;
  const isBias = isShift && places.isLayerOutput(other);
  if (!isBias && !places.isBeforeLayer(y)) return false;
  const dims = captured.get(y)?.dims ?? [];
  const own = captured.get(node.inputs[i] ?? '')?.dims ?? graph.constants.get(name)?.dims ?? [];
  const axes = spreadOver(own, dims);
  const channels = places.channelAxis(other);
  if (axes.length === 0) return isBias && own.length > 0 && dims.at(channels ?? -1) === 1;
  if (axes.includes(0) && dims.length > 1) return false;
  if (axes.length === 1) {
    const axis = axes[0] as number;
    return channels === null ? axis === 1 || axis === dims.length - 1 : axis === (channels + dims.length) % dims.length;
  }
  return isShift && largestOf(graph, name) <= EMBEDDED && !isGrid(graph, name);
}

/** Axes of a shape that a constant differs along when it is broadcast to it. */
function spreadOver(own: readonly number[], dims: readonly number[]): number[] {
  return own.flatMap((d, i) => (d === 1 ? [] : [i + dims.length - own.length]));
}

/** Infinity where it holds what is no finite number. */
function largestOf({ constants }: Graph, name: string): number {
  const constant = constants.get(name);
  if (constant === undefined) return 0;
  let largest = 0;
  for (const x of tensorOf(constant).data as Float32Array) {
    const size = Math.abs(x);
    if (!(size <= largest)) largest = Number.isFinite(size) ? size : Number.POSITIVE_INFINITY;
    if (largest === Number.POSITIVE_INFINITY) break;
  }
  return largest;
}

/** Whether all elements are whole and half numbers: positions of cells, zeros and ones. */
function isGrid({ constants }: Graph, name: string): boolean {
  const constant = constants.get(name);
  return constant !== undefined && (tensorOf(constant).data as Float32Array).every((x) => Number.isInteger(2 * x));
}
