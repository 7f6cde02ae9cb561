import type { Paths } from '../autodiff/backward.ts';
import { ruleOf } from '../autodiff/registry.ts';
import type { Captured } from '../graph/captured.ts';
import { passedAxes } from '../graph/operators/axes.ts';
import type { AxisFacts } from '../graph/operators/operator.ts';
import { axisRule } from '../graph/operators/table.ts';
import type { Graph, Node } from '../ir/model.ts';

/** Rules of operators that drop or add an axis, or cut or join along another one. */
const MOVING: ReadonlySet<AxisFacts['rule']> = new Set(['reshaped', 'picked', 'cut', 'joined'] as const);

/** Where the samples lie in the values that a node reads, and which of those hold samples. */
interface Reads {
  readonly graph: Graph;
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
    const found = outputAxes({ graph, node, captured, axes });
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
  const rule = axisRule(node);
  if (rule === 'permuted') return all(passedAxis(reads, axis));
  const { sampleAxes } = ruleOf(node) ?? {};
  if (sampleAxes !== undefined) return own[0] === sampleAxes.input ? sampleAxes.outputs : undefined;
  if (axis === 0) return all(0);
  if (rule === 'elementwise') return sameRanks(reads, axis) ? all(axis) : undefined;
  if (rule === 'joined' && !node.inputs.every((name) => axes.get(name) === axis)) return undefined;
  return all(rule !== undefined && MOVING.has(rule) ? passedAxis(reads, axis) : undefined);
}

function rankOf({ captured }: Reads, value: string): number {
  return captured.get(value)?.dims.length ?? 0;
}

/** The axis of the first output that the axis of the first input is along which the samples lie there. */
function passedAxis({ graph, node, captured, axes }: Reads, axis: number): number | undefined {
  if (axes.get(node.inputs[0] ?? '') !== axis) return undefined;
  const dims = (value: string | undefined): readonly number[] => captured.get(value ?? '')?.dims ?? [];
  const sides = { from: dims(node.inputs[0]), to: dims(node.outputs[0]) };
  const at = passedAxes(node, 0, sides, graph).indexOf(axis);
  return at < 0 ? undefined : at;
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
