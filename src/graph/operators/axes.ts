import { intAttribute, intsAttribute, tensorOf } from '../../ir/access.ts';
import type { Graph, Node } from '../../ir/model.ts';
import { sizeOf } from '../../tensor/tensor.ts';
import type { AxisFacts } from './operator.ts';
import { factsOf } from './table.ts';

/** The shapes of an input and an output of a node. */
export interface Sides {
  readonly from: readonly number[];
  readonly to: readonly number[];
}

/** For each axis of an output the axis of an input whose positions are its own; null = none is known. */
export type PassedAxes = readonly (number | null)[];

/** A node, one of its inputs, and the graph's constants, where axes may be listed. */
interface Question extends Sides {
  readonly node: Node;
  readonly input: number;
  readonly constants: Graph['constants'];
}

/**
 * The axes that pass from an input of a node to an output, by the rule of its operator. Axes of one element and axes that are
 * repeated pass nothing.
 *
 * @returns as many as the output has axes
 */
export function passedAxes(
  node: Node,
  input: number,
  { from, to }: Sides,
  { constants }: Pick<Graph, 'constants'>,
): PassedAxes {
  const axes = factsOf(node).axes;
  const found = axes === undefined ? [] : passed(axes, { node, input, from, to, constants });
  return to.map((length, i) => {
    const axis = found[i] ?? null;
    return axis !== null && from[axis] === length ? axis : null;
  });
}

function passed(axes: AxisFacts, at: Question): PassedAxes {
  const { node, input, from, to } = at;
  const all = [...to.keys()];
  if (input > 0 && axes.rule !== 'elementwise' && axes.rule !== 'joined') return [];
  switch (axes.rule) {
    case 'elementwise':
      return all.map((axis) => axis - to.length + from.length);
    case 'normalised':
    case 'mixed':
    case 'cut':
      return all;
    case 'permuted':
      return intsAttribute(node, 'perm') ?? all.reverse();
    case 'reshaped':
      return wholeAxes(at);
    case 'joined':
      return all.map((axis) => (axis === axisOf(node, axes.axis, to.length) ? null : axis));
    case 'picked':
      return pickedAxes(axisOf(node, axes.axis, from.length), at);
    case 'reduced':
      return keptAxes(at);
    case 'windowed':
      return all.map((axis) => (axes.passes.includes(axis) ? axis : null));
    default:
      return [];
  }
}

function axisOf(node: Node, fallback: number, rank: number): number {
  const axis = intAttribute(node, 'axis', fallback);
  return axis < 0 ? axis + rank : axis;
}

/** Axes with as many elements before them, of the same length. */
function wholeAxes({ from, to }: Sides): PassedAxes {
  const before = (dims: readonly number[], axis: number): number => sizeOf(dims.slice(0, axis));
  return to.map((length, i) => {
    if (length === 1) return null;
    const axis = from.findIndex((other, at) => other === length && before(from, at) === before(to, i));
    return axis < 0 ? null : axis;
  });
}

/** Gather: the axes of the indices stand where the one that they pick from stood. */
function pickedAxes(along: number, { from, to }: Sides): PassedAxes {
  const added = to.length - from.length + 1;
  return to.map((_, i) => {
    if (i < along) return i;
    return i < along + added ? null : i - added + 1;
  });
}

/** Sums: all axes but those that are listed, in the attribute `axes` or as a constant. */
function keptAxes({ node, from, to, constants }: Question): PassedAxes {
  if (from.length === to.length) return [...to.keys()];
  const listed = constants.get(node.inputs[1] ?? '');
  const axes = listed === undefined ? intsAttribute(node, 'axes') : Array.from(tensorOf(listed).data, Number);
  if (axes === undefined) return [];
  const summed = new Set(axes.map((axis) => (axis < 0 ? axis + from.length : axis)));
  return [...from.keys()].filter((axis) => !summed.has(axis));
}
