import { liftAndCapture } from '../engine/capture.ts';
import type { Engine, Session, Tensors } from '../engine/engine.ts';
import { GraphBuilder } from '../graph/builder.ts';
import type { Captured } from '../graph/captured.ts';
import { constantsOf } from '../graph/constants.ts';
import { factsOf, statisticsInputs } from '../graph/operators/table.ts';
import { floatAttribute } from '../ir/access.ts';
import type { Graph, Model, Node } from '../ir/model.ts';
import { sizeOf, type Tensor } from '../tensor/tensor.ts';

/** A place in a network where the statistics of each channel are kept. */
export interface Site {
  /** The value whose channels (axis 1) are measured. */
  readonly value: string;
  readonly node: Node;
  /** `norm`: a BatchNormalization's input; `bare`: the output of a convolution that no BatchNormalization follows. */
  readonly kind: 'norm' | 'bare';
  readonly channels: number;
  /** Positions of one sample in one channel. */
  readonly cells: number;
}

/** Mean and variance of each channel over all samples and positions. */
export interface ChannelStatistics {
  readonly mean: Float64Array;
  readonly variance: Float64Array;
}

/** Statistics by the value of their site. */
export type Statistics = ReadonlyMap<string, ChannelStatistics>;

/** What {@link measureStatistics} goes through. */
export interface StatisticsRequest {
  readonly engine: Engine;
  readonly model: Model;
  /** Batches of inputs, all of one size. */
  readonly batches: () => AsyncIterable<Tensors>;
  /** What each batch counts; default 1. */
  readonly weights?: readonly number[];
  /** Statistics to which bare sites are brought back on the way, batch by batch; absent = they run as they are. */
  readonly restore?: Statistics;
  /**
   * Whether BatchNormalization uses the batch's own statistics on the way (training form) or the stored ones. A batch with a
   * single value of a channel has none: there the stored ones are used.
   */
  readonly batchNorm: 'batch' | 'stored';
}

/** Sites of a graph at opset 17 or later, constants as initializers. */
export function sitesOf(graph: Graph, captured: Captured): Site[] {
  const users = new Map<string, Node[]>();
  for (const node of graph.nodes) for (const x of node.inputs) users.set(x, [...(users.get(x) ?? []), node]);
  const isNorm = (node: Node): boolean => statisticsInputs(node).length > 0;
  return graph.nodes.flatMap((node): Site[] => {
    const value = isNorm(node) ? (node.inputs[0] as string) : (node.outputs[0] ?? '');
    const [, channels = 0, ...positions] = captured.get(value)?.dims ?? [];
    if (channels === 0) return [];
    const cells = sizeOf(positions);
    if (isNorm(node)) return [{ value, node, kind: 'norm', channels, cells }];
    const { weights, activates } = factsOf(node);
    const isConv = activates === undefined && weights?.[0]?.operand?.form === 'patches';
    const following = users.get(value) ?? [];
    const last = following.length === 0 || graph.outputs.some((o) => o.name === value);
    return isConv && !last && !following.some(isNorm) ? [{ value, node, kind: 'bare', channels, cells }] : [];
  });
}

/**
 * Runs a model over batches and measures the channels at every site; a channel of which only one value was seen has no statistics. Without a site nothing runs but for the shapes.
 *
 * Means in f32 within a batch, pooled in f64. Cost: one forward pass a sample; two passes more over the measured values.
 */
export async function measureStatistics(
  request: StatisticsRequest,
): Promise<{ statistics: Map<string, ChannelStatistics>; sites: Site[] }> {
  let opened: Opened | undefined;
  const sums = new Map<string, { mean: Float64Array; square: Float64Array }>();
  let [runs, count] = [0, 0];
  try {
    for await (const feeds of request.batches()) {
      opened ??= await open(request, feeds);
      if (opened.sites.length === 0) break;
      const outputs = await opened.session.run(feeds);
      const weight = request.weights?.[runs] ?? 1;
      runs++;
      count += weight;
      for (const [i, site] of opened.sites.entries()) {
        const [mean, variance] = [outputs.get(`mean${i}`), outputs.get(`variance${i}`)] as [Tensor, Tensor];
        const part = { mean: mean.data as Float32Array, variance: variance.data as Float32Array, weight };
        add(sums, site, part);
      }
    }
  } finally {
    await opened?.session.release();
  }
  const statistics = new Map<string, ChannelStatistics>();
  for (const [value, { mean, square }] of sums) {
    if (runs * (opened?.values.get(value) ?? 0) < 2) continue;
    const average = mean.map((x) => x / count);
    statistics.set(value, {
      mean: average,
      variance: square.map((x, c) => Math.max(x / count - (average[c] as number) ** 2, 0)),
    });
  }
  return { statistics, sites: opened?.sites ?? [] };
}

