import type { Model, Node } from '../../ir/model.ts';

/** The model without the nodes that no output depends on: the runtime would run them. Graphs with subgraphs are left as they are. */
export function neededOnly(model: Model): Model {
  const { graph } = model;
  if (graph.nodes.some(({ attributes }) => [...attributes.values()].some(({ kind }) => kind.startsWith('graph'))))
    return model;
  const needed = new Set(graph.outputs.map(({ name }) => name));
  const kept: Node[] = [];
  for (const node of [...graph.nodes].reverse()) {
    if (!node.outputs.some((name) => needed.has(name))) continue;
    for (const name of node.inputs) needed.add(name);
    kept.push(node);
  }
  return kept.length === graph.nodes.length ? model : { ...model, graph: { ...graph, nodes: kept.reverse() } };
}
