import { constantsOf, replaceConstants } from '../graph/constants.ts';
import { hasInputsFirst } from '../graph/use-matrix.ts';
import { constantOf, intAttribute, tensorOf } from '../ir/access.ts';
import type { Constant, Model, Node } from '../ir/model.ts';

/** A convolution whose channels can be changed one by one: weight and bias are constants, the weight of no other node. */
export interface OwnConvolution {
  readonly node: Node;
  readonly weightName: string;
  readonly weight: Constant;
  /** [channels]; null where the node has none. */
  readonly bias: Float32Array | null;
}

/** Null where the channels of a Conv or ConvTranspose cannot be changed without changing anything else, or are not float32. */
export function ownConvolution(model: Model, node: Node): OwnConvolution | null {
  const constants = constantsOf(model.graph);
  const [, weightName = '', biasName = ''] = node.inputs;
  const weight = constants.get(weightName);
  const bias = constants.get(biasName);
  const uses = model.graph.nodes.filter((other) => other.inputs.includes(weightName)).length;
  if (weight?.type !== 'float32' || uses !== 1 || (biasName !== '' && bias?.type !== 'float32')) return null;
  if (hasInputsFirst(node, 1) && intAttribute(node, 'group', 1) !== 1) return null;
  return { node, weightName, weight, bias: bias ? (tensorOf(bias).data as Float32Array) : null };
}

/**
 * The model with W_c := gain_c W_c and the whole bias anew. Zeros stay zeros.
 *
 * @param model  one with a node of the same output, that may have other constants than the one of {@link ownConvolution}
 * @param to     gain, bias: [channels]
 * Cost: a copy of the weight.
 */
export function withChannels(
  model: Model,
  { node, weightName, weight }: OwnConvolution,
  { gain, bias }: { readonly gain: Float64Array; readonly bias: Float64Array },
): Model {
  const { graph } = model;
  const values = vectorOf(bias);
  const scaled: [string, Constant] = [weightName, scaledChannels(node, weight, gain)];
  const [x = '', , biasName = ''] = node.inputs;
  const shared = biasName !== '' && graph.nodes.filter((other) => other.inputs.includes(biasName)).length > 1;
  if (biasName !== '' && !shared) {
    return { ...model, graph: replaceConstants(graph, new Map([scaled, [biasName, values]])) };
  }
  const own = `${node.outputs[0]}~bias`;
  const nodes = graph.nodes.map((other) =>
    other.outputs[0] === node.outputs[0] ? { ...other, inputs: [x, weightName, own] } : other,
  );
  const { constants, ...rest } = replaceConstants({ ...graph, nodes }, new Map([scaled]));
  return { ...model, graph: { ...rest, constants: new Map([...constants, [own, values]]) } };
}

/** One float32 for each channel. */
export function vectorOf(values: Float64Array): Constant {
  return constantOf({ type: 'float32', dims: [values.length], data: Float32Array.from(values) });
}

/** The weight of a convolution, each output channel times its gain. gain: [channels] */
export function scaledChannels(node: Node, weight: Constant, gain: Float64Array): Constant {
  const channels = gain.length;
  const W = Float32Array.from(tensorOf(weight).data as Float32Array);
  const inner = W.length / channels;
  const isWhole = !hasInputsFirst(node, 1);
  const kernel = isWhole ? inner : inner / (weight.dims[0] as number);
  for (let i = 0; i < W.length; i++) {
    const channel = isWhole ? Math.floor(i / inner) : Math.floor(i / kernel) % channels;
    W[i] = (W[i] as number) * (gain[channel] as number);
  }
  return constantOf({ type: 'float32', dims: weight.dims, data: W });
}
