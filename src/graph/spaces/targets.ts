import { intAttribute, intsAttribute } from '../../ir/access.ts';
import type { Graph, Node } from '../../ir/model.ts';
import type { Walk } from './walk.ts';

/** Where a number of a computed shape comes from: a constant, or the extent of an axis of a value; null = somewhere else. */
export type Extent = number | { readonly value: string; readonly axis: number } | null;

/** What the elements of a vector of whole numbers come from; undefined where that is not known. */
export function extentsOf(graph: Graph, walk: Walk, name: string): readonly Extent[] | undefined {
  const makers = makersOf(graph);
  const known = new Map<string, readonly Extent[] | undefined>();
  const find = (value: string): readonly Extent[] | undefined => {
    if (known.has(value)) return known.get(value);
    known.set(value, undefined); // a loop has no answer
    const constant = walk.constantInts(value);
    const maker = makers.get(value);
    const found = constant ?? (maker === undefined ? undefined : made(maker, walk, find));
    known.set(value, found);
    return found;
  };
  return find(name);
}

const MAKERS = new WeakMap<Graph, Map<string, Node>>();

function makersOf(graph: Graph): Map<string, Node> {
  const known = MAKERS.get(graph) ?? new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node])));
  MAKERS.set(graph, known);
  return known;
}

function made(
  node: Node,
  walk: Walk,
  find: (name: string) => readonly Extent[] | undefined,
): readonly Extent[] | undefined {
  const [first = '', second = ''] = node.inputs;
  switch (node.op) {
    case 'Shape': {
      const dims = walk.dims(first);
      if (dims === undefined) return undefined;
      const all = dims.map((_, axis) => ({ value: first, axis }));
      const end = intAttribute(node, 'end', dims.length);
      return all.slice(intAttribute(node, 'start', 0), end < 0 ? end + dims.length : end);
    }
    case 'Concat': {
      const parts = node.inputs.map(find);
      return parts.every((part) => part !== undefined) ? parts.flat() : undefined;
    }
    case 'Gather': {
      const [of, at] = [find(first), walk.constantInts(second)];
      return of === undefined ? undefined : at?.map((i) => of.at(i) ?? null);
    }
    case 'Slice': {
      const of = find(first);
      const [start, end] = ['starts', 'ends'].map(
        (key, i) => (intsAttribute(node, key) ?? walk.constantInts(node.inputs[1 + i]))?.[0],
      );
      const step = walk.constantInts(node.inputs[4])?.[0] ?? (node.inputs[4] ? undefined : 1);
      return of === undefined || start === undefined || end === undefined || step !== 1
        ? undefined
        : of.slice(start, end);
    }
    case 'Cast':
    case 'Identity':
    case 'Squeeze':
    case 'Unsqueeze':
    case 'Reshape':
      return find(first);
    default: {
      const dims = node.outputs[0] === undefined ? undefined : walk.dims(node.outputs[0]);
      const count = dims?.reduce((a, b) => a * b, 1);
      return count === undefined || count > 16 ? undefined : Array.from({ length: count }, () => null);
    }
  }
}
