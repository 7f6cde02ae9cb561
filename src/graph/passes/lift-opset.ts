import { UnsupportedOpError } from '../../errors/errors.ts';
import type { Attribute, Graph, Model, Node } from '../../ir/model.ts';
import { definedIn, hasSubgraphs, withSubgraphs } from '../../ir/subgraphs.ts';
import { GraphBuilder } from '../builder.ts';
import type { Captured } from '../captured.ts';
import { AXES } from './lift/axes.ts';
import { EXPERIMENTAL } from './lift/experimental.ts';
import { knownValues } from './lift/known-values.ts';
import { LAYERS } from './lift/layers.ts';
import { type Adapter, keep, type Lifting, without } from './lift/lifting.ts';

/** The lowest opset that the rest of the program reads. */
export const LIFTED_OPSET = 17;
/** The IR version that goes with it. */
const LIFTED_IR_VERSION = 8;

const ADAPTERS: ReadonlyMap<string, Adapter> = new Map(
  [...AXES, ...LAYERS, ...EXPERIMENTAL].map((adapter) => [adapter.op, adapter]),
);

/**
 * Rewrites a model of an older ai.onnx opset in the forms of opset 17: attributes that became inputs, broadcasting by
 * axis, the flattening Softmax, Upsample, experiments of the early days. Names of initializers, inputs and outputs stay;
 * subgraphs are lifted too. Dropout and batch normalisation take their inference form.
 *
 * @param captured  shapes and types of a run of this model; few models need them (see {@link knownValues} for what else serves);
 *                  a dimension of one after the axis of an old Softmax is taken for one in every run
 * @returns         an equivalent model; the same object if its opset is 17 or more, or it does not use ai.onnx
 * @throws UnsupportedOpError  naming every node that has no equivalent at opset 17, all at once
 * Cost: one pass over the nodes; weights are shared. Idempotent.
 * Source: the operator changelog of the ONNX standard.
 */
export function liftOpset(model: Model, captured?: Captured): Model {
  const opset = model.opsets.get('');
  if (opset === undefined || opset >= LIFTED_OPSET) return model;
  const graphs = withSubgraphs(model.graph);
  const builder = builderFor(model.graph, graphs);
  const reads = readValues(graphs);
  const lifting: Lifting = {
    opset,
    builder,
    known: knownValues(graphs, captured),
    isRead: (value) => reads.has(value),
  };
  const problems: Problem[] = [];
  const graph = liftGraph(model.graph, lifting, problems);
  if (problems.length > 0) throw refusal(opset, problems);
  return {
    ...model,
    irVersion: Math.max(model.irVersion, LIFTED_IR_VERSION),
    opsets: new Map([...model.opsets, ['', LIFTED_OPSET]]),
    graph: { ...graph, inputs: feedable(model), constants: builder.constants },
  };
}

interface Problem {
  readonly node: string;
  readonly op: string;
  readonly reason: string;
}

/** Emits all nodes of a graph in their new forms. New constants belong to the outermost graph, which subgraphs see. */
function liftGraph(graph: Graph, lifting: Lifting, problems: Problem[]): Graph {
  const { nodes } = lifting.builder;
  const start = nodes.length;
  for (const old of graph.nodes) {
    const node = clean({ ...old, attributes: liftAttributes(old, lifting, problems) }, lifting.opset);
    const adapter = node.domain === '' ? ADAPTERS.get(node.op) : undefined;
    const reason =
      adapter === undefined || lifting.opset >= adapter.before ? keep(lifting, node) : adapter.lift(node, lifting);
    if (reason !== undefined) problems.push({ node: node.name || (node.outputs[0] ?? ''), op: node.op, reason });
  }
  return { ...graph, nodes: nodes.splice(start) };
}

function liftAttributes(node: Node, lifting: Lifting, problems: Problem[]): ReadonlyMap<string, Attribute> {
  if (!hasSubgraphs(node)) return node.attributes;
  return new Map(
    [...node.attributes].map(([name, attribute]): [string, Attribute] => {
      if (attribute.kind === 'graph')
        return [name, { ...attribute, value: liftGraph(attribute.value, lifting, problems) }];
      if (attribute.kind === 'graphs')
        return [name, { ...attribute, value: attribute.value.map((graph) => liftGraph(graph, lifting, problems)) }];
      return [name, attribute];
    }),
  );
}

/** Opset 1 to 5 let operators say which inputs they may overwrite. */
function clean(node: Node, opset: number): Node {
  return opset < 7 && node.attributes.has('consumed_inputs')
    ? { ...node, attributes: without(node, ['consumed_inputs']) }
    : node;
}

/** IR versions before 4 listed every initializer among the inputs; later ones take that for a default that may be fed. */
function feedable({ irVersion, graph }: Model): Graph['inputs'] {
  return irVersion < 4 ? graph.inputs.filter((input) => !graph.constants.has(input.name)) : graph.inputs;
}

/** A builder that holds the constants but no nodes, and knows every name of the model. */
function builderFor(graph: Graph, graphs: readonly Graph[]): GraphBuilder {
  const builder = new GraphBuilder({ ...graph, nodes: [] });
  const own = new Set([...graph.constants.keys(), ...graph.inputs.map(({ name }) => name)]);
  for (const name of graphs.flatMap((one) => [...definedIn(one)])) if (!own.has(name)) builder.fresh(name);
  return builder;
}

function readValues(graphs: readonly Graph[]): Set<string> {
  const reads = new Set<string>();
  for (const graph of graphs) {
    for (const node of graph.nodes) for (const name of node.inputs) reads.add(name);
    for (const output of graph.outputs) reads.add(output.name);
  }
  reads.delete('');
  return reads;
}

function refusal(opset: number, problems: readonly Problem[]): UnsupportedOpError {
  const list = problems.map(({ node, op, reason }) => `node "${node}" (${op}): ${reason}`).join('; ');
  return new UnsupportedOpError(`Cannot rewrite the model from opset ${opset} to ${LIFTED_OPSET}: ${list}`, {
    fields: { opset, nodes: problems },
  });
}
