import type { Paths } from '../autodiff/backward.ts';
import { ruleOf } from '../autodiff/registry.ts';
import type { Captured } from '../graph/captured.ts';
import { intAttribute, intsAttribute } from '../ir/access.ts';
import type { Graph, Node } from '../ir/model.ts';

/** Operators that take each element, or elements of equal places, by themselves. */
const ELEMENTWISE = new Set(
  `Abs Add Cast CastLike Clip Cos Div Dropout Elu Erf Exp Gelu HardSigmoid HardSwish Identity LeakyRelu Log Max Mean Min Mish Mul Neg
   PRelu Pow Reciprocal Relu Selu Sigmoid Sin Softplus Softsign Sqrt Sub Sum Swish Tanh Where`.split(/\s+/),
);

/** Where the samples lie in the values that a node reads, and which of those hold samples. */
interface Reads {
  readonly node: Node;
  readonly captured: Captured;
  /** Axis by value, the first where nothing is known; a value that is not there depends on no sample. */
  readonly axes: ReadonlyMap<string, number>;
}

/**
 * Whether every value on the way of a gradient keeps the samples apart: along its first axis, or, between a transposition before a recurrent
 * layer and the one behind it, along the axis where they were moved to.
 */
export function keepsSamplesApart(
  graph: Graph,
  captured: Captured,
  { active, parameterOnly }: Pick<Paths, 'active' | 'parameterOnly'>,
  samples: number,
): boolean {
  const axes = new Map(graph.inputs.filter(({ name }) => !graph.constants.has(name)).map(({ name }) => [name, 0]));
  const kept = graph.nodes.every((node) => {
    if (!node.inputs.some((x) => axes.has(x))) return true;
    const found = outputAxes({ node, captured, axes });
    return node.outputs.every((y, i) => {
      const axis = found?.[i];
      const apart = axis !== undefined && (captured.get(y)?.dims[axis] ?? 1) % samples === 0;
      axes.set(y, apart ? axis : 0);
      return apart || y === '' || !active.has(y) || parameterOnly.has(y);
    });
  });
  return kept && graph.outputs.every(({ name }) => (axes.get(name) ?? 0) === 0);
}

/** The axis of the samples in each output; undefined = they are not known to lie apart. */
function outputAxes(reads: Reads): readonly (number | undefined)[] | undefined {
  const { node, axes } = reads;
  const own = node.inputs.map((x) => axes.get(x) ?? 0);
  const axis = Math.max(0, ...own);
  const all = (value: number | undefined): (number | undefined)[] => node.outputs.map(() => value);
  if (node.domain !== '') return axis === 0 ? all(0) : undefined;
  if (node.op === 'Transpose') return all(transposedAxis(reads, axis));
  const { sampleAxes } = ruleOf(node) ?? {};
  if (sampleAxes !== undefined) return own[0] === sampleAxes.input ? sampleAxes.outputs : undefined;
  if (axis === 0) return all(0);
  if (ELEMENTWISE.has(node.op)) return sameRanks(reads, axis) ? all(axis) : undefined;
  return all(movedAxis(reads, axis));
}

function rankOf({ captured }: Reads, value: string): number {
  return captured.get(value)?.dims.length ?? 0;
}

function transposedAxis(reads: Reads, axis: number): number | undefined {
  const { node } = reads;
  const rank = rankOf(reads, node.outputs[0] as string);
  const perm = intsAttribute(node, 'perm') ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
  const moved = perm.indexOf(axis);
  return moved < 0 ? undefined : moved;
}

/** All inputs that hold samples have the rank of the output, and the samples at one axis. */
function sameRanks(reads: Reads, axis: number): boolean {
  const { node, axes } = reads;
  const rank = rankOf(reads, node.outputs[0] as string);
  const moved = node.inputs.filter((x) => axes.has(x));
  const others = node.inputs.filter((x) => x !== '' && !axes.has(x));
  const repeats = (x: string): boolean => {
    const dims = reads.captured.get(x)?.dims ?? [];
    return (dims[dims.length - (rank - axis)] ?? 1) === 1;
  };
  return moved.every((x) => axes.get(x) === axis && rankOf(reads, x) === rank) && others.every(repeats);
}

/** Through operators that drop or add an axis, or cut or join along another one. */
function movedAxis(reads: Reads, axis: number): number | undefined {
  const { node, captured } = reads;
  const [x, y] = [node.inputs[0] as string, node.outputs[0] as string];
  const [from, to] = [captured.get(x)?.dims ?? [], captured.get(y)?.dims ?? []];
  if (node.op === 'Squeeze' || node.op === 'Reshape' || node.op === 'Unsqueeze') return sameCells(from, to, axis);
  if (node.op === 'Gather' && to.length === from.length - 1) {
    const along = intAttribute(node, 'axis', 0);
    const picked = along < 0 ? along + from.length : along;
    return picked === axis ? undefined : axis - (picked < axis ? 1 : 0);
  }
  if (node.op === 'Slice' || node.op === 'Split') return to[axis] === from[axis] ? axis : undefined;
  if (node.op === 'Concat') {
    const along = intAttribute(node, 'axis', 0);
    const joined = along < 0 ? along + from.length : along;
    return joined !== axis && node.inputs.every((name) => reads.axes.get(name) === axis) ? axis : undefined;
  }
  return undefined;
}

/** The axis with as many elements before it, of the same length. */
function sameCells(from: readonly number[], to: readonly number[], axis: number): number | undefined {
  const before = from.slice(0, axis).reduce((n, d) => n * d, 1);
  let count = 1;
  for (const [i, d] of to.entries()) {
    if (count === before && d === from[axis] && d !== 1) return i;
    count *= d;
  }
  return undefined;
}
