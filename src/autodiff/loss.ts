import { OptionError } from '../errors/errors.ts';
import type { GraphBuilder } from '../graph/builder.ts';
import { type DataType, int64, sizeOf } from '../tensor/tensor.ts';
import { type Vocabulary, vocabulary } from './context.ts';

/**
 * What is differentiated.
 * `cross-entropy`: of the softmax of the first output, logits, against one class a position.
 * `binary-cross-entropy`: of the sigmoids of the first output, logits, against a target from 0 to 1 for each.
 * `mse`: mean squared error against targets. `random`: a random cotangent on every float output, fed by the caller.
 */
export type LossName = 'cross-entropy' | 'binary-cross-entropy' | 'mse' | 'random';

/** A loss written into a graph. */
export interface EmittedLoss {
  /** Inputs that have to be fed besides the model's own: `labels` int64 [n * positions], `targets` as the output, or a cotangent an output. */
  readonly feeds: readonly { readonly name: string; readonly type: DataType; readonly dims: readonly number[] }[];
  /** Loss of each sample, [n]; null for `random`. */
  readonly losses: string | null;
  /** Of a classification, [n]: share of the sample's positions whose class is that of the label, or else of the teacher; of yes or no, of its numbers. */
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
  readonly shape: (value: string) => readonly number[];
  readonly type: 'float32' | 'float64';
  /** Float outputs of the model, logits where classes are told apart; labels and targets are about the first. */
  readonly outputs: readonly string[];
  /** Axis of one sample's part of the first output along which classes lie; default: the last of two, else the first. */
  readonly axis?: number;
  /** What the squared errors of outputs that all imitate a teacher's are divided by, in their order. */
  readonly units?: readonly number[];
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
  /** Its values that correspond to the outputs, in the same graph. */
  readonly values: readonly string[];
  /** Weight of its part of the loss, 0 to 1; at 1 no labels are fed. */
  readonly share: number;
  /** What both models' logits are divided by; that part of the loss is multiplied by its square. */
  readonly temperature: number;
}

