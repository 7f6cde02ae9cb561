import type { Graph, Node, ValueInfo } from './model.ts';

/** The graphs that a node holds: branches of an If, bodies of a Loop or a Scan. */
export function subgraphsOf(node: Node): Graph[] {
  const found: Graph[] = [];
  for (const attribute of node.attributes.values()) {
    if (attribute.kind === 'graph') found.push(attribute.value);
    else if (attribute.kind === 'graphs') found.push(...attribute.value);
  }
  return found;
}

/** Whether a node holds graphs. */
export function hasSubgraphs(node: Node): boolean {
  for (const { kind } of node.attributes.values()) if (kind === 'graph' || kind === 'graphs') return true;
  return false;
}

/**
 * The node with its subgraphs replaced; the same node if none changed.
 *
 * @param change  told the attribute that the graph stands in, with its place where the attribute holds several
 */
export function mapSubgraphs(node: Node, change: (graph: Graph, place: string) => Graph): Node {
  if (!hasSubgraphs(node)) return node;
  let changed = false;
  const replace = (graph: Graph, place: string): Graph => {
    const result = change(graph, place);
    changed ||= result !== graph;
    return result;
  };
  const attributes = new Map(node.attributes);
  for (const [name, attribute] of attributes) {
    if (attribute.kind === 'graph') attributes.set(name, { ...attribute, value: replace(attribute.value, name) });
    if (attribute.kind === 'graphs')
      attributes.set(name, { ...attribute, value: attribute.value.map((graph, i) => replace(graph, `${name}${i}`)) });
  }
  return changed ? { ...node, attributes } : node;
}

/** What a node and its subgraphs read from the graph that the node is in, or from those around it. */
export function readsOf(node: Node): readonly string[] {
  return hasSubgraphs(node) ? [...node.inputs, ...subgraphsOf(node).flatMap(outerReads)] : node.inputs;
}

/** What a subgraph reads without defining it. */
export function outerReads(graph: Graph): string[] {
  const own = new Set(definedIn(graph));
  const read = [...graph.nodes.flatMap(readsOf), ...graph.outputs.map(({ name }) => name)];
  return read.filter((name) => name !== '' && !own.has(name));
}

/** The names that a graph itself defines: inputs, constants, outputs of nodes. */
export function* definedIn(graph: Graph): Generator<string> {
  for (const { name } of graph.inputs) yield name;
  yield* graph.constants.keys();
  for (const { outputs } of graph.nodes) for (const name of outputs) if (name !== '') yield name;
}

/** The graph and all graphs inside it, outer ones first. */
export function withSubgraphs(graph: Graph): Graph[] {
  return [graph, ...graph.nodes.flatMap((node) => subgraphsOf(node).flatMap(withSubgraphs))];
}

/** How values get other names. */
export interface Renaming {
  /** The new name of a value that lies around the graph. */
  readonly outer: (name: string) => string;
  /** A new name for a value that the graph, or one inside it, defines. */
  readonly fresh: (name: string) => string;
  /** Goes before the names of nodes that have one. */
  readonly prefix: string;
}

/** A subgraph under other names. What it defines gets names of its own, so that copies can lie side by side. */
export function renameSubgraph(graph: Graph, renaming: Renaming): Graph {
  const names = new Map<string, string>();
  for (const name of definedIn(graph)) if (!names.has(name)) names.set(name, renaming.fresh(name));
  const of = (name: string): string => (name === '' ? '' : (names.get(name) ?? renaming.outer(name)));
  const info = (declared: ValueInfo): ValueInfo => ({ ...declared, name: of(declared.name) });
  return {
    ...graph,
    inputs: graph.inputs.map(info),
    outputs: graph.outputs.map(info),
    valueInfo: graph.valueInfo.filter(({ name }) => names.has(name)).map(info),
    constants: new Map([...graph.constants].map(([name, constant]) => [of(name), constant])),
    nodes: graph.nodes.map((node) => renameNode(node, { ...renaming, outer: of })),
  };
}

/** A node under other names: `outer` names all that it reads and defines, `fresh` what its subgraphs define. */
export function renameNode(node: Node, renaming: Renaming): Node {
  const of = (name: string): string => (name === '' ? '' : renaming.outer(name));
  const inner = mapSubgraphs(node, (graph) => renameSubgraph(graph, renaming));
  return {
    ...inner,
    name: node.name === '' ? '' : `${renaming.prefix}${node.name}`,
    inputs: node.inputs.map(of),
    outputs: node.outputs.map(of),
  };
}