function add(
  sums: Map<string, { mean: Float64Array; square: Float64Array }>,
  site: Site,
  { mean, variance, weight }: { mean: Float32Array; variance: Float32Array; weight: number },
): void {
  const sum = sums.get(site.value) ?? {
    mean: new Float64Array(site.channels),
    square: new Float64Array(site.channels),
  };
  for (let c = 0; c < site.channels; c++) {
    (sum.mean[c] as number) += weight * (mean[c] as number);
    (sum.square[c] as number) += weight * ((variance[c] as number) + (mean[c] as number) ** 2);
  }
  sums.set(site.value, sum);
}

interface Opened {
  readonly session: Session;
  readonly sites: Site[];
  /** Of each site, values of a channel in one batch. */
  readonly values: ReadonlyMap<string, number>;
}

/** Opens the model with statistics measured, and applied where asked, at every site. */
async function open(request: StatisticsRequest, feeds: Tensors): Promise<Opened> {
  const { model, captured } = await liftAndCapture(request.engine, request.model, feeds);
  const sites = sitesOf(model.graph, captured);
  const byNode = new Map(sites.map((site, i) => [site.node, { site, i }]));
  const builder = new GraphBuilder({ ...model.graph, nodes: [] });
  for (const node of model.graph.nodes) for (const y of node.outputs) if (y !== '') builder.fresh(y);
  for (const node of model.graph.nodes) {
    const found = byNode.get(node);
    if (found === undefined) builder.nodes.push(node);
    else emitSite(builder, request, { ...found, dims: captured.get(found.site.value)?.dims ?? [] });
  }
  const built = builder.build({ opsets: model.opsets, irVersion: Math.max(8, model.irVersion) });
  const values = new Map(
    sites.map(({ value, channels }) => [value, sizeOf(captured.get(value)?.dims ?? []) / channels]),
  );
  return { session: await request.engine.createSession(built), sites, values };
}

function emitSite(
  builder: GraphBuilder,
  request: StatisticsRequest,
  { site, i, dims }: { site: Site; i: number; dims: readonly number[] },
): void {
  const { node, kind } = site;
  const single = sizeOf(dims) < 2 * site.channels;
  const stored = kind === 'norm' && (request.batchNorm === 'stored' || single);
  const target = kind === 'bare' && !single ? request.restore?.get(site.value) : undefined;
  const output = node.outputs[0] as string;
  const raw = kind === 'norm' ? site.value : target === undefined ? output : builder.fresh(`${output}~raw`);
  if (kind === 'bare') builder.nodes.push({ ...node, outputs: [raw] });
  const axes = builder.ints(dims.flatMap((_, axis) => (axis === 1 ? [] : [axis])));
  const share = builder.scalar((dims[1] as number) / sizeOf(dims));
  const average = (value: string): string =>
    builder.emit('Mul', [builder.emit('ReduceSum', [value, axes], { keepdims: 1 }), share]);
  const mean = average(raw);
  const centred = builder.emit('Sub', [raw, mean]);
  const variance = average(builder.emit('Mul', [centred, centred]));
  builder.output(mean, `mean${i}`);
  builder.output(variance, `variance${i}`);
  if (stored) builder.nodes.push(node);
  else if (kind === 'norm')
    normalize(builder, {
      centred,
      variance,
      output,
      dims,
      epsilon: floatAttribute(node, 'epsilon', 1e-5),
      scale: node.inputs[1] as string,
      bias: node.inputs[2] as string,
    });
  else if (target !== undefined) {
    const vector = (values: Float64Array): string =>
      builder.constant({ type: 'float32', dims: [values.length], data: Float32Array.from(values) });
    const scale = vector(target.variance.map(Math.sqrt));
    normalize(builder, { centred, variance, output, dims, epsilon: RESTORE_EPSILON, scale, bias: vector(target.mean) });
  }
}

/** Keeps a channel that has become constant from being divided by zero. */
export const RESTORE_EPSILON = 1e-6;

interface Normalization {
  readonly centred: string;
  readonly variance: string;
  readonly output: string;
  readonly dims: readonly number[];
  readonly epsilon: number;
  readonly scale: string;
  readonly bias: string;
}

/** output = centred / sqrt(variance + epsilon) * scale + bias */
function normalize(
  builder: GraphBuilder,
  { centred, variance, output, dims, epsilon, scale, bias }: Normalization,
): void {
  const shape = builder.ints([dims[1] as number, ...dims.slice(2).map(() => 1)]);
  const deviation = builder.emit('Sqrt', [builder.emit('Add', [variance, builder.scalar(epsilon)])]);
  const unit = builder.emit('Div', [centred, deviation]);
  const scaled = builder.emit('Mul', [unit, builder.emit('Reshape', [scale, shape])]);
  builder.nodes.push({
    name: '',
    op: 'Add',
    domain: '',
    inputs: [scaled, builder.emit('Reshape', [bias, shape])],
    outputs: [output],
    attributes: new Map(),
  });
}

/** Whether all these names are constants of the model. */
export function hasConstants(model: Model, names: readonly string[]): boolean {
  const constants = constantsOf(model.graph);
  return names.every((name) => constants.has(name));
}
