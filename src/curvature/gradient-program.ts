import { activePaths, backward, isSeparable } from '../autodiff/backward.ts';
import { shapeOf, type Vocabulary, vocabulary } from '../autodiff/context.ts';
import { emitLoss, type LossName } from '../autodiff/loss.ts';
import { liftAndCapture } from '../engine/capture.ts';
import { channelBlock } from '../engine/channel-block.ts';
import type { Engine, Room, Session, Tensors } from '../engine/engine.ts';
import { EngineError, UnsupportedOpError } from '../errors/errors.ts';
import { type Arrangement, digitsOf, isStored, positionsOf } from '../graph/arrangement.ts';
import { blockedLayout, knownShapes } from '../graph/blocked/blocked-layout.ts';
import { GraphBuilder, type OuterProduct } from '../graph/builder.ts';
import type { Captured } from '../graph/captured.ts';
import { neededOnly } from '../graph/passes/needed-only.ts';
import type { WeightLayer } from '../graph/weights.ts';
import type { Model, Node } from '../ir/model.ts';
import { type DataType, sizeOf, type Tensor } from '../tensor/tensor.ts';
import type { FactorSizes, LayerRows } from './row-store.ts';
import { keepsSamplesApart } from './sample-axes.ts';

/** What a gradient program is built for. */
export interface GradientRequest {
  readonly model: Model;
  readonly layers: readonly WeightLayer[];
  readonly loss: LossName;
  /** Axis of one sample's part of the first output along which classes lie. */
  readonly axis?: number;
  /** Feeds of one run: a batch of `samples`. Only their types and shapes matter, and values that steer shapes. */
  readonly feeds: Tensors;
  readonly samples: number;
  /** Samples averaged into one row. */
  readonly mean: number;
  /** Samples that one row of a run is of, a divisor of both: rows of fewer samples than `mean` are parts of a sum. Default `mean`. */
  readonly per?: number;
  readonly threads?: number;
  /** Runs at once, each in a worker thread. Default 1, in the caller's. */
  readonly workers?: number;
  /** Names of layers whose rows come as the factors of outer products, where they are such; default none. */
  readonly factored?: ReadonlySet<string>;
}

/** The gradient graph of a model, ready to run. */
export interface GradientProgram {
  readonly samples: number;
  /** Rows that one run yields. 1 with `samples` > 1 means that the run's samples are summed (weighted by 1 / mean). */
  readonly rows: number;
  /** Runs that proceed at once. */
  readonly parallel: number;
  /** Inputs besides the model's own. */
  readonly feeds: readonly { readonly name: string; readonly type: DataType; readonly dims: readonly number[] }[];
  /** Layer by layer: lengths a and b of the factors of a row [a, b], or null where rows come whole. */
  readonly factors: readonly (FactorSizes | null)[];
  /** Whether runs yield the loss of each sample. */
  readonly hasLoss: boolean;
  readonly classes?: number;
  readonly positions?: number;
  /**
   * Gradients by layer, [rows, size] each in the layer's order, or their factors, [rows, a] and [rows, b]; and the loss of each
   * sample where the loss has one. Valid until the room, where one was given, is given to another run.
   */
  run(feeds: Tensors, room?: Room): Promise<{ gradients: LayerRows[]; losses: Float32Array | null }>;
  release(): Promise<void>;
}

const LOSSES = 'losses';

/**
 * Writes the graph that computes gradient rows of the prunable weights, and opens a session on it.
 *
 * Samples are told apart where the graph allows it: then `rows` = samples / mean (mean divides samples), else rows = 1.
 *
 * @throws UnsupportedOpError  listing the nodes that cannot be differentiated and the weights behind them
 * @throws OptionError         if the outputs do not suit the loss
 * Cost: two forward runs to capture shapes, one session; the weights are copied into it.
 */
export async function gradientProgram(engine: Engine, request: GradientRequest): Promise<GradientProgram> {
  const { model, captured } = await liftAndCapture(engine, request.model, request.feeds);
  const block = await channelBlock(engine);
  const { graph } = model;
  const shape = (value: string): readonly number[] => shapeOf({ captured, constants: graph.constants }, value);
  const builder = new GraphBuilder(graph);
  const outputs = graph.outputs
    .map((o) => o.name)
    .filter((name) => (captured.get(name)?.type ?? '').startsWith('float'));
  const targets = request.layers.map((layer) => layer.name);
  const paths = activePaths(graph, captured, targets, request.loss === 'random' ? outputs : outputs.slice(0, 1));
  const per = request.per ?? request.mean;
  const split =
    request.samples > 1 &&
    request.samples % per === 0 &&
    isSeparable(graph, paths) &&
    keepsSamplesApart(graph, captured, paths, request.samples);
  const rows = split ? request.samples / per : 1;
  const { samples, mean, axis } = request;
  const loss = emitLoss(
    { builder, shape, type: 'float32', outputs, samples, mean, ...(axis !== undefined && { axis }) },
    request.loss,
  );
  const gradients = backward({
    builder,
    graph,
    captured,
    opset: model.opsets.get('') ?? 17,
    cotangents: loss.cotangents,
    targets,
    block,
    ...(rows > 1 ? { rows } : {}),
  });
  const words = vocabulary({ builder, type: 'float32' });
  const given = request.layers.map((layer, i): Given => {
    const gradient = gradients.get(layer.name);
    if (gradient === undefined) return null;
    const wanted = rows > 1 && request.factored?.has(layer.name) === true;
    const outer = wanted ? outerInOrder(layer.order, outerOf(builder, gradient)) : undefined;
    if (outer !== undefined) {
      const { left, right } = outer;
      builder.output(left[0], `left${i}`);
      builder.output(right[0], `right${i}`);
      return [left[1], right[1]];
    }
    builder.output(unshaped(builder.nodes, inOrder({ builder, words, rows }, layer, gradient)), `rows${i}`);
    return 'rows';
  });
  if (loss.losses !== null) builder.output(loss.losses, LOSSES);
  const session = await open(
    engine,
    blockedLayout(neededOnly(builder.build({ opsets: model.opsets, irVersion: Math.max(model.irVersion, 8) })), {
      block,
      shapes: knownShapes(captured, builder),
    }),
    request,
  );
  return program(session, {
    layers: request.layers,
    given,
    rows,
    samples: request.samples,
    hasLoss: loss.losses !== null,
    ...pick(loss),
  });
}

