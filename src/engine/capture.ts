import { EngineError } from '../errors/errors.ts';
import type { Captured, CapturedValue } from '../graph/captured.ts';
import { constantsToInitializers } from '../graph/passes/constants-to-initializers.ts';
import { foldBranches } from '../graph/passes/fold-branches.ts';
import { hollowWeights } from '../graph/passes/hollow-weights.ts';
import { liftOpset } from '../graph/passes/lift-opset.ts';
import { lowerComposites } from '../graph/passes/lower.ts';
import { straightThrough } from '../graph/passes/straight-through.ts';
import type { Graph, Model } from '../ir/model.ts';
import { sizeOf, type Tensor } from '../tensor/tensor.ts';
import type { Engine, Tensors } from './engine.ts';
import { refuseGiants } from './giants.ts';
import { runInParts } from './in-parts.ts';

/** Integer and boolean values up to this many elements are kept with their shapes: they steer Reshape, Slice and the like. */
const KEPT_ELEMENTS = 4096;

/** Nodes whose values are recorded in one run: the runtime takes more than the square of the time for more of them. */
const NODES_A_RUN = 4000;

/**
 * Runs a model once with every intermediate value exposed, and records what each one turned out to be. A graph of many nodes runs in
 * parts, each fed what those before it made.
 *
 * @param most  nodes of one part
 * @returns types and shapes by value name; small integer values too
 * @throws EngineError if the model does not run on these inputs, or a node of it makes more numbers than memory holds
 * Cost: one forward pass on the processor without graph optimisation; all activations at once in memory, or those of a part and
 * what later ones read. The largest weights of large models are zeros in it (see hollowWeights).
 */
export async function capture(engine: Engine, model: Model, feeds: Tensors, most = NODES_A_RUN): Promise<Captured> {
  refuseGiants(model.graph);
  const hollow = hollowWeights(model);
  const captured = new Map<string, CapturedValue>();
  for (const [name, tensor] of feeds) captured.set(name, record(tensor));
  const note = (outputs: Tensors): void => {
    for (const [name, tensor] of outputs) captured.set(name, record(tensor));
  };
  if (hollow.graph.nodes.length <= most) note(await runExposed(engine, hollow, feeds));
  else
    for await (const outputs of runInParts(hollow, { most, feeds }, (part, own) => runExposed(engine, part, own)))
      note(outputs);
  return captured;
}

async function runExposed(engine: Engine, model: Model, feeds: Tensors): Promise<Tensors> {
  const session = await (engine.host ?? engine).createSession(exposeAll(model), { optimization: 'none' });
  try {
    return await session.run(feeds);
  } catch (cause) {
    throw cause instanceof EngineError ? cause : new EngineError('Cannot record the shapes of the model', { cause });
  } finally {
    await session.release();
  }
}

function record(tensor: Tensor): CapturedValue {
  const { type, dims } = tensor;
  const keep = !type.startsWith('float') && type !== 'string' && sizeOf(dims) <= KEPT_ELEMENTS;
  return keep ? { type, dims, value: tensor } : { type, dims };
}

/** The same model with every node output among the graph's outputs. */
function exposeAll(model: Model): Model {
  const { graph } = model;
  const known = new Map([...graph.outputs, ...graph.valueInfo].map((info) => [info.name, info]));
  const names = new Set<string>(graph.outputs.map((output) => output.name));
  for (const node of graph.nodes) for (const name of node.outputs) if (name !== '') names.add(name);
  const declared = new Map(graph.outputs.map((output) => [output.name, output]));
  const outputs = [...names].map(
    (name) => declared.get(name) ?? { name, type: null, shape: null, ...untyped(known, name) },
  );
  return { ...model, graph: { ...graph, outputs } satisfies Graph };
}

/** A declared type is kept, a declared shape is not: exporters get shapes wrong. */
function untyped(known: ReadonlyMap<string, { type: unknown }>, name: string): object {
  const info = known.get(name);
  return info === undefined || info.type === null ? {} : { type: info.type };
}

/**
 * Runs a model once with every intermediate value exposed, those of branches that always run too.
 *
 * @returns the model with its constants as initializers and such branches in the place of their If, and what its values are
 * Cost: that of {@link capture}, and once more for each level of branches whose condition is made of shapes.
 */
export async function foldAndCapture(
  engine: Engine,
  model: Model,
  feeds: Tensors,
): Promise<{ model: Model; captured: Captured }> {
  let plain = { ...model, graph: foldBranches(constantsToInitializers(model.graph)) };
  for (;;) {
    const captured = await capture(engine, plain, feeds);
    const graph = foldBranches(plain.graph, captured);
    if (graph === plain.graph) return { model: plain, captured };
    plain = { ...plain, graph };
  }
}

/**
 * The model at opset 17 or later with its constants as initializers, branches that always run in the place of their If, and its
 * composite operators written in plain ones and roundings of activations so that gradients pass; and the shapes of all its values.
 *
 * @param anyBatch  for a model that will run with other batch sizes than this one: operators whose plain form does not are left
 */
export async function liftAndCapture(
  engine: Engine,
  model: Model,
  feeds: Tensors,
  anyBatch = false,
): Promise<{ model: Model; captured: Captured }> {
  const { model: plain, captured: first } = await foldAndCapture(engine, model, feeds);
  const lifted = liftOpset(plain, first);
  const clean = lifted === plain ? plain : { ...lifted, graph: constantsToInitializers(lifted.graph) };
  const captured = clean === plain ? first : await capture(engine, clean, feeds);
  const lowered = straightThrough(lowerComposites(clean, captured, anyBatch), captured);
  return lowered === clean
    ? { model: clean, captured }
    : { model: lowered, captured: await capture(engine, lowered, feeds) };
}
