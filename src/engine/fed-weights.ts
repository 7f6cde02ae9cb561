import { axisRule, factsOf } from '../graph/operators/table.ts';
import { tensorOf } from '../ir/access.ts';
import type { Constant, Graph, Model, Node } from '../ir/model.ts';
import { readsOf } from '../ir/subgraphs.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Session } from './engine.ts';

/** Weights of all the model together from which on it is worth it, and of one of them: bytes. */
const LARGE = { model: 2 ** 27, constant: 2 ** 24 } as const;

/** A model whose large weights are inputs, and what these are to be fed. */
export interface FedModel {
  readonly model: Model;
  readonly weights: ReadonlyMap<string, Tensor>;
}

/**
 * A large model with its large float32 weights as inputs. A runtime is given a model as one array of bytes, reads it into messages and
 * copies the weights out of those: three copies at once and one that stays. Inputs are read where they lie.
 *
 * Only weights that nothing but convolutions, matrix products and Gather of the main graph read; the runtime's own preparations of constant
 * weights are lost on these.
 *
 * @returns null where nothing is large
 * Cost: a copy of a weight whose bytes are not aligned, as long as the session is there.
 */
export function fedModel(
  model: Model,
  least: { readonly model: number; readonly constant: number } = LARGE,
): FedModel | null {
  const { graph } = model;
  const large = [...graph.constants].filter(([, constant]) => bytesOf(constant) >= least.constant);
  if (large.reduce((sum, [, constant]) => sum + bytesOf(constant), 0) < least.model) return null;
  const held = heldNames(graph);
  const fed = large.filter(([name]) => !held.has(name));
  if (fed.length === 0) return null;
  const constants = new Map(graph.constants);
  for (const [name] of fed) constants.delete(name);
  const inputs = graph.inputs.filter(({ name }) => constants.has(name) || !graph.constants.has(name));
  for (const [name, { type, dims }] of fed) inputs.push({ name, type, shape: [...dims] });
  return {
    model: { ...model, graph: { ...graph, inputs, constants } },
    weights: new Map(fed.map(([name, constant]) => [name, tensorOf(constant)])),
  };
}

/** The session of such a model as one that knows its weights. */
export function feeding(session: Session, weights: ReadonlyMap<string, Tensor>): Session {
  return {
    ...session,
    inputs: session.inputs.filter((name) => !weights.has(name)),
    run: (feeds, fetches, room) => session.run(new Map([...feeds, ...weights]), fetches, room),
  };
}

/** Values that something reads as what has to be a constant, or may have to be. */
function heldNames(graph: Graph): Set<string> {
  const held = new Set(graph.outputs.map(({ name }) => name));
  for (const node of graph.nodes) {
    const free = node.domain === '' && isIndifferent(node);
    for (const name of readsOf(node)) if (!free) held.add(name);
  }
  return held;
}

/** Whether an operator takes its weights as a value as well as it takes them as a constant: no layer that goes through a sequence does. */
function isIndifferent(node: Node): boolean {
  const operand = factsOf(node).weights?.[0]?.operand;
  return (operand !== undefined && operand.form !== 'steps') || axisRule(node) === 'picked';
}

function bytesOf({ type, raw }: Constant): number {
  return type === 'float32' && raw instanceof Uint8Array ? raw.byteLength : 0;
}
