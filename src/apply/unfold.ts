import { inOrder } from '../data/batches.ts';
import { type FeedSource, inputBatches, wholeBatches } from '../data/feeds.ts';
import type { Engine } from '../engine/engine.ts';
import { constantsOf, replaceConstants } from '../graph/constants.ts';
import { factsOf, isConvolution } from '../graph/operators/table.ts';
import { attributes, float, tensorOf } from '../ir/access.ts';
import type { Constant, Graph, Model, Node } from '../ir/model.ts';
import { type ChannelStatistics, measureStatistics } from './batch-statistics.ts';
import { type OwnConvolution, ownConvolution, scaledChannels, vectorOf, withChannels } from './convolution-channels.ts';

/** Options of {@link unfold}. */
export interface UnfoldOptions {
  readonly engine: Engine;
  /** Samples on which the channels are measured, from the first; labels are not used. */
  readonly source: FeedSource;
  readonly samples?: number;
  readonly batch?: number;
}

/** Defaults of {@link unfold}. */
export const UNFOLD_DEFAULTS = { samples: 256, batch: 16 } as const;

/** A model with batch normalisation, and the way back. */
export interface Unfolded {
  readonly model: Model;
  /** Convolutions that got a BatchNormalization. */
  readonly normalizations: number;
  /** Folds them into the convolutions again, with the weights and statistics that they have by then. Zeros stay zeros. */
  fold(trained: Model): Model;
}

/** Batch statistics of fewer positions a sample say too little: convolutions after global pooling are left as they are. */
const LEAST_CELLS = 16;
/** Channels that vary less than this have no scale. */
const LEAST_VARIANCE = 1e-8;
const EPSILON = 1e-5;
/** The first version of BatchNormalization that is in inference form without an attribute. */
const LEAST_OPSET = 7;

/**
 * Undoes the folding of batch normalisation: every convolution without one behind it (the last layer apart) gets one, with
 * the mean and variance measured there. Its filters are scaled to what filters in front of a batch normalisation look
 * like after training. The function of the model stays the same; but it trains at rates that folded models do not bear,
 * and the magnitudes of weights of different filters and layers can be compared again.
 *
 *   W_c := W_c / d_c,  y := (W_c x - mean_c) / sqrt(variance_c + eps) * gamma_c + beta_c
 *   d_c = sqrt(s_c) t      s_c = standard deviation of channel c; t: the layer's weights get mean square 1 / fan-in
 *
 * Of the weights that magnitude keeps of a ResNet-20 at 90 %, this scale finds 77 % again after folding; unit variance
 * of each channel 36 %, the folded weights 33 %.
 *
 * Models below opset 7 and convolutions that share their weight stay as they are.
 *
 * @throws EngineError if the model does not run
 * Cost: one forward pass a sample, and a copy of the weights that change.
 */
export async function unfold(model: Model, { engine, source, ...options }: UnfoldOptions): Promise<Unfolded> {
  const { samples, batch } = { ...UNFOLD_DEFAULTS, ...options };
  const same: Unfolded = { model, normalizations: 0, fold: (trained) => trained };
  if ((model.opsets.get('') ?? 0) < LEAST_OPSET) return same;
  if (!model.graph.nodes.some(isConvolution)) return same;
  const size = source.fixedBatch ?? Math.min(batch, source.count);
  const { statistics, sites } = await measureStatistics({
    engine,
    model,
    batches: () =>
      inputBatches(source, wholeBatches(inOrder(Math.min(Math.max(samples, size), source.count)), size), size),
    batchNorm: 'stored',
  });
  const added = new Map<string, Unfolding>();
  for (const site of sites) {
    const measured = statistics.get(site.value);
    const node = model.graph.nodes.find(({ outputs }) => outputs[0] === site.node.outputs[0]);
    if (site.kind !== 'bare' || site.cells < LEAST_CELLS || measured === undefined || node === undefined) continue;
    const own = isLast(model.graph, node) ? null : ownConvolution(model, node);
    if (own !== null) added.set(node.outputs[0] as string, unfolding(own, measured));
  }
  if (added.size === 0) return same;
  return { model: inserted(model, added), normalizations: added.size, fold: (trained) => folded(trained, added) };
}

/** Whether no other layer with weights comes behind a node: its outputs are the model's, up to their shape. */
function isLast({ nodes }: Graph, node: Node): boolean {
  const reached = new Set(node.outputs);
  const behind = nodes.slice(nodes.indexOf(node) + 1).filter(({ inputs, outputs }) => {
    if (!inputs.some((name) => reached.has(name))) return false;
    for (const name of outputs) reached.add(name);
    return true;
  });
  return !behind.some((node) => factsOf(node).weights !== undefined);
}

