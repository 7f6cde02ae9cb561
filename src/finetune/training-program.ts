import { activePaths, backward, targetsBehind } from '../autodiff/backward.ts';
import { shapeOf } from '../autodiff/context.ts';
import { emitLoss, type LossName, type Teacher } from '../autodiff/loss.ts';
import { liftAndCapture } from '../engine/capture.ts';
import { channelBlock } from '../engine/channel-block.ts';
import type { Engine, Room, Tensors } from '../engine/engine.ts';
import { OptionError, UnsupportedOpError } from '../errors/errors.ts';
import { blockedLayout, knownShapes } from '../graph/blocked/blocked-layout.ts';
import { GraphBuilder } from '../graph/builder.ts';
import type { Captured, CapturedValue } from '../graph/captured.ts';
import { constantsOf } from '../graph/constants.ts';
import { graft } from '../graph/graft.ts';
import { attributes, constantOf, float, floatAttribute } from '../ir/access.ts';
import type { Constant, Graph, Model, Node } from '../ir/model.ts';
import { float32, sizeOf, type Tensor } from '../tensor/tensor.ts';
import { seesSingleValues } from './kept-statistics.ts';
import { type Parameter, parametersOf } from './parameters.ts';

/** What a training program is built for. */
export interface TrainingRequest {
  readonly engine: Engine;
  readonly model: Model;
  readonly loss: LossName;
  /** Values that the loss is about: logits, where classes are told apart; default: the float outputs. */
  readonly ends?: readonly string[];
  /** Axis of one sample's part of the first of them along which classes lie. */
  readonly axis?: number;
  /** What the squared errors of ends that all imitate the teacher's are divided by. */
  readonly units?: readonly number[];
  /** Feeds of one batch; only types and shapes matter. */
  readonly feeds: Tensors;
  readonly samples: number;
  /** Leaves BatchNormalization in its inference form, with the running statistics as they are. */
  readonly frozenStatistics: boolean;
  /** Names of the parameters that are inputs; default: all. */
  readonly only?: ReadonlySet<string>;
  /** Share of the labels' probability that is spread over all classes. */
  readonly smoothing?: number;
  /** A model of the same inputs and outputs whose outputs are targets; it is run within the step, in its inference form. */
  readonly teacher?: Distillation;
  readonly threads?: number;
  /** Runs that proceed at once, each in a worker thread of its own; default: one in the caller's thread. */
  readonly workers?: number;
}

/** Knowledge distillation: another model's outputs as targets. */
export interface Distillation {
  readonly model: Model;
  /** Its values that correspond to the ends; default: its float outputs. */
  readonly ends?: readonly string[];
  /** Weight of its part of the loss, above 0; at 1 neither labels nor targets are needed. */
  readonly share: number;
  /** What logits are divided by. */
  readonly temperature: number;
}

/** A BatchNormalization whose running statistics follow the batches. */
export interface RunningStatistics {
  /** Names of the constants. */
  readonly mean: string;
  readonly variance: string;
  readonly channels: number;
  /** Cells that the statistics of a batch are taken over. */
  readonly cells: number;
  /** The share of a new batch (1 - ONNX's momentum attribute). */
  readonly share: number;
}

/** One batch's results. */
export interface TrainingStep {
  /** By parameter, of the mean loss; null for one that does not reach the loss. */
  readonly gradients: readonly (Float32Array | null)[];
  readonly losses: Float32Array;
  /** Of a classification: share of each sample's positions that were classified right, or as the teacher does; else null. */
  readonly hits: Float32Array | null;
  /** Mean and variance of the batch, by entry of `statistics`. */
  readonly measured: readonly { readonly mean: Float32Array; readonly variance: Float32Array }[];
}

/** The graph of a training step, ready to run. */
export interface TrainingProgram {
  readonly parameters: readonly Parameter[];
  /** Parameters that no gradient reaches, for an operator that cannot be differentiated: they stay as they are. */
  readonly blocked: readonly string[];
  readonly statistics: readonly RunningStatistics[];
  /** Normalisations that stay in their inference form, since a run has a single value of each of their channels. */
  readonly kept: number;
  /** The input that takes labels (int64) or targets; null where a teacher's outputs are all that is wanted. */
  readonly target: { readonly name: string; readonly dims: readonly number[] } | null;
  readonly classes: number | null;
  run(feeds: Tensors, values: ReadonlyMap<string, Float32Array>, room?: Room): Promise<TrainingStep>;
  release(): Promise<void>;
}