/** The shape of one sample's part of a value, its first axis divided among the samples; null where that cannot be. */
export function sampleDims(dims: readonly number[], samples: number): number[] | null {
  const [first, ...rest] = dims;
  if (first === undefined || first === 0 || first % samples !== 0 || sizeOf(rest) === 0) return null;
  return first === samples ? rest : [first / samples, ...rest];
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
  if (loss === 'binary-cross-entropy') return binaryCrossEntropy(place, words, output);
  if (loss === 'mse')
    return place.units ? imitation(place, words, place.units) : meanSquaredError(place, words, output);
  return crossEntropy(place, words, output);
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

/** loss_i = mean over the outputs of |y_i - u_i|^2 / size / unit, u the teacher's   dy_i = 2 (y_i - u_i) / size / unit / outputs / mean */
function imitation(
  { outputs, shape, samples, mean, teacher }: LossPlace,
  words: Vocabulary,
  units: readonly number[],
): EmittedLoss {
  const cotangents = new Map<string, string>();
  const losses = outputs.map((output, i) => {
    const size = sizeOf(shape(output)) / samples;
    const share = 1 / ((units[i] as number) * size * outputs.length);
    const difference = words.emit('Sub', output, teacher?.values[i] as string);
    const squares = words.reshape(words.emit('Mul', difference, difference), [samples, size]);
    cotangents.set(output, words.emit('Mul', difference, words.scalar((2 * share) / mean)));
    return words.emit('Mul', words.sum(squares, [1]), words.scalar(share));
  });
  return { feeds: [], losses: losses.reduce((a, b) => words.emit('Add', a, b)), cotangents };
}

/**
 * loss_i = mean over the numbers of a sample of log(1 + exp(z)) - t z   dz = (sigmoid(z) - t) / size / mean, t from 0 to 1.
 * Of a teacher with logits u and temperature T: t = sigmoid(u / T), z / T in the place of z, T^2 times the loss above its least.
 */
function binaryCrossEntropy(place: LossPlace, words: Vocabulary, output: string): EmittedLoss {
  const { builder, shape, type, samples, mean, teacher, smoothing = 0 } = place;
  checkSmoothing(smoothing);
  const dims = shape(output);
  const size = sizeOf(dims) / samples;
  const feeds: EmittedLoss['feeds'][number][] = [];
  const perSample = (terms: string, factor: number): string =>
    words.emit('Mul', words.sum(words.reshape(terms, [samples, size]), [1]), words.scalar(factor / size));
  const against = (z: string, t: string, factor: number): LossPart => ({
    losses: perSample(words.emit('Sub', words.emit('Softplus', z), words.emit('Mul', t, z)), factor),
    gradient: words.emit(
      'Mul',
      words.emit('Sub', words.emit('Sigmoid', z), t),
      words.scalar(Math.sqrt(factor) / size / mean),
    ),
  });
  const parts: [number, LossPart][] = [];
  const share = teacher?.share ?? 0;
  let wanted = '';
  if (share < 1) {
    wanted = builder.input({ name: 'targets', type, shape: dims });
    feeds.push({ name: wanted, type, dims });
    parts.push([1 - share, against(output, smoothed(words, wanted, smoothing / 2, smoothing), 1)]);
  }
  if (teacher !== undefined && share > 0) {
    const { temperature } = teacher;
    const cooled = (z: string): string => words.emit('Mul', z, words.scalar(1 / temperature));
    const u = cooled(teacher.values[0] as string);
    const t = words.emit('Sigmoid', u);
    const { losses, gradient } = against(cooled(output), t, temperature ** 2);
    const least = perSample(words.emit('Sub', words.emit('Softplus', u), words.emit('Mul', t, u)), temperature ** 2);
    parts.push([share, { losses: words.emit('Sub', losses, least), gradient }]);
    if (wanted === '') wanted = t;
  }
  const { losses, gradient } = weighted(words, parts);
  const yes = (value: string, above: number): string => words.emit('Greater', value, words.scalar(above));
  const hit = words.emit('Cast', words.emit('Equal', yes(output, 0), yes(wanted, 0.5)), { to: numberOf(type) });
  return {
    feeds,
    losses,
    hits: perSample(hit, 1),
    cotangents: new Map([[output, gradient]]),
    classes: 2,
    positions: size,
  };
}

/** ONNX's number of a float type. */
function numberOf(type: LossPlace['type']): number {
  return type === 'float32' ? 1 : 11;
}

function checkSmoothing(smoothing: number): void {
  if (!(smoothing >= 0 && smoothing < 1))
    throw new OptionError(`Cannot smooth labels by ${smoothing}: wanted a share from 0, below 1`);
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
    ...(teacher !== undefined && share > 0 ? [[share, part(teacher.values[0] as string)] as [number, LossPart]] : []),
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
  const { builder, shape, samples, mean, type, teacher, smoothing = 0 } = place;
  const own = shape(output);
  const each = sampleDims(own, samples) ?? [];
  const dims = [samples, ...each];
  const axis = 1 + (place.axis ?? (each.length === 2 ? 1 : 0));
  const classes = dims[axis] ?? 1;
  if (classes < 2)
    throw new OptionError(
      `Cannot compute cross-entropy: wanted logits [samples, classes], the output has shape [${own}]; name another loss: binary-cross-entropy, mse or random`,
      { remedies: [{ option: 'loss' }] },
    );
  checkSmoothing(smoothing);
  const rows = sizeOf(dims) / classes;
  const positions = rows / samples;
  const front = [...dims.keys()].filter((i) => i !== axis);
  const table: Table = {
    words,
    flat: (value) => {
      const split = own.length === dims.length ? value : words.reshape(value, dims);
      return words.reshape(words.transpose(split, [...front, axis]), [rows, classes]);
    },
    perSample: (terms, factor) => {
      const sums = words.reshape(words.sum(terms, [1]), [samples, positions]);
      return words.emit('Mul', words.sum(sums, [1]), words.scalar(factor / positions));
    },
  };
  const logits = table.flat(output);
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
      to: numberOf(type),
    });
    parts.push([1 - share, againstLabels(table, logits, smoothed(words, onehot, smoothing / classes, smoothing))]);
  }
  if (teacher !== undefined && share > 0) parts.push([share, againstTeacher(table, logits, teacher)]);
  if (wanted === '' && teacher !== undefined) wanted = winner(table.flat(teacher.values[0] as string));
  const hit = words.emit('Cast', words.emit('Equal', winner(logits), wanted), { to: numberOf(type) });
  const { losses, gradient: unscaled } = weighted(words, parts);
  const gradient = words.emit('Mul', unscaled, words.scalar(1 / positions / mean));
  const shaped = words.reshape(gradient, [...front.map((i) => dims[i] as number), classes]);
  const moved = words.transpose(
    shaped,
    [...dims.keys()].map((i) => (i === axis ? dims.length - 1 : front.indexOf(i))),
  );
  return {
    feeds,
    losses,
    hits: table.perSample(words.reshape(hit, [rows, 1]), 1),
    cotangents: new Map([[output, own.length === dims.length ? moved : words.reshape(moved, own)]]),
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

function againstTeacher(
  { words, flat, perSample }: Table,
  logits: string,
  { values: [value = ''], temperature }: Teacher,
): LossPart {
  const logOf = (z: string): string =>
    words.emit('LogSoftmax', words.emit('Mul', z, words.scalar(1 / temperature)), { axis: 1 });
  const [own, theirs] = [logOf(logits), logOf(flat(value))];
  const q = words.emit('Exp', theirs);
  return {
    losses: perSample(words.emit('Mul', q, words.emit('Sub', theirs, own)), temperature ** 2),
    gradient: words.emit('Mul', words.emit('Sub', words.emit('Exp', own), q), words.scalar(temperature)),
  };
}
