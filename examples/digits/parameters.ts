import { constantOf, tensorOf } from '../../src/ir/access.ts';
import type { Graph, Model, Node } from '../../src/ir/model.ts';
import { float32, type Tensor } from '../../src/tensor/tensor.ts';

/** Parameters of a model by name, changed in place while training. */
export type Parameters = ReadonlyMap<string, Tensor<Float32Array>>;

/** Copies of a model's constants, which all have to be float32. */
export function parametersOf(model: Model): Parameters {
  return new Map([...model.graph.constants].map(([name, constant]) => [name, copied(tensorOf(constant))]));
}

/** The model with the parameters as they are now; later changes do not reach it. */
export function withParameters(model: Model, parameters: Parameters): Model {
  const constants = new Map([...parameters].map(([name, tensor]) => [name, constantOf(copied(tensor))]));
  return { ...model, graph: { ...model.graph, constants } };
}

/** The batch normalisations of a graph, in order. */
export function normalizations(graph: Graph): Node[] {
  return graph.nodes.filter((node) => node.op === 'BatchNormalization');
}

/** The parameters that gradients are wanted for: all but the statistics of batch normalisation. */
export function trainable(graph: Graph): string[] {
  const statistics = new Set(normalizations(graph).flatMap((node) => node.inputs.slice(3)));
  return [...graph.constants.keys()].filter((name) => !statistics.has(name));
}

function copied(tensor: Tensor): Tensor<Float32Array> {
  return float32(Float32Array.from(tensor.data as Float32Array), tensor.dims);
}