/**
 * Writes the graph of a training step and opens a session on it: parameters are inputs, gradients are outputs.
 *
 * @throws UnsupportedOpError  if nothing can be trained, or nodes that cannot be differentiated are in the way of all parameters
 * @throws OptionError         if the outputs do not suit the loss
 * Cost: two forward runs to capture shapes, one session without weights in it.
 */
export async function trainingProgram(request: TrainingRequest): Promise<TrainingProgram> {
  if (request.loss === 'random') throw new OptionError('Cannot train on random cotangents: wanted labels or targets');
  const { model, captured } = await liftAndCapture(request.engine, request.model, request.feeds);
  const block = await channelBlock(request.engine);
  const stored = constantsOf(request.model.graph); // lifting to a later opset makes constants of its own
  const { graph, shapes, statistics, outputs, kept } = request.frozenStatistics
    ? { graph: model.graph, shapes: captured, statistics: [], outputs: [], kept: 0 }
    : inTrainingForm(model.graph, captured, stored);
  const parameters = parametersOf(graph, shapes).filter(
    ({ name }) => stored.has(name) && (request.only?.has(name) ?? true),
  );
  const isParameter = new Set(parameters.map(({ name }) => name));
  const builder = new GraphBuilder({
    ...graph,
    inputs: [
      ...graph.inputs.filter(({ name }) => !isParameter.has(name)),
      ...parameters.map(({ name, dims }) => ({ name, type: 'float32' as const, shape: dims })),
    ],
    constants: new Map([...graph.constants].filter(([name]) => !isParameter.has(name))),
  });
  const shape = (value: string): readonly number[] => shapeOf({ captured: shapes, constants: graph.constants }, value);
  const { samples, axis, units } = request;
  const ends = request.ends ?? floatOutputs(graph, shapes);
  const teacher = request.teacher && (await graftTeacher(builder, request, request.teacher));
  const loss = emitLoss(
    {
      builder,
      shape,
      type: 'float32',
      outputs: ends,
      samples,
      mean: samples,
      ...(axis !== undefined && { axis }),
      ...(units && { units }),
      ...(request.smoothing !== undefined && { smoothing: request.smoothing }),
      ...(teacher && { teacher }),
    },
    request.loss,
  );
  const names = parameters.map(({ name }) => name);
  const behind = new Set(targetsBehind(graph, activePaths(graph, shapes, names, loss.cotangents.keys()), names));
  const open = names.filter((name) => !behind.has(name));
  const gradients = backward({
    builder,
    graph,
    captured: shapes,
    opset: model.opsets.get('') ?? 17,
    cotangents: loss.cotangents,
    targets: open.length === 0 ? names : open,
    block,
  });
  if (gradients.size === 0) throw new UnsupportedOpError('Cannot train the model: no parameter reaches its output');
  parameters.forEach(({ name }, i) => {
    const gradient = gradients.get(name);
    if (gradient !== undefined) builder.output(gradient, `gradient${i}`);
  });
  builder.output(loss.losses as string, 'losses');
  const { hits } = loss;
  if (hits !== undefined) builder.output(hits, 'hits');
  outputs.forEach(({ mean, variance }, i) => {
    builder.output(mean, `mean${i}`);
    builder.output(variance, `variance${i}`);
  });
  const session = await request.engine.createSession(
    blockedLayout(builder.build({ opsets: model.opsets, irVersion: Math.max(model.irVersion, 8) }), {
      block,
      shapes: knownShapes(shapes, builder),
    }),
    {
      ...(request.threads !== undefined && { threads: request.threads }),
      ...(request.workers !== undefined && { workers: request.workers }),
    },
  );
  const target = loss.feeds[0] ?? null;
  return {
    parameters,
    blocked: names.filter((name) => behind.has(name)),
    statistics,
    kept,
    target,
    classes: loss.classes ?? null,
    async run(feeds, values, room) {
      const inputs = new Map<string, Tensor>(feeds);
      for (const { name, dims } of parameters)
        inputs.set(name, { type: 'float32', dims, data: values.get(name) as Float32Array });
      const results = await session.run(inputs, undefined, room);
      const data = (name: string): Float32Array => (results.get(name) as Tensor<Float32Array>).data;
      return {
        gradients: parameters.map(({ name }, i) => (gradients.has(name) ? data(`gradient${i}`) : null)),
        losses: data('losses'),
        hits: hits === undefined ? null : data('hits'),
        measured: statistics.map((_, i) => ({ mean: data(`mean${i}`), variance: data(`variance${i}`) })),
      };
    },
    release: () => session.release(),
  };
}

