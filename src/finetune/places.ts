import type { Captured } from '../graph/captured.ts';
import { intsAttribute } from '../ir/access.ts';
import type { Graph, Node } from '../ir/model.ts';
import { sizeOf } from '../tensor/tensor.ts';

/** Where the values of a graph stand among its layers. */
export interface Places {
  /** Whether it depends on an input of the graph through a layer with weights. */
  isBehindLayer(value: string): boolean;
  /** Whether a layer with weights depends on it. */
  isBeforeLayer(value: string): boolean;
  /** Whether it is what a layer with weights gives out, moved at most. */
  isLayerOutput(value: string): boolean;
  /** Whether it is a table of scores on its way into a softmax: products of two values of which neither is constant. */
  isScore(value: string): boolean;
  /** Axis of the channels: 1, or -1 for the last; null where it is not known. */
  channelAxis(value: string): number | null;
}

const PRODUCTS = new Set(['MatMul', 'Gemm', 'Einsum', 'MatMulInteger']);
const CONVOLUTIONS = new Set(['Conv', 'ConvTranspose', 'ConvInteger', 'QLinearConv']);
/** Normalisations and tables of embeddings hold what was learnt, too. */
const OTHERS = new Set([
  'LSTM',
  'GRU',
  'RNN',
  'Gather',
  'BatchNormalization',
  'InstanceNormalization',
  'GroupNormalization',
]);
const CHANNELS_FIRST = new Set(['BatchNormalization', 'InstanceNormalization', 'GroupNormalization', 'PRelu']);
const MOVES = new Set(['Identity', 'Transpose', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Cast', 'Dropout']);
const ELEMENTWISE = new Set(['Add', 'Sub', 'Mul', 'Div', 'Where', 'Neg', 'Clip', 'Max', 'Min', 'Tanh', 'Pow']);

/** Looks at a graph once in each direction. */
export function placesOf(graph: Graph, captured: Captured): Places {
  const given = new Set(graph.inputs.filter(({ name }) => !graph.constants.has(name)).map(({ name }) => name));
  const dynamic = new Set(given);
  const [behind, outputs, products] = [new Set<string>(), new Set<string>(), new Set<string>()];
  const axes = new Map<string, number | null>();
  const isSmall = (name: string): boolean => sizeOf(captured.get(name)?.dims ?? [2]) === 1;
  for (const node of graph.nodes) {
    const live = node.inputs.filter((name) => dynamic.has(name));
    const isLayer = live.length > 0 && hasWeights(graph, node, live.length);
    for (const y of node.outputs) {
      if (live.length > 0) dynamic.add(y);
      if (isLayer || live.some((name) => behind.has(name))) behind.add(y);
      if (isLayer || (MOVES.has(node.op) && outputs.has(node.inputs[0] ?? ''))) outputs.add(y);
      axes.set(y, axisBehind(node, isLayer, axes));
    }
    if (
      isProduct(node, live) ||
      keepsScores(
        node,
        live.filter((name) => !isSmall(name)),
        products,
      )
    )
      products.add(node.outputs[0] ?? '');
  }
  const [before, toSoftmax] = [new Set<string>(), new Set<string>()];
  for (const node of [...graph.nodes].reverse()) {
    const live = node.inputs.filter((name) => dynamic.has(name));
    const isLayer = live.length > 0 && hasWeights(graph, node, live.length);
    const leads = node.op === 'Softmax' || (passes(node) && node.outputs.some((y) => toSoftmax.has(y)));
    for (const x of live) {
      if (isLayer || node.outputs.some((y) => before.has(y))) before.add(x);
      if (leads) toSoftmax.add(x);
    }
  }
  return {
    isBehindLayer: (value) => behind.has(value),
    isBeforeLayer: (value) => before.has(value),
    isLayerOutput: (value) => outputs.has(value),
    isScore: (value) => products.has(value) && toSoftmax.has(value),
    channelAxis: (value) => axes.get(value) ?? null,
  };
}

/** Whether a node mixes its input with weights: some of its inputs are no values of the run. */
function hasWeights({ constants }: Graph, { op, inputs }: Node, live: number): boolean {
  if (op === 'Gather') return constants.get(inputs[0] ?? '')?.type.startsWith('float') ?? false;
  if (!(PRODUCTS.has(op) || CONVOLUTIONS.has(op) || OTHERS.has(op))) return false;
  return live < inputs.filter((name) => name !== '').length;
}

function isProduct({ op }: Node, live: readonly string[]): boolean {
  return PRODUCTS.has(op) && live.length > 1;
}

/** Whether scores stay scores: nothing else that varies, but for scalars, comes into them. */
function keepsScores(node: Node, live: readonly string[], products: ReadonlySet<string>): boolean {
  return passes(node) && live.length > 0 && live.every((name) => products.has(name));
}

function passes({ op }: Node): boolean {
  return MOVES.has(op) || ELEMENTWISE.has(op);
}

function axisBehind(node: Node, isLayer: boolean, axes: ReadonlyMap<string, number | null>): number | null {
  const { op, inputs } = node;
  if (CONVOLUTIONS.has(op) || CHANNELS_FIRST.has(op)) return 1;
  if ((isLayer && (PRODUCTS.has(op) || op === 'Gather')) || op === 'LayerNormalization' || op === 'RMSNormalization')
    return -1;
  if (op === 'Reshape' || op === 'Flatten' || op === 'Squeeze' || op === 'Unsqueeze' || PRODUCTS.has(op)) return null;
  const known = inputs.map((name) => axes.get(name)).find((axis) => axis !== null && axis !== undefined) ?? null;
  return op === 'Transpose' && known !== null ? moved(known, intsAttribute(node, 'perm')) : known;
}

/** Where an axis lies behind a Transpose: as 1 or as the last, else unknown. */
function moved(axis: number, perm: readonly number[] | undefined): number | null {
  if (perm === undefined) return null;
  const at = perm.indexOf((axis + perm.length) % perm.length);
  if (at === perm.length - 1) return -1;
  return at === 1 ? 1 : null;
}
