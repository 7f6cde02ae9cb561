import { OptionError } from '../errors/errors.ts';
import type { GraphBuilder } from '../graph/builder.ts';
import { intAttribute } from '../ir/access.ts';
import type { Graph, Node } from '../ir/model.ts';
import { type DataType, int64, sizeOf } from '../tensor/tensor.ts';
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
  /** Of a classification, [n]: share of the sample's positions whose class is that of the label, or else of the teacher. */
  readonly hits?: string;
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
  /** Share of the label's probability that is spread evenly over all classes; default 0. */
  readonly smoothing?: number;
  /** A second model whose outputs are targets. */
  readonly teacher?: Teacher;
}

/** Targets from another model of the same outputs. */
export interface Teacher {
  /** Its value that corresponds to the model's logits ({@link logitsOf}), or to the output for `mse`; in the same graph. */
  readonly value: string;
  /** Weight of its part of the loss, 0 to 1; at 1 no labels are fed. */
  readonly share: number;
  /** What both models' logits are divided by; that part of the loss is multiplied by its square. */
  readonly temperature: number;
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

/** loss_i = |y_i - t_i|^2 / size   dy_i = 2 (y_i - t_i) / size / mean; the same against a teacher's output, weighted by its share */
function meanSquaredError(place: LossPlace, words: Vocabulary, output: string): EmittedLoss {
  const { builder, shape, type, samples, mean, teacher } = place;
  const dims = shape(output);
  const size = sizeOf(dims) / samples;
  const feeds: EmittedLoss['feeds'][number][] = [];
  const given = (): string => {
    const name = builder.input({ name: 'targets', type, shape: dims });
    feeds.push({ name, type, dims });
    return name;
  };
  const parts = mixture(teacher, given, (target) => {
    const difference = words.emit('Sub', output, target);
    const squares = words.reshape(words.emit('Mul', difference, difference), [samples, size]);
    return {
      losses: words.emit('Mul', words.sum(squares, [1]), words.scalar(1 / size)),
      gradient: words.emit('Mul', difference, words.scalar(2 / size / mean)),
    };
  });
  const { losses, gradient } = weighted(words, parts);
  return { feeds, losses, cotangents: new Map([[output, gradient]]) };
}

/** One part of a loss: its value for each sample and its gradient in the output. */
interface LossPart {
  readonly losses: string;
  readonly gradient: string;
}

/** The same loss against what is fed and against a teacher, each where it has a weight. */
function mixture(
  teacher: Teacher | undefined,
  given: () => string,
  part: (target: string) => LossPart,
): [weight: number, part: LossPart][] {
  const share = teacher?.share ?? 0;
  return [
    ...(share < 1 ? [[1 - share, part(given())] as [number, LossPart]] : []),
    ...(teacher !== undefined && share > 0 ? [[share, part(teacher.value)] as [number, LossPart]] : []),
  ];
}

function weighted(words: Vocabulary, parts: readonly (readonly [number, LossPart])[]): LossPart {
  const scaled = parts.map(([weight, { losses, gradient }]): LossPart => {
    if (weight === 1) return { losses, gradient };
    const by = words.scalar(weight);
    return { losses: words.emit('Mul', losses, by), gradient: words.emit('Mul', gradient, by) };
  });
  return scaled.reduce((a, b) => ({
    losses: words.emit('Add', a.losses, b.losses),
    gradient: words.emit('Add', a.gradient, b.gradient),
  }));
}

/**
 * loss_i = -sum_c q_c log softmax(z)_c, averaged over the positions of a sample   dz = (softmax(z) - q) / positions / mean,
 * q the label's indicator, smoothed. Of a teacher with logits u and temperature T (Hinton, Vinyals, Dean 2015):
 * loss_i = T^2 KL(softmax(u / T) | softmax(z / T))   dz = T (softmax(z / T) - softmax(u / T)) / positions / mean
 */
function crossEntropy(place: LossPlace, words: Vocabulary, output: string): EmittedLoss {
  const { builder, graph, shape, samples, mean, type, teacher, smoothing = 0 } = place;
  const found = logitsOf(graph, output, shape(output));
  const dims = shape(found.value);
  const axis = found.axis < 0 ? found.axis + dims.length : found.axis;
  const classes = dims[axis] ?? 1;
  if (dims.length < 2 || classes < 2)
    throw new OptionError(
      `Cannot compute cross-entropy: wanted logits [samples, classes], the output has shape [${dims}]; name another loss (--loss mse or --loss random)`,
    );
  if (!(smoothing >= 0 && smoothing < 1))
    throw new OptionError(`Cannot smooth labels by ${smoothing}: wanted a share from 0, below 1`);
  const rows = sizeOf(dims) / classes;
  const positions = rows / samples;
  const front = [...dims.keys()].filter((i) => i !== axis);
  const table: Table = {
    words,
    flat: (value) => words.reshape(words.transpose(value, [...front, axis]), [rows, classes]),
    perSample: (terms, factor) => {
      const sums = words.reshape(words.sum(terms, [1]), [samples, positions]);
      return words.emit('Mul', words.sum(sums, [1]), words.scalar(factor / positions));
    },
  };
  const logits = table.flat(found.value);
  const feeds: EmittedLoss['feeds'][number][] = [];
  const parts: [number, LossPart][] = [];
  const share = teacher?.share ?? 0;
  const winner = (value: string): string => words.emit('ArgMax', value, { axis: 1, keepdims: 0 });
  let wanted = '';
  if (share < 1) {
    const labels = builder.input({ name: 'labels', type: 'int64', shape: [rows] });
    feeds.push({ name: labels, type: 'int64', dims: [rows] });
    wanted = labels;
    const ids = words.constant(
      int64(
        Array.from({ length: classes }, (_, i) => i),
        [1, classes],
      ),
    );
    const onehot = words.emit('Cast', words.emit('Equal', words.reshape(labels, [rows, 1]), ids), {
      to: type === 'float32' ? 1 : 11,
    });
    parts.push([1 - share, againstLabels(table, logits, smoothed(words, onehot, smoothing / classes, smoothing))]);
  }
  if (teacher !== undefined && share > 0) parts.push([share, againstTeacher(table, logits, teacher)]);
  if (wanted === '' && teacher !== undefined) wanted = winner(table.flat(teacher.value));
  const hit = words.emit('Cast', words.emit('Equal', winner(logits), wanted), { to: type === 'float32' ? 1 : 11 });
  const { losses, gradient: unscaled } = weighted(words, parts);
  const gradient = words.emit('Mul', unscaled, words.scalar(1 / positions / mean));
  const shaped = words.reshape(gradient, [...front.map((i) => dims[i] as number), classes]);
  const back = [...dims.keys()].map((i) => (i === axis ? dims.length - 1 : front.indexOf(i)));
  return {
    feeds,
    losses,
    hits: table.perSample(words.reshape(hit, [rows, 1]), 1),
    cotangents: new Map([[found.value, words.transpose(shaped, back)]]),
    classes,
    positions,
  };
}

/** How [rows, classes] is laid out in one classification. */
interface Table {
  readonly words: Vocabulary;
  /** A value of the logits' shape as [rows, classes]. */
  readonly flat: (value: string) => string;
  /** Means over the positions of each sample of the sums over classes, times a factor: [samples]. */
  readonly perSample: (terms: string, factor: number) => string;
}

function smoothed(words: Vocabulary, onehot: string, each: number, smoothing: number): string {
  if (smoothing === 0) return onehot;
  return words.emit('Add', words.emit('Mul', onehot, words.scalar(1 - smoothing)), words.scalar(each));
}

function againstLabels({ words, perSample }: Table, logits: string, wanted: string): LossPart {
  const logp = words.emit('LogSoftmax', logits, { axis: 1 });
  return {
    losses: perSample(words.emit('Mul', wanted, logp), -1),
    gradient: words.emit('Sub', words.emit('Exp', logp), wanted),
  };
}

function againstTeacher({ words, flat, perSample }: Table, logits: string, { value, temperature }: Teacher): LossPart {
  const logOf = (z: string): string =>
    words.emit('LogSoftmax', words.emit('Mul', z, words.scalar(1 / temperature)), { axis: 1 });
  const [own, theirs] = [logOf(logits), logOf(flat(value))];
  const q = words.emit('Exp', theirs);
  return {
    losses: perSample(words.emit('Mul', q, words.emit('Sub', theirs, own)), temperature ** 2),
    gradient: words.emit('Mul', words.emit('Sub', words.emit('Exp', own), q), words.scalar(temperature)),
  };
}