/** The teacher beside the model, and the value of its that the loss compares with. */
async function graftTeacher(
  builder: GraphBuilder,
  { engine, feeds }: TrainingRequest,
  { model, ends, share, temperature }: Distillation,
): Promise<Teacher> {
  if (!(share > 0 && share <= 1))
    throw new OptionError(`Cannot distill with weight ${share}: wanted a share above 0, at most 1`);
  if (!(temperature > 0))
    throw new OptionError(`Cannot distill at temperature ${temperature}: wanted a number above 0`);
  const { model: lifted, captured } = await liftAndCapture(engine, model, feeds);
  const values = ends ?? floatOutputs(lifted.graph, captured);
  if (values.length === 0) throw new OptionError('Cannot distill: the teacher has no float output');
  const grafted = graft(builder, lifted.graph, 'teacher/');
  return { values: values.map(grafted), share, temperature };
}

function floatOutputs({ outputs }: Graph, captured: Captured): string[] {
  return outputs.map(({ name }) => name).filter((name) => (captured.get(name)?.type ?? '').startsWith('float'));
}

interface TrainingForm {
  readonly graph: Graph;
  readonly shapes: Captured;
  readonly statistics: readonly RunningStatistics[];
  readonly outputs: readonly { readonly mean: string; readonly variance: string }[];
  /** Those that stay as they are. */
  readonly kept: number;
}

/**
 * Every BatchNormalization that sees two values of a channel or more over batch statistics, which become values of the graph.
 * One whose statistics the file does not store, but computes, has none that could follow: it stays as it is.
 */
function inTrainingForm(graph: Graph, captured: Captured, stored: ReadonlyMap<string, Constant>): TrainingForm {
  const shapes = new Map<string, CapturedValue>(captured);
  const statistics: RunningStatistics[] = [];
  const outputs: { mean: string; variance: string }[] = [];
  const constants = new Map(graph.constants);
  let kept = 0;
  const nodes = graph.nodes.map((node): Node => {
    if (node.op !== 'BatchNormalization' || node.domain !== '') return node;
    const [x = '', , , mean = '', variance = ''] = node.inputs;
    if (![mean, variance].every((name) => stored.get(name)?.type === 'float32')) return node;
    const dims = captured.get(x)?.dims ?? [];
    const channels = dims[1] ?? 0;
    if (seesSingleValues(node, captured)) {
      kept++;
      return node;
    }
    const own = { mean: `${node.outputs[0]}~batch-mean`, variance: `${node.outputs[0]}~batch-variance` };
    for (const name of [own.mean, own.variance]) shapes.set(name, { type: 'float32', dims: [channels] });
    const share = 1 - floatAttribute(node, 'momentum', 0.9);
    statistics.push({ mean, variance, channels, cells: sizeOf(dims) / channels, share });
    outputs.push(own);
    // onnxruntime writes new statistics over the old ones, and keeps equal constants once: so each node has some of its own
    const before = [own.mean, own.variance].map((name, i) => {
      const unlike = new Float32Array(channels).fill(2 * statistics.length + i);
      constants.set(`${name}~before`, constantOf(float32(unlike, [channels])));
      return `${name}~before`;
    });
    return {
      ...node,
      inputs: [...node.inputs.slice(0, 3), ...before],
      outputs: [node.outputs[0] as string, own.mean, own.variance],
      attributes: new Map([...node.attributes, ...attributes({ training_mode: 1, momentum: float(0) })]),
    };
  });
  return { graph: { ...graph, nodes, constants }, shapes, statistics, outputs, kept };
}
