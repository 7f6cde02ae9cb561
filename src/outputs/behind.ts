import { isRelayout } from '../graph/operators/table.ts';
import { intsAttribute } from '../ir/access.ts';
import type { Graph, Node } from '../ir/model.ts';
import { type Numbers, transposed } from './numbers.ts';

/** A value that an output is computed from element by element, and the nodes that only moved elements in between. */
export interface Behind {
  readonly value: string;
  /** In the order in which they run. */
  readonly moves: readonly Node[];
}

/** Nodes between an output and what it is made of, at most. */
const DEPTH = 14;

/** The node that makes each value. */
function makersOf({ nodes }: Graph): Map<string, Node> {
  return new Map(nodes.flatMap((node) => node.outputs.map((y) => [y, node] as const)));
}

/** The values from which some outputs are computed within a few nodes, the outputs included. Cost: the nodes on the way. */
export function tailOf(graph: Graph, outputs: readonly string[]): string[] {
  const makers = makersOf(graph);
  const seen = new Set(outputs);
  let level: readonly string[] = outputs;
  for (let depth = 0; depth < DEPTH; depth++) {
    const next: string[] = [];
    for (const value of level)
      for (const x of makers.get(value)?.inputs ?? []) {
        if (x === '' || !makers.has(x) || seen.has(x)) continue;
        seen.add(x);
        next.push(x);
      }
    level = next;
  }
  return [...seen];
}

/**
 * The nearest value behind an output that passes a test, once its elements lie as the output's do. So the nodes in between
 * may be of any kind: what they compute is known by their numbers.
 *
 * @param values  of a run: the values of {@link tailOf} that are floats
 * @param passes  is given the value, moved, and the node that reads it
 */
export function findBehind(
  graph: Graph,
  values: ReadonlyMap<string, Numbers>,
  from: Behind,
  passes: (moved: Numbers, reader: Node) => boolean,
): Behind | null {
  const makers = makersOf(graph);
  const seen = new Set([from.value]);
  let level: readonly Behind[] = [from];
  for (let depth = 0; depth < DEPTH; depth++) {
    const next: Behind[] = [];
    for (const at of level) {
      const node = makers.get(at.value);
      if (node === undefined) continue;
      for (const step of stepsBehind(node, at, values)) {
        if (seen.has(step.value)) continue;
        seen.add(step.value);
        const moved = movedNumbers(step, values);
        if (!isRelayout(node) && moved !== undefined && passes(moved, node)) return step;
        next.push(step);
      }
    }
    level = next;
  }
  return null;
}

function stepsBehind(node: Node, { value, moves }: Behind, values: ReadonlyMap<string, Numbers>): Behind[] {
  const [first = ''] = node.inputs;
  if (isRelayout(node)) return values.has(first) ? [{ value: first, moves: [node, ...moves] }] : [];
  const dims = values.get(value)?.dims ?? [];
  return node.inputs.filter((x) => String(values.get(x)?.dims) === String(dims)).map((x) => ({ value: x, moves }));
}

function movedNumbers({ value, moves }: Behind, values: ReadonlyMap<string, Numbers>): Numbers | undefined {
  let at = values.get(value);
  for (const node of moves) {
    const after = values.get(node.outputs[0] ?? '');
    if (at === undefined || after === undefined || at.data.length !== after.data.length) return undefined;
    if (node.op === 'Transpose') at = transposed(at, permOf(node, at.dims.length));
    else at = { dims: after.dims, data: at.data };
  }
  return at;
}

/** The order of axes of a Transpose. */
export function permOf(node: Node, rank: number): number[] {
  return intsAttribute(node, 'perm') ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
}

/**
 * Past nodes that shift all classes of a row alike, which no softmax sees: z - max z, z - log sum exp z.
 *
 * @param values  of the run
 */
export function withoutShift(
  graph: Graph,
  values: ReadonlyMap<string, Numbers>,
  found: Behind,
  passes: (moved: Numbers) => boolean,
): Behind {
  const node = makersOf(graph).get(found.value);
  if (node === undefined || node.domain !== '' || (node.op !== 'Sub' && node.op !== 'Add')) return found;
  const steps = stepsBehind(node, found, values);
  const [step] = steps;
  if (step === undefined || steps.length !== 1) return found;
  const moved = movedNumbers(step, values);
  return moved !== undefined && passes(moved) ? withoutShift(graph, values, step, passes) : found;
}
