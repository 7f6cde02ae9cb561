import type { Graph } from '../ir/model.ts';
import { renameNode } from '../ir/subgraphs.ts';
import type { GraphBuilder } from './builder.ts';

/**
 * Puts a second graph beside the one under construction: nodes and constants under new names, those inside its subgraphs
 * too, and inputs shared by name.
 *
 * @returns the new name of each of its values
 * Cost: one pass over the nodes; constants are not copied.
 */
export function graft(builder: GraphBuilder, graph: Graph, stem: string): (value: string) => string {
  const names = new Map<string, string>([['', '']]);
  for (const { name } of graph.inputs) names.set(name, name);
  const outer = (value: string): string => names.get(value) ?? value;
  const fresh = (value: string): string => builder.fresh(`${stem}${value}`);
  for (const [name, constant] of graph.constants) {
    names.set(name, fresh(name));
    builder.constants.set(outer(name), constant);
  }
  for (const node of graph.nodes) {
    for (const output of node.outputs) if (output !== '') names.set(output, fresh(output));
    builder.nodes.push(renameNode(node, { outer, fresh, prefix: stem }));
  }
  return outer;
}
