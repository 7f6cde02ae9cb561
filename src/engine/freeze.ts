import type { Captured } from '../graph/captured.ts';
import { neededOnly } from '../graph/passes/needed-only.ts';
import { widenFloats } from '../graph/passes/widen-floats.ts';
import { constantOf } from '../ir/access.ts';
import type { Constant, Graph, Model, Node } from '../ir/model.ts';
import { hasSubgraphs, readsOf } from '../ir/subgraphs.ts';
import { widenTensor } from '../tensor/half.ts';
import { int64, sizeOf, type Tensor } from '../tensor/tensor.ts';
import { liftAndCapture } from './capture.ts';
import type { Engine, Tensors } from './engine.ts';

/** Operators whose result differs from run to run. */
const RANDOM = /^(Random|Bernoulli|Multinomial)/;
/** Elements of a constant that the runtime computes at most. */
const MOST_ELEMENTS = 2 ** 26;

/**
 * Fixes a model to one shape of its inputs: what does not depend on them is computed now and becomes a constant, shapes among it.
 *
 * @param feeds  inputs of the shape that is wanted; their values do not matter
 * @returns      the model at opset 17 or more in float32, without the nodes that are constant, and the shapes of its values
 * Cost: two or three passes of the model, all its values in memory.
 */
export async function freeze(
  engine: Engine,
  model: Model,
  feeds: Tensors,
): Promise<{ model: Model; captured: Captured }> {
  const { model: lifted, captured } = await liftAndCapture(engine, widenFloats(model), widened(feeds));
  const wide = widenFloats(lifted);
  const graph = wide.graph;
  const constants = new Map(graph.constants);
  for (const node of graph.nodes) {
    const found = shapeValue(node, captured);
    if (found !== undefined) constants.set(node.outputs[0] ?? '', constantOf(found));
  }
  const folded = constantNodes(graph.nodes, constants, captured);
  const values = await valuesOf(engine, wide, { constants, nodes: folded, captured });
  for (const [name, tensor] of values) constants.set(name, constantOf(tensor));
  const isDone = (node: Node): boolean => node.outputs.every((name) => name === '' || constants.has(name));
  const nodes = graph.nodes.filter((node) => !isDone(node));
  const kept = neededOnly({ ...wide, graph: { ...graph, nodes, constants, valueInfo: [] } });
  return { model: kept, captured };
}

/** Feeds in the types of a widened model. */
function widened(feeds: Tensors): Tensors {
  return new Map([...feeds].map(([name, tensor]) => [name, widenTensor(tensor)]));
}

/** What Shape and Size give, by the shapes as they were. */
function shapeValue({ op, domain, inputs, attributes }: Node, captured: Captured): Tensor | undefined {
  const dims = captured.get(inputs[0] ?? '')?.dims;
  if (domain !== '' || dims === undefined) return undefined;
  if (op === 'Size') return int64([sizeOf(dims)], []);
  if (op !== 'Shape') return undefined;
  const at = (name: string, fallback: number): number => {
    const found = attributes.get(name);
    return found?.kind === 'int' ? Number(found.value) : fallback;
  };
  return int64(dims.slice(at('start', 0), at('end', dims.length)));
}

/** Nodes that read constants alone, in order. */
function constantNodes(nodes: readonly Node[], constants: ReadonlyMap<string, Constant>, captured: Captured): Node[] {
  const known = new Set(constants.keys());
  return nodes.filter((node) => {
    const outputs = node.outputs.filter((name) => name !== '');
    if (outputs.every((name) => known.has(name)) || RANDOM.test(node.op) || hasSubgraphs(node)) return false;
    if (!readsOf(node).every((name) => name === '' || known.has(name))) return false;
    if (outputs.some((name) => sizeOf(captured.get(name)?.dims ?? []) > MOST_ELEMENTS)) return false;
    for (const name of outputs) known.add(name);
    return true;
  });
}

/** Runs the nodes that read constants alone, and gives what others read of them. */
async function valuesOf(
  engine: Engine,
  model: Model,
  {
    constants,
    nodes,
    captured,
  }: {
    readonly constants: ReadonlyMap<string, Constant>;
    readonly nodes: readonly Node[];
    readonly captured: Captured;
  },
): Promise<Tensors> {
  if (nodes.length === 0) return new Map();
  const inside = new Set(nodes);
  const wanted = new Set(model.graph.outputs.map(({ name }) => name));
  for (const node of model.graph.nodes) if (!inside.has(node)) for (const name of readsOf(node)) wanted.add(name);
  const made = nodes.flatMap(({ outputs }) => outputs).filter((name) => wanted.has(name));
  const read = new Set(nodes.flatMap(readsOf));
  const graph: Graph = {
    ...model.graph,
    nodes,
    constants: new Map([...constants].filter(([name]) => read.has(name))),
    inputs: [],
    outputs: made.map((name) => ({ name, type: captured.get(name)?.type ?? null, shape: null })),
    valueInfo: [],
  };
  const session = await (engine.host ?? engine).createSession({ ...model, graph }, { optimization: 'none' });
  try {
    return await session.run(new Map());
  } finally {
    await session.release();
  }
}
