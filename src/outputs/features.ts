import type { Graph, Node } from '../ir/model.ts';
import { sizeOf } from '../tensor/tensor.ts';
import { permOf } from './behind.ts';
import type { Numbers } from './numbers.ts';

/** Where an operator with weights puts the outputs of its filters or columns. */
const MADE: Readonly<Record<string, (rank: number) => number>> = {
  Conv: () => 1,
  ConvTranspose: () => 1,
  FusedConv: () => 1,
  Gemm: () => 1,
  FusedGemm: () => 1,
  MatMul: (rank) => rank - 1,
  FusedMatMul: (rank) => rank - 1,
};
const SHAPING = new Set(['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze']);
/** Nodes that are followed at most. */
const DEPTH = 40;

/** What {@link featureAxis} looks at. */
export interface TracedOutput {
  readonly output: string;
  /** Shape of one sample's part. */
  readonly dims: readonly number[];
  /** Float values of a run; those that are not known end the search. */
  readonly values: ReadonlyMap<string, Numbers>;
}

/**
 * The axis of an output's samples along which the outputs of the last weights lie: the classes, where it classifies. It is
 * followed back through what keeps or moves axes; null where it gets lost.
 */
export function featureAxis(graph: Graph, { output, dims, values }: TracedOutput): number | null {
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((y) => [y, node] as const)));
  const shape = (value: string): readonly number[] => values.get(value)?.dims ?? [];
  const lead = dims.length + 1 - shape(output).length;
  let value = output;
  let places: (number | null)[] = shape(output).map((_, axis) => axis + lead - 1);
  for (let depth = 0; depth < DEPTH; depth++) {
    const node = makers.get(value);
    const rank = places.length;
    if (node === undefined) return null;
    const made = MADE[node.op]?.(rank);
    if (made !== undefined) {
      const place = places[made] ?? null;
      return place === null || place < 0 ? null : place;
    }
    const next = sourceOf(node, value, shape);
    if (next === undefined) return null;
    if (node.op === 'Transpose') {
      const perm = permOf(node, rank);
      const before = perm.map(() => null as number | null);
      perm.forEach((axis, i) => {
        before[axis] = places[i] ?? null;
      });
      places = before;
    } else if (SHAPING.has(node.op)) places = beforeShaping(shape(next), shape(value), places);
    value = next;
  }
  return null;
}

/** The input whose axes a node's output has: for moves the first, else the first of the same rank. */
function sourceOf(node: Node, value: string, shape: (value: string) => readonly number[]): string | undefined {
  const [first = ''] = node.inputs;
  if (node.op === 'Transpose' || SHAPING.has(node.op)) return shape(first).length > 0 ? first : undefined;
  const dims = shape(value);
  return (
    node.inputs.find((x) => String(shape(x)) === String(dims)) ??
    node.inputs.find((x) => shape(x).length === dims.length)
  );
}

/** Axes of a value before it was reshaped, where the same elements lie along one axis after it. */
function beforeShaping(
  before: readonly number[],
  after: readonly number[],
  places: readonly (number | null)[],
): (number | null)[] {
  return before.map((size, axis) => {
    if (size === 1) return null;
    const inner = sizeOf(before.slice(axis + 1));
    const at = after.findIndex((other, i) => other === size && sizeOf(after.slice(i + 1)) === inner);
    return at < 0 ? null : (places[at] ?? null);
  });
}
