import { factsOf } from '../graph/operators/table.ts';
import { constantOf } from '../ir/access.ts';
import type { Constant, Model, Node } from '../ir/model.ts';

/** Operators whose last input is a bias that may be left out, and the axis of the weight that it goes along. */
const TAKING: ReadonlyMap<string, { readonly input: number; readonly outputs: (node: Node, w: Constant) => number }> =
  new Map([['Conv', { input: 2, outputs: (_, { dims }) => dims[0] ?? 0 }]]);

/** The bias of a node: a constant of its own; undefined where it has none. */
export function biasOf(node: Node): string | undefined {
  const input = factsOf(node).parameters?.find(({ role }) => role === 'bias')?.input;
  return input === undefined ? undefined : node.inputs[input] || undefined;
}

/** The same model with biases of zero where convolutions have none: they take up the mean of what goes. */
export function withBiases(model: Model): Model {
  const { graph } = model;
  const constants = new Map(graph.constants);
  const nodes = graph.nodes.map((node) => {
    const taking = TAKING.get(node.op);
    const weight = graph.constants.get(node.inputs[1] ?? '');
    if (taking === undefined || weight?.type !== 'float32' || node.inputs[taking.input]) return node;
    const count = taking.outputs(node, weight);
    let name = `${node.inputs[1]}_bias`;
    while (constants.has(name)) name += '_';
    constants.set(name, constantOf({ type: 'float32', dims: [count], data: new Float32Array(count) }));
    return { ...node, inputs: [...node.inputs.slice(0, taking.input), name] };
  });
  return { ...model, graph: { ...graph, nodes, constants } };
}
