import { OptionError } from '../errors/errors.ts';
import type { GraphBuilder } from '../graph/builder.ts';
import { intAttribute } from '../ir/access.ts';
import type { Graph, Node } from '../ir/model.ts';
import { type DataType, sizeOf } from '../tensor/tensor.ts';
import { type Vocabulary, vocabulary } from './context.ts';

/**
 * What is differentiated.
 * `cross-entropy`: on logits; where the graph ends in Softmax or LogSoftmax, on that operator's input, so that
 * probabilities and log-probabilities are served by the same stable formula.
 * `mse`: mean squared error against targets. `random`: a random cotangent on every float output, fed by the caller.
 */
export type LossName = 'cross-entropy' | 'mse' | 'random';

/** A loss written into a graph. */
export interface EmittedLoss {
  /** Inputs that have to be fed besides the model's own: `labels` int64 [n * positions], `targets`, or a cotangent an output. */
  readonly feeds: readonly { readonly name: string; readonly type: DataType; readonly dims: readonly number[] }[];
  /** Loss of each sample, [n]; null for `random`. */
  readonly losses: string | null;
  /** For {@link BackwardRequest}. */
  readonly cotangents: ReadonlyMap<string, string>;
  /** Of a classification: number of classes, and labels a sample. */
  readonly classes?: number;
  readonly positions?: number;
}

/** Where a loss is put. */
export interface LossPlace {
  readonly builder: GraphBuilder;
  readonly graph: Graph;
  readonly shape: (value: string) => readonly number[];
  readonly type: 'float32' | 'float64';
  /** Float outputs of the model; classification and regression use the first. */
  readonly outputs: readonly string[];
  /** Samples in the batch, and samples whose mean makes one row (the loss is divided by it). */
  readonly samples: number;
  readonly mean: number;
}

/** The value whose softmax the model's output is, and the class axis; the output itself where it ends in no softmax. */
export function logitsOf(
  graph: Graph,
  output: string,
  dims: readonly number[],
): { value: string; axis: number; ends: 'softmax' | 'log-softmax' | 'logits' } {
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((y) => [y, node] as const)));
  let node = makers.get(output);
  while (node !== undefined && ['Identity', 'Reshape', 'Flatten', 'Squeeze'].includes(node.op) && node.domain === '')
    node = makers.get(node.inputs[0] ?? '');
  if (node === undefined || node.domain !== '' || !['Softmax', 'LogSoftmax'].includes(node.op))
    return { value: output, axis: classAxis(dims), ends: 'logits' };
  return {
    value: node.inputs[0] as string,
    axis: axisOf(node),
    ends: node.op === 'Softmax' ? 'softmax' : 'log-softmax',
  };
}

function axisOf(node: Node): number {
  return intAttribute(node, 'axis', -1);
}

/** [n, c], [n, c, 1, 1], [n, c, h, w]: axis 1; [n, t, c]: the last. */
function classAxis(dims: readonly number[]): number {
  return dims.length === 3 ? 2 : 1;
}

/**
 * Writes a loss and the cotangents of the outputs.
 *
 * @throws OptionError if the outputs do not suit the loss
 */
export function emitLoss(place: LossPlace, loss: LossName): EmittedLoss {
  const words = vocabulary(place);
  if (loss === 'random') return randomCotangents(place);
  const output = place.outputs[0];
  if (output === undefined) throw new OptionError(`Cannot compute the loss "${loss}": the model has no float output`);
  return loss === 'mse' ? meanSquaredError(place, words, output) : crossEntropy(place, words, output);
}

function randomCotangents({ builder, outputs, shape, type }: LossPlace): EmittedLoss {
  const feeds = outputs.map((output, i) => ({
    name: builder.input({ name: `cotangent${i}`, type, shape: shape(output) }),
    type,
    dims: shape(output),
  }));
  return {
    feeds,
    losses: null,
    cotangents: new Map(outputs.map((output, i) => [output, (feeds[i] as { name: string }).name])),
  };
}

/** loss_i = |y_i - t_i|^2 / size   dy_i = 2 (y_i - t_i) / size / mean */
function meanSquaredError(
  { builder, shape, type, samples, mean }: LossPlace,
  words: Vocabulary,
  output: string,
): EmittedLoss {
  const dims = shape(output);
  const targets = builder.input({ name: 'targets', type, shape: dims });
  const size = sizeOf(dims) / samples;
  const difference = words.emit('Sub', output, targets);
  const squares = words.reshape(words.emit('Mul', difference, difference), [samples, size]);
  return {
    feeds: [{ name: targets, type, dims }],
    losses: words.emit('Mul', words.sum(squares, [1]), words.scalar(1 / size)),
    cotangents: new Map([[output, words.emit('Mul', difference, words.scalar(2 / size / mean))]]),
  };
}

/** loss_i = -log softmax(z)_label, averaged over the positions of a sample   dz = (softmax(z) - onehot(label)) / positions / mean */
function crossEntropy(place: LossPlace, words: Vocabulary, output: string): EmittedLoss {
  const { builder, graph, shape, samples, mean, type } = place;
  const found = logitsOf(graph, output, shape(output));
  const dims = shape(found.value);
  const axis = found.axis < 0 ? found.axis + dims.length : found.axis;
  const classes = dims[axis] ?? 1;
  if (dims.length < 2 || classes < 2)
    throw new OptionError(
      `Cannot compute cross-entropy: wanted logits [samples, classes], the output has shape [${dims}]; name another loss (--loss mse or --loss random)`,
    );
  const rows = sizeOf(dims) / classes;
  const positions = rows / samples;
  const front = [...dims.keys()].filter((i) => i !== axis);
  const logits = words.reshape(words.transpose(found.value, [...front, axis]), [rows, classes]);
  const labels = builder.input({ name: 'labels', type: 'int64', shape: [rows] });
  const ids = words.constant({
    type: 'int64',
    dims: [1, classes],
    data: BigInt64Array.from({ length: classes }, (_, i) => BigInt(i)),
  });
  const onehot = words.emit('Cast', words.emit('Equal', words.reshape(labels, [rows, 1]), ids), {
    to: type === 'float32' ? 1 : 11,
  });
  const logp = words.emit('LogSoftmax', logits, { axis: 1 });
  const picked = words.reshape(words.sum(words.emit('Mul', onehot, logp), [1]), [samples, positions]);
  const gradient = words.emit(
    'Mul',
    words.emit('Sub', words.emit('Exp', logp), onehot),
    words.scalar(1 / positions / mean),
  );
  const shaped = words.reshape(gradient, [...front.map((i) => dims[i] as number), classes]);
  const back = [...dims.keys()].map((i) => (i === axis ? dims.length - 1 : front.indexOf(i)));
  return {
    feeds: [{ name: labels, type: 'int64', dims: [rows] }],
    losses: words.emit('Mul', words.sum(picked, [1]), words.scalar(-1 / positions)),
    cotangents: new Map([[found.value, words.transpose(shaped, back)]]),
    classes,
    positions,
  };
}
