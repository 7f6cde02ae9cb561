import { ShapeError } from '../errors/errors.ts';
import { attributes } from '../ir/access.ts';
import type { Constant, Graph, Node } from '../ir/model.ts';
import { namedConstant } from './passes/constants-to-initializers.ts';
import { mapScopes } from './scopes.ts';

/**
 * The constants of a graph by value name, wherever the file keeps them: initializers and the outputs of Constant nodes
 * (`value`, `value_float`, `value_ints`, ...). Those of subgraphs bear the names of the nodes that hold them before their own:
 * `head/then_branch/w`.
 */
export function constantsOf(graph: Graph): ReadonlyMap<string, Constant> {
  const constants = new Map<string, Constant>();
  const note = (from: Graph, of: (name: string) => string): void => {
    for (const [name, constant] of from.constants) constants.set(of(name), constant);
    for (const node of from.nodes) {
      const found = namedConstant(node);
      if (found !== undefined) constants.set(of(found[0]), found[1]);
    }
  };
  note(graph, (name) => name);
  mapScopes(graph, (inner, { of }) => {
    note(inner, of);
    return inner;
  });
  return constants;
}

/**
 * Puts another constant in the place of one: an initializer stays an initializer, a Constant node a Constant node, where it was.
 *
 * @throws ShapeError if the graph has no constant of that name
 * Cost: a copy of the graph's list of constants or nodes; to replace many, use {@link replaceConstants}.
 */
export function replaceConstant(graph: Graph, name: string, constant: Constant): Graph {
  return replaceConstants(graph, new Map([[name, constant]]));
}

/** {@link replaceConstant} for many at once. @throws ShapeError naming every constant that the graph does not have */
export function replaceConstants(graph: Graph, replacements: ReadonlyMap<string, Constant>): Graph {
  const left = new Map(replacements);
  const outermost = withReplaced(graph, (name) => name, left);
  const replaced = left.size === 0 ? outermost : mapScopes(outermost, (inner, { of }) => withReplaced(inner, of, left));
  if (left.size > 0)
    throw new ShapeError(
      `Cannot replace constants: the graph has none named ${[...left.keys()].map((name) => `"${name}"`).join(', ')}`,
    );
  return replaced;
}

/** The graph with those constants replaced that it holds itself; they are taken off the list. */
function withReplaced(graph: Graph, of: (name: string) => string, left: Map<string, Constant>): Graph {
  const constants = new Map(graph.constants);
  let changed = false;
  for (const [name, old] of graph.constants) {
    const constant = left.get(of(name));
    if (constant === undefined) continue;
    constants.set(name, { origin: old.origin, ...constant });
    left.delete(of(name));
    changed = true;
  }
  const nodes = left.size === 0 ? graph.nodes : graph.nodes.map((node) => replacedNode(node, of, left));
  return changed || nodes.some((node, i) => node !== graph.nodes[i]) ? { ...graph, nodes, constants } : graph;
}

/** The node with its new value, taken off the list; any other node as it is. */
function replacedNode(node: Node, of: (name: string) => string, left: Map<string, Constant>): Node {
  const found = namedConstant(node);
  const constant = found && left.get(of(found[0]));
  if (found === undefined || constant === undefined) return node;
  left.delete(of(found[0]));
  const old = node.attributes.get('value');
  const value = { kind: 'tensor', value: constant } as const;
  return {
    ...node,
    attributes: old?.kind === 'tensor' ? new Map([['value', { ...old, ...value }]]) : attributes({ value }),
  };
}
