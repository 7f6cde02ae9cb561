import { constantOf } from '../../ir/access.ts';
import type { Attribute, Constant, Graph, Node } from '../../ir/model.ts';
import { float32, int64, type Tensor } from '../../tensor/tensor.ts';

/** The tensor that a Constant node yields; undefined for a form that is not read. */
export function constantOfNode(node: Node): Constant | undefined {
  for (const [name, attribute] of node.attributes) {
    if (!name.startsWith('value') && name !== 'sparse_value') continue;
    if (attribute.kind === 'tensor') return attribute.value;
    const tensor = plainValue(attribute);
    if (tensor !== undefined) return constantOf(tensor);
  }
  return undefined;
}

function plainValue(attribute: Attribute): Tensor | undefined {
  switch (attribute.kind) {
    case 'float':
      return float32([attribute.value], []);
    case 'floats':
      return float32(attribute.value, [attribute.value.length]);
    case 'int':
      return int64([attribute.value], []);
    case 'ints':
      return int64(attribute.value);
    case 'string':
      return { type: 'string', dims: [], data: [attribute.value] };
    case 'strings':
      return { type: 'string', dims: [attribute.value.length], data: [...attribute.value] };
    default:
      return undefined;
  }
}

/** Turns Constant nodes into initializers, so that there is one place to look for constants. Idempotent; outputs unchanged. */
export function constantsToInitializers(graph: Graph): Graph {
  const constants = new Map(graph.constants);
  const nodes = graph.nodes.filter((node) => {
    if (node.op !== 'Constant' || node.domain !== '') return true;
    const constant = constantOfNode(node);
    const name = node.outputs[0];
    if (constant === undefined || name === undefined || graph.outputs.some((o) => o.name === name)) return true;
    constants.set(name, constant);
    return false;
  });
  return { ...graph, nodes, constants };
}