/** One convolution's BatchNormalization. */
interface Unfolding {
  readonly own: OwnConvolution;
  readonly weight: Constant;
  readonly names: {
    readonly raw: string;
    readonly scale: string;
    readonly shift: string;
    readonly mean: string;
    readonly variance: string;
  };
  readonly constants: ReadonlyMap<string, Constant>;
}

function unfolding(own: OwnConvolution, { mean, variance }: ChannelStatistics): Unfolding {
  const output = own.node.outputs[0] as string;
  const names = {
    raw: `${output}~raw`,
    scale: `${output}~scale`,
    shift: `${output}~shift`,
    mean: `${output}~mean`,
    variance: `${output}~variance`,
  };
  const divisor = divisorsOf(own, variance);
  const scaled = variance.map((v, c) => v / (divisor[c] as number) ** 2);
  return {
    own,
    weight: scaledChannels(
      own.node,
      own.weight,
      divisor.map((d) => 1 / d),
    ),
    names,
    constants: new Map([
      [names.scale, vectorOf(divisor.map((d, c) => d * Math.sqrt((scaled[c] as number) + EPSILON)))],
      [names.shift, vectorOf(mean)],
      [names.mean, vectorOf(mean.map((x, c) => (x - (own.bias?.[c] ?? 0)) / (divisor[c] as number)))],
      [names.variance, vectorOf(scaled)],
    ]),
  };
}

/**
 * d_c = sqrt(s_c) t, with t such that the root mean square of the layer's weights becomes 1 / sqrt(fan-in). Trained layers
 * in front of a batch normalisation look so: between the scale of the folded filter (s_c) and none, and smaller the more
 * inputs there are. [channels]
 */
function divisorsOf({ node, weight }: OwnConvolution, variance: Float64Array): Float64Array {
  const roots = variance.map((v) => (v > LEAST_VARIANCE ? v ** 0.25 : 1));
  const scaled = scaledChannels(
    node,
    weight,
    roots.map((root) => 1 / root),
  );
  const W = tensorOf(scaled).data as Float32Array;
  const square = W.reduce((sum, x) => sum + x * x, 0) / W.length;
  const fanIn = W.length / variance.length;
  const layer = square > 0 ? Math.sqrt(square * fanIn) : 1;
  return roots.map((root) => root * layer);
}

function inserted(model: Model, added: ReadonlyMap<string, Unfolding>): Model {
  const weights = new Map([...added.values()].map(({ own, weight }) => [own.weightName, weight]));
  const graph = replaceConstants(model.graph, weights);
  const nodes = graph.nodes.flatMap((node): Node[] => {
    const found = added.get(node.outputs[0] ?? '');
    if (found === undefined) return [node];
    const { raw, scale, shift, mean, variance } = found.names;
    return [
      { ...node, inputs: node.inputs.slice(0, 2), outputs: [raw] },
      {
        name: `${node.outputs[0]}~normalization`,
        op: 'BatchNormalization',
        domain: '',
        inputs: [raw, scale, shift, mean, variance],
        outputs: node.outputs,
        attributes: attributes({ epsilon: float(EPSILON) }),
      },
    ];
  });
  const constants = new Map([...graph.constants, ...[...added.values()].flatMap((one) => [...one.constants])]);
  return { ...model, graph: { ...graph, nodes, constants } };
}

/** W_c := W_c g_c,  b_c := beta_c - mean_c g_c      g = gamma / sqrt(variance + eps) */
function folded(trained: Model, added: ReadonlyMap<string, Unfolding>): Model {
  const values = constantsOf(trained.graph);
  const read = (name: string): Float64Array =>
    Float64Array.from(tensorOf(values.get(name) as Constant).data as ArrayLike<number>);
  const nodes = trained.graph.nodes.flatMap((node): Node[] => {
    if (added.has(node.outputs[0] ?? '')) return [];
    const original = [...added.values()].find(({ names }) => names.raw === node.outputs[0])?.own.node;
    return [original ?? node];
  });
  const constants = new Map(trained.graph.constants);
  for (const { constants: own } of added.values()) for (const name of own.keys()) constants.delete(name);
  let model: Model = { ...trained, graph: { ...trained.graph, nodes, constants } };
  for (const { own, names } of added.values()) {
    const [scale, shift, mean, variance] = [names.scale, names.shift, names.mean, names.variance].map(read) as [
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    const gain = scale.map((s, c) => s / Math.sqrt((variance[c] as number) + EPSILON));
    const bias = shift.map((b, c) => b - (mean[c] as number) * (gain[c] as number));
    const weight = values.get(own.weightName) as Constant;
    model = withChannels(model, { ...own, weight }, { gain, bias });
  }
  return model;
}
