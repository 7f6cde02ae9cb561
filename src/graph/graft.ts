import { UnsupportedOpError } from '../errors/errors.ts';
import type { Graph } from '../ir/model.ts';
import type { GraphBuilder } from './builder.ts';

/**
 * Puts a second graph beside the one under construction: nodes and constants under new names, inputs shared by name.
 *
 * @returns the new name of each of its values
 * @throws UnsupportedOpError  if a node holds a graph of its own, whose names could not be told apart
 * Cost: one pass over the nodes; constants are not copied.
 */
export function graft(builder: GraphBuilder, graph: Graph, stem: string): (value: string) => string {
  const names = new Map<string, string>([['', '']]);
  for (const { name } of graph.inputs) names.set(name, name);
  const of = (value: string): string => names.get(value) ?? value;
  const rename = (value: string): string => {
    const own = builder.fresh(`${stem}${value}`);
    names.set(value, own);
    return own;
  };
  for (const [name, constant] of graph.constants) builder.constants.set(rename(name), constant);
  for (const node of graph.nodes) {
    if ([...node.attributes.values()].some(({ kind }) => kind === 'graph' || kind === 'graphs'))
      throw new UnsupportedOpError(
        `Cannot run two models in one graph: node "${node.name}" (${node.op}) holds a graph`,
      );
    const inputs = node.inputs.map(of);
    const outputs = node.outputs.map((output) => (output === '' ? '' : rename(output)));
    builder.nodes.push({ ...node, name: node.name === '' ? '' : `${stem}${node.name}`, inputs, outputs });
  }
  return of;
}