interface Rows {
  readonly builder: GraphBuilder;
  readonly words: Vocabulary;
  readonly rows: number;
}

/** Gradients of a stored weight, [rows, ...dims], in the order of its layer. */
function inOrder({ builder, words, rows }: Rows, { order, size }: WeightLayer, gradient: string): string {
  if (isStored(order)) return gradient;
  if (order.base !== null) {
    const positions = builder.ints(Array.from(positionsOf(order)));
    return builder.emit('Gather', [words.reshape(gradient, [rows, size]), positions], { axis: 1 });
  }
  const digits = digitsOf(order);
  const inFile = [...digits].sort((a, b) => b.stride - a.stride);
  const parted = words.reshape(gradient, [rows, ...inFile.map((digit) => digit.size)]);
  return words.transpose(parted, [0, ...digits.map((digit) => inFile.indexOf(digit) + 1)]);
}

/** The factors of rows in the order of a layer, if that is the file's or that of the transposed matrix. */
function outerInOrder(order: Arrangement, outer: OuterProduct | undefined): OuterProduct | undefined {
  if (outer === undefined || isStored(order)) return outer;
  const [first, second, ...others] = digitsOf(order);
  const [a, b] = [outer.left[1], outer.right[1]];
  const isTransposed = first?.size === b && first.stride === 1 && second?.size === a && second.stride === b;
  return order.base === null && isTransposed && others.length === 0
    ? { left: outer.right, right: outer.left }
    : undefined;
}

/** How a layer's gradient comes out of a run: not at all, as rows, or as factors of these lengths. */
type Given = null | 'rows' | FactorSizes;

/** The factors of a value that is an outer product in each row, also where it was reshaped since. */
function outerOf(builder: GraphBuilder, value: string): OuterProduct | undefined {
  const known = builder.outers.get(value);
  if (known !== undefined) return known;
  const node = builder.nodes.findLast(({ outputs }) => outputs.includes(value));
  return node?.op === 'Reshape' || node?.op === 'Identity' ? outerOf(builder, node.inputs[0] as string) : undefined;
}

/** The value before it was reshaped: its elements are the same, and the runtime would copy them into the shape of an output. */
function unshaped(nodes: readonly Node[], value: string): string {
  const node = nodes.findLast(({ outputs }) => outputs.includes(value));
  return node?.op === 'Reshape' ? unshaped(nodes, node.inputs[0] as string) : value;
}

function pick({
  feeds,
  classes,
  positions,
}: ReturnType<typeof emitLoss>): Pick<GradientProgram, 'feeds' | 'classes' | 'positions'> {
  return { feeds, ...(classes === undefined ? {} : { classes }), ...(positions === undefined ? {} : { positions }) };
}

async function open(engine: Engine, model: Model, { threads, workers }: GradientRequest): Promise<Session> {
  try {
    return await engine.createSession(model, { ...(threads && { threads }), ...(workers && { workers }) });
  } catch (cause) {
    if (cause instanceof EngineError)
      throw new UnsupportedOpError(`Cannot run the model's gradient: ${cause.message}`, { cause });
    throw cause;
  }
}

type Shape = Pick<GradientProgram, 'feeds' | 'hasLoss' | 'classes' | 'positions' | 'rows' | 'samples'> & {
  readonly layers: readonly WeightLayer[];
  readonly given: readonly Given[];
};

function program(session: Session, { layers, given, ...shape }: Shape): GradientProgram {
  return {
    ...shape,
    factors: given.map((what) => (what === 'rows' ? null : what)),
    parallel: session.parallel,
    async run(feeds: Tensors, room?: Room) {
      const outputs = await session.run(feeds, undefined, room);
      const data = (name: string): Float32Array => (outputs.get(name) as Tensor<Float32Array>).data;
      const gradients = layers.map((layer, i): LayerRows => {
        if (given[i] === null) return new Float32Array(shape.rows * layer.size);
        return given[i] === 'rows' ? data(`rows${i}`) : { left: data(`left${i}`), right: data(`right${i}`) };
      });
      return { gradients, losses: (outputs.get(LOSSES) as Tensor<Float32Array> | undefined)?.data ?? null };
    },
    release: () => session.release(),
  };
}

/** Elements of the float values of one run, for choosing a batch size. */
export function activationElements(captured: Captured): number {
  let total = 0;
  for (const { type, dims } of captured.values()) if (type.startsWith('float')) total += sizeOf(dims);
  return total;
}
