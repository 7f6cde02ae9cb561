import { type PassedAxes, passedAxes, type Sides } from '../graph/operators/axes.ts';
import { axisRule, factsOf, isRelayout } from '../graph/operators/table.ts';
import type { Graph, Node } from '../ir/model.ts';
import type { Numbers } from './numbers.ts';

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
    if (node === undefined) return null;
    const made = factsOf(node).axes?.made;
    if (made !== undefined) {
      const place = places.at(made) ?? null;
      return place === null || place < 0 ? null : place;
    }
    const next = sourceOf(node, value, shape);
    if (next === undefined) return null;
    const axes = axesBetween(graph, node, { from: shape(next), to: shape(value) });
    places = shape(next).map((_, axis) => {
      const at = axes.indexOf(axis);
      return at < 0 ? null : (places[at] ?? null);
    });
    value = next;
  }
  return null;
}

/** The input whose axes a node's output has: the first of the same shape, else of the same rank; of what lays axes out anew the first. */
function sourceOf(node: Node, value: string, shape: (value: string) => readonly number[]): string | undefined {
  const [first = ''] = node.inputs;
  if (hasOwnAxes(node)) return shape(first).length > 0 ? first : undefined;
  const dims = shape(value);
  return (
    node.inputs.find((x) => String(shape(x)) === String(dims)) ??
    node.inputs.find((x) => shape(x).length === dims.length)
  );
}

function hasOwnAxes(node: Node): boolean {
  const rule = axisRule(node);
  return isRelayout(node) || rule === 'picked' || rule === 'reduced';
}

/** The axes of an input that those of the output are: of the same rank the same ones, though their positions may be fewer or more. */
function axesBetween(graph: Graph, node: Node, sides: Sides): PassedAxes {
  return hasOwnAxes(node) ? passedAxes(node, 0, sides, graph) : [...sides.to.keys()];
}
