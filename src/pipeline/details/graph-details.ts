import type { Captured } from '../../graph/captured.ts';
import type { WeightLayer } from '../../graph/weights.ts';
import type { Graph, Node } from '../../ir/model.ts';
import type { GraphDetails } from '../../report/details.ts';

/** Graphs with more nodes are not drawn: nobody finds anything in them. */
const MOST_NODES = 1500;

/** What {@link graphDetails} compares. */
export interface GraphChange {
  readonly before: Graph;
  readonly after: Graph;
  readonly layers: readonly Pick<WeightLayer, 'name' | 'uses' | 'size'>[];
  /** Kept weights of each layer, in the order of the layers. */
  readonly kept: readonly number[];
  readonly captured: Captured | null;
}

/**
 * The nodes of a graph and what became of each: sparser where a weight that it reads lost elements, removed where the node is
 * gone or no weight of it is left. Constants are no nodes. Null for graphs of more than 1500 nodes.
 */
export function graphDetails({ before, after, layers, kept, captured }: GraphChange): GraphDetails | null {
  const computed = before.nodes.filter(({ op, domain }) => !(op === 'Constant' && domain === ''));
  const inputs = before.inputs.filter(({ name }) => !before.constants.has(name));
  if (computed.length + inputs.length + before.outputs.length > MOST_NODES) return null;
  const layerOf = layersByOutput(layers);
  const left = new Set(after.nodes.flatMap(({ outputs }) => outputs));
  const shapeOf = (value: string | undefined): number[] | null => {
    const dims = captured?.get(value ?? '')?.dims;
    return dims === undefined ? null : [...dims];
  };
  const changeOf = (node: Node): { layer: string | null; change: GraphDetails['nodes'][number]['change'] } => {
    const at = layerOf.get(node.outputs[0] ?? '');
    const layer = at === undefined ? undefined : layers[at];
    const isGone = !node.outputs.some((output) => left.has(output));
    if (layer === undefined) return { layer: null, change: isGone ? 'removed' : 'same' };
    const rest = kept[at as number] as number;
    const change = isGone || rest === 0 ? 'removed' : rest < layer.size ? 'sparser' : 'same';
    return { layer: layer.name, change };
  };
  const end = (op: 'input' | 'output', name: string) => ({
    op,
    name,
    layer: null,
    change: 'same' as const,
    shape: shapeOf(name),
  });
  const nodes: GraphDetails['nodes'] = [
    ...inputs.map(({ name }) => end('input', name)),
    ...computed.map((node) => ({ op: node.op, name: node.name, ...changeOf(node), shape: shapeOf(node.outputs[0]) })),
    ...before.outputs.map(({ name }) => end('output', name)),
  ];
  return {
    nodes,
    edges: edgesOf(
      before,
      computed,
      inputs.map(({ name }) => name),
    ),
  };
}

function layersByOutput(layers: GraphChange['layers']): Map<string, number> {
  return new Map(layers.flatMap(({ uses }, i) => uses.map(({ node }) => [node.outputs[0] ?? '', i] as const)));
}

function edgesOf(graph: Graph, computed: readonly Node[], inputs: readonly string[]): [number, number][] {
  const makers = new Map(inputs.map((name, i) => [name, i] as const));
  computed.forEach(({ outputs }, i) => {
    for (const output of outputs) if (output !== '') makers.set(output, inputs.length + i);
  });
  const edges = new Map<string, [number, number]>();
  const join = (value: string, to: number): void => {
    const from = makers.get(value);
    if (from !== undefined) edges.set(`${from}/${to}`, [from, to]);
  };
  computed.forEach((node, i) => {
    for (const value of node.inputs) join(value, inputs.length + i);
  });
  graph.outputs.forEach(({ name }, i) => {
    join(name, inputs.length + computed.length + i);
  });
  return [...edges.values()];
}
