import type { Graph, Model, Node } from '../ir/model.ts';
import { readsOf } from '../ir/subgraphs.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Tensors } from './engine.ts';

/** Runs a model and gives all values of its nodes. */
type Run = (part: Model, feeds: Tensors) => Promise<Tensors>;

/**
 * Runs a graph a run of nodes at a time, in their order: each part is a graph of its own, whose inputs are what it reads of the parts
 * before it.
 *
 * @param most  nodes of a part
 * @param run   runs a part; what it gives back has to have the value of each of its nodes that a later one reads
 * @returns     what each part gave
 * Cost: linear in the nodes and their inputs. Memory: the values that later parts read.
 */
export async function* runInParts(
  model: Model,
  { most, feeds }: { readonly most: number; readonly feeds: Tensors },
  run: Run,
): AsyncGenerator<Tensors> {
  const { graph } = model;
  const lastRead = lastReaders(graph.nodes, most);
  const known = new Map<string, Tensor>(feeds);
  for (let first = 0, t = 0; first < graph.nodes.length; first += most, t++) {
    const { part, inputs } = partOf(graph, graph.nodes.slice(first, first + most), known);
    const outputs = await run({ ...model, graph: part }, inputs);
    yield outputs;
    for (const [name, tensor] of outputs) if ((lastRead.get(name) ?? -1) > t) known.set(name, tensor);
    for (const name of known.keys()) if (!feeds.has(name) && (lastRead.get(name) ?? -1) <= t) known.delete(name);
  }
}

/** The last part that reads each value. */
function lastReaders(nodes: readonly Node[], most: number): Map<string, number> {
  const last = new Map<string, number>();
  for (const [i, node] of nodes.entries()) for (const name of readsOf(node)) last.set(name, Math.floor(i / most));
  return last;
}

/** Nodes as a graph with what they read; values that are known beforehand are its inputs. */
function partOf(
  graph: Graph,
  nodes: readonly Node[],
  known: Tensors,
): { readonly part: Graph; readonly inputs: Tensors } {
  const read = new Set(nodes.flatMap(readsOf));
  const own = new Set(nodes.flatMap(({ outputs }) => outputs));
  const constants = new Map([...graph.constants].filter(([name]) => read.has(name)));
  const inputs = new Map([...known].filter(([name]) => read.has(name)));
  return {
    part: {
      ...graph,
      nodes,
      constants,
      inputs: [...inputs].map(([name, { type, dims }]) => ({ name, type, shape: dims.map(() => null) })),
      outputs: graph.outputs.filter(({ name }) => own.has(name)),
      valueInfo: graph.valueInfo.filter(({ name }) => own.has(name)),
    },
    inputs,
  };
}
