import { ShapeError } from '../errors/errors.ts';
import { attributes } from '../ir/access.ts';
import type { Constant, Graph, Node } from '../ir/model.ts';
import { constantOfNode } from './passes/constants-to-initializers.ts';

/**
 * The constants of a graph by value name, wherever the file keeps them: initializers and the outputs of Constant nodes
 * (`value`, `value_float`, `value_ints`, ...). Subgraphs are not searched.
 */
export function constantsOf(graph: Graph): ReadonlyMap<string, Constant> {
  const constants = new Map(graph.constants);
  for (const node of graph.nodes) {
    const name = isConstant(node) ? node.outputs[0] : undefined;
    const constant = name === undefined ? undefined : constantOfNode(node);
    if (name !== undefined && constant !== undefined) constants.set(name, constant);
  }
  return constants;
}

/**
 * Puts another constant in the place of one: an initializer stays an initializer, a Constant node a Constant node.
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
  const constants = new Map(graph.constants);
  for (const [name, constant] of replacements) {
    if (!constants.has(name)) continue;
    constants.set(name, { origin: constants.get(name)?.origin, ...constant });
    left.delete(name);
  }
  const nodes = left.size === 0 ? graph.nodes : graph.nodes.map((node) => replaced(node, left));
  if (left.size > 0)
    throw new ShapeError(
      `Cannot replace constants: the graph has none named ${[...left.keys()].map((name) => `"${name}"`).join(', ')}`,
    );
  return { ...graph, nodes, constants };
}

function isConstant(node: Node): boolean {
  return node.op === 'Constant' && node.domain === '';
}

/** The node with its new value, taken off the list; any other node as it is. */
function replaced(node: Node, left: Map<string, Constant>): Node {
  const name = isConstant(node) ? node.outputs[0] : undefined;
  const constant = name === undefined ? undefined : left.get(name);
  if (name === undefined || constant === undefined) return node;
  left.delete(name);
  const old = node.attributes.get('value');
  const value = { kind: 'tensor', value: constant } as const;
  return {
    ...node,
    attributes: old?.kind === 'tensor' ? new Map([['value', { ...old, ...value }]]) : attributes({ value }),
  };
}
