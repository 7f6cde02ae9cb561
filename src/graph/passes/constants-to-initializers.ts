import { constantOf } from '../../ir/access.ts';
import type { Attribute, Constant, Graph, Node } from '../../ir/model.ts';
import { float32, int64, type Tensor } from '../../tensor/tensor.ts';
import { mapScopes, prefixed, type Scope } from '../scopes.ts';

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

/** The constant of a Constant node of the standard domain, with the name of its value. */
export function namedConstant(node: Node): readonly [name: string, constant: Constant] | undefined {
  if (node.op !== 'Constant' || node.domain !== '') return undefined;
  const [name, constant] = [node.outputs[0], constantOfNode(node)];
  return name === undefined || constant === undefined ? undefined : [name, constant];
}

/**
 * Turns Constant nodes into initializers and brings those of subgraphs into the outermost graph, so that there is one place
 * to look for constants. Values of subgraphs get names that are theirs alone (see {@link mapScopes}). What a graph gives as
 * its output stays where it is. Idempotent; outputs unchanged.
 */
export function constantsToInitializers(graph: Graph): Graph {
  const constants = new Map(graph.constants);
  const scoped = mapScopes(graph, (inner, scope) => emptied(renamed(inner, scope), constants));
  return { ...withoutConstantNodes(scoped, constants), constants };
}

/** The graph without its Constant nodes, which go into the map. */
function withoutConstantNodes(graph: Graph, into: Map<string, Constant>): Graph {
  const given = new Set(graph.outputs.map(({ name }) => name));
  const nodes = graph.nodes.filter((node) => {
    const found = namedConstant(node);
    if (found === undefined || given.has(found[0])) return true;
    into.set(...found);
    return false;
  });
  return { ...graph, nodes };
}

/** A subgraph without constants, but for those that are its outputs or defaults of its inputs. */
function emptied(graph: Graph, into: Map<string, Constant>): Graph {
  const fixed = new Set([...graph.outputs, ...graph.inputs].map(({ name }) => name));
  const kept = new Map<string, Constant>();
  for (const [name, constant] of graph.constants) (fixed.has(name) ? kept : into).set(name, constant);
  return { ...withoutConstantNodes(graph, into), constants: kept };
}

/** A subgraph with its values under the names of the whole model; graphs inside it have theirs already. */
function renamed(graph: Graph, { prefix, of }: Scope): Graph {
  const info = <T extends { readonly name: string }>(declared: T): T => ({ ...declared, name: of(declared.name) });
  const name = (value: string): string => (value === '' ? '' : of(value));
  return {
    ...graph,
    inputs: graph.inputs.map(info),
    outputs: graph.outputs.map(info),
    valueInfo: graph.valueInfo.map(info),
    constants: new Map([...graph.constants].map(([value, constant]) => [of(value), constant])),
    nodes: graph.nodes.map((node) => ({
      ...node,
      name: prefixed(prefix, node.name),
      inputs: node.inputs.map(name),
      outputs: node.outputs.map(name),
    })),
  };
}
