import type { Model, Node } from '../../ir/model.ts';
import { readsOf } from '../../ir/subgraphs.ts';

/** The model without the nodes that no output depends on: the runtime would run them. */
export function neededOnly(model: Model): Model {
  const { graph } = model;
  const needed = new Set(graph.outputs.map(({ name }) => name));
  const kept: Node[] = [];
  for (const node of [...graph.nodes].reverse()) {
    if (!node.outputs.some((name) => needed.has(name))) continue;
    for (const name of readsOf(node)) needed.add(name);
    kept.push(node);
  }
  return kept.length === graph.nodes.length ? model : { ...model, graph: { ...graph, nodes: kept.reverse() } };
}
