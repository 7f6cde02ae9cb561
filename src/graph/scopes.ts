import type { Graph, Node } from '../ir/model.ts';
import { definedIn, hasSubgraphs, mapSubgraphs, withSubgraphs } from '../ir/subgraphs.ts';

/** Where a subgraph lies, and what its values are called in the whole model. */
export interface Scope {
  /** The nodes that hold the graph, outer ones first, each with its attribute: `head/then_branch/`. Stands before names. */
  readonly prefix: string;
  /** The name of a value that the graph reads or defines: its own ones get the prefix, others are those around it. */
  readonly of: (name: string) => string;
}

/**
 * Rebuilds every subgraph, inner ones first. What a subgraph defines has a name of its own in each scope, the same in every
 * call, whatever the subgraphs are rebuilt to; names that bear their prefix already are kept.
 *
 * @returns the same graph if nothing changed
 */
export function mapScopes(graph: Graph, change: (graph: Graph, scope: Scope) => Graph): Graph {
  if (!graph.nodes.some(hasSubgraphs)) return graph;
  const taken = new Set(definedIn(graph));
  return withNodes(graph, { prefix: '', of: (name) => name }, { taken, change });
}

interface Walk {
  readonly taken: Set<string>;
  readonly change: (graph: Graph, scope: Scope) => Graph;
}

/** The graph with what its nodes hold rebuilt. */
function withNodes(graph: Graph, scope: Scope, walk: Walk): Graph {
  let changed = false;
  const nodes = graph.nodes.map((node) => {
    const result = mapSubgraphs(node, (inner, place) => {
      const own = scopeOf(inner, `${prefixed(scope.prefix, stemOf(node))}/${place}/`, scope, walk.taken);
      return walk.change(withNodes(inner, own, walk), own);
    });
    changed ||= result !== node;
    return result;
  });
  return changed ? { ...graph, nodes } : graph;
}

function stemOf(node: Node): string {
  return node.name || (node.outputs.find((name) => name !== '') ?? node.op);
}

/** The name behind the prefix, once. */
export function prefixed(prefix: string, name: string): string {
  return name === '' || name.startsWith(prefix) ? name : `${prefix}${name}`;
}

function scopeOf(graph: Graph, prefix: string, outer: Scope, taken: Set<string>): Scope {
  const names = new Map<string, string>();
  for (const name of definedIn(graph)) {
    if (names.has(name)) continue;
    let own = prefixed(prefix, name);
    for (let copy = 2; taken.has(own); copy++) own = `${prefixed(prefix, name)}~${copy}`;
    taken.add(own);
    names.set(name, own);
  }
  return { prefix, of: (name) => names.get(name) ?? outer.of(name) };
}

/** A node of a model, and the node of the outermost graph that holds it; null for those of the outermost graph itself. */
export interface PlacedNode {
  readonly node: Node;
  readonly holder: Node | null;
}

/** All nodes of a model, those of subgraphs before the node that holds them. */
export function everyNode(graph: Graph): PlacedNode[] {
  return graph.nodes.flatMap((node): PlacedNode[] => {
    if (!hasSubgraphs(node)) return [{ node, holder: null }];
    const inner = withSubgraphs({ ...graph, nodes: [node] }).slice(1);
    return [...inner.flatMap(({ nodes }) => nodes.map((one) => ({ node: one, holder: node }))), { node, holder: null }];
  });
}
