import type { LossName } from '../../src/autodiff/loss.ts';
import { sizeOf } from '../../src/tensor/tensor.ts';
import type { Sketch, Value } from './sketch.ts';

/** Ways to write probabilities of logits, along the last of two axes. */
const PROBABILITIES: Readonly<Record<string, (s: Sketch, z: string) => string>> = {
  softmax: (s, z) => s.emit('Softmax', [z], { axis: s.chance(1, 2) ? 1 : -1 }),
  'log-softmax': (s, z) => s.emit('LogSoftmax', [z], { axis: -1 }),
  'log of softmax': (s, z) => s.emit('Log', [s.emit('Softmax', [z], { axis: -1 })]),
  'exp over its sum': (s, z) => {
    const e = s.emit('Exp', [z]);
    return s.emit('Div', [e, s.reduced('ReduceSum', e, [1], 1)]);
  },
  'shifted exp over its sum': (s, z) => {
    const e = s.emit('Exp', [s.emit('Sub', [z, s.reduced('ReduceMax', z, [1], 1)])]);
    return s.emit('Div', [e, s.reduced('ReduceSum', e, [-1], 1)]);
  },
  'exp times the reciprocal of its sum': (s, z) => {
    const e = s.emit('Exp', [z]);
    return s.emit('Mul', [s.emit('Reciprocal', [s.reduced('ReduceSum', e, [1], 1)]), e]);
  },
  'less its log-sum-exp': (s, z) => s.emit('Sub', [z, s.reduced('ReduceLogSumExp', z, [1], 1)]),
  'exp of log-softmax': (s, z) => s.emit('Exp', [s.emit('LogSoftmax', [z], { axis: 1 })]),
};

/** Ways to write sigmoids. */
const SIGMOIDS: Readonly<Record<string, (s: Sketch, z: string) => string>> = {
  sigmoid: (s, z) => s.emit('Sigmoid', [z]),
  '1 over 1 and exp': (s, z) =>
    s.emit('Reciprocal', [s.emit('Add', [s.emit('Exp', [s.emit('Neg', [z])]), s.builder.scalar(1)])]),
  'half of tanh and 1': (s, z) => {
    const t = s.emit('Tanh', [s.emit('Mul', [z, s.builder.scalar(0.5)])]);
    return s.emit('Mul', [s.emit('Add', [t, s.builder.scalar(1)]), s.builder.scalar(0.5)]);
  },
};

/** What stands behind an output of two axes and changes nothing. */
const BEHIND: Readonly<Record<string, (s: Sketch, y: string) => string>> = {
  nothing: (_, y) => y,
  identity: (s, y) => s.emit('Identity', [y]),
  cast: (s, y) => s.emit('Cast', [s.emit('Cast', [y], { to: 11 })], { to: 1 }),
  transposed: (s, y) => s.emit('Transpose', [s.emit('Transpose', [y], { perm: [1, 0] })], { perm: [1, 0] }),
  unsqueezed: (s, y) => s.squeezed('Squeeze', s.squeezed('Unsqueeze', y, [1]), [1]),
  'by one': (s, y) => s.emit('Mul', [y, s.builder.scalar(1)]),
  dropout: (s, y) => s.emit('Dropout', [y]),
  clipped: (s, y) => s.emit('Clip', [y, s.builder.scalar(-1e6), s.builder.scalar(1e6)]),
  reshaped: (s, y) => s.emit('Reshape', [y, s.ints([0, -1])]),
};

/** What samples are held against: a class, a class for each position, a number from 0 to 1 or any for each number. */
export type Answer = 'class' | 'class of each position' | 'one-hot' | 'yes or no' | 'numbers';

/** A network's end: its output, and the raw values that a loss is about. */
export interface Head {
  readonly output: string;
  /** Logits, or what the output is itself. */
  readonly raw: string;
  /** Shape of a sample's raw values. */
  readonly dims: readonly number[];
  /** The axis of `dims` along which classes lie. */
  readonly axis: number;
  readonly answer: Answer;
  /** The loss as it has to be named; undefined = it is found by itself. */
  readonly loss?: LossName;
  /** Whether the output is seen to be probabilities or sigmoids by its numbers. */
  readonly isKnown: boolean;
  readonly spelling: string;
}

function pick<T>(s: Sketch, of: Readonly<Record<string, T>>): readonly [string, T] {
  return Object.entries(of)[s.rng.integer(Object.keys(of).length)] as [string, T];
}

/** A matrix product, with a bias or not: [.., from] -> [.., to]. */
function linear(s: Sketch, x: string, from: number, to: number, rank: number): string {
  const bias = s.constant([to], () => s.rng.normal());
  const w = s.weight([from, to], from);
  if (rank === 1 && s.chance(1, 2)) return s.emit('Gemm', [x, w, bias]);
  const y = s.emit('MatMul', [x, w]);
  return s.chance(3, 4) ? s.emit('Add', [y, bias]) : y;
}

/** One of the ways to end a network of a vector a sample. */
function vectorHead(s: Sketch, v: Value): Head {
  const size = 2 + s.rng.integer(3);
  const raw = linear(s, v.name, v.dims[0] as number, size, 1);
  const [behindName, behind] = pick(s, BEHIND);
  const of = { raw, dims: [size], axis: 0 };
  const [end, kind] = [s.rng.integer(8), s.rng.integer(2)];
  if (end === 0)
    return { ...of, output: behind(s, raw), answer: 'numbers', isKnown: false, spelling: `numbers, ${behindName}` };
  if (end === 1) {
    const [name, sigmoid] = pick(s, SIGMOIDS);
    const known = kind === 0;
    const output = behind(s, known ? sigmoid(s, raw) : raw);
    const spelling = `${known ? name : 'logits of yes or no'}, ${behindName}`;
    return { ...of, output, answer: 'yes or no', loss: 'binary-cross-entropy', isKnown: known, spelling };
  }
  const answer = kind === 0 && end === 2 ? 'one-hot' : 'class';
  if (end < 4) {
    const output = behind(s, raw);
    return { ...of, output, answer, loss: 'cross-entropy', isKnown: false, spelling: `logits, ${behindName}` };
  }
  const [name, probabilities] = pick(s, PROBABILITIES);
  const output = behind(s, probabilities(s, raw));
  return { ...of, output, answer, isKnown: true, spelling: `${name}, ${behindName}` };
}

/** A class for each position: classes along the last axis, or along the first as convolutions have them. */
function denseHead(s: Sketch, v: Value): Head {
  const classes = 2 + s.rng.integer(3);
  const [first, ...cells] = v.dims as [number, ...number[]];
  const isChannels = v.dims.length > 2;
  const raw = isChannels
    ? s.emit('Conv', [v.name, s.weight([classes, first, ...cells.map(() => 1)], first)], {
        kernel_shape: cells.map(() => 1),
      })
    : linear(s, v.name, v.dims.at(-1) as number, classes, v.dims.length);
  const dims = isChannels ? [classes, ...cells] : [...v.dims.slice(0, -1), classes];
  const axis = isChannels ? 0 : dims.length - 1;
  const ends = s.rng.integer(3);
  const isKnown = ends > 0 && (s.opset >= 13 || !isChannels);
  const op = ends === 1 ? 'Softmax' : 'LogSoftmax';
  const output = isKnown ? s.emit(op, [raw], { axis: isChannels ? 1 : -1 }) : raw;
  const spelling = `${isKnown ? op : 'logits'} of positions, classes ${isChannels ? 'first' : 'last'}`;
  return { output, raw, dims, axis, answer: 'class of each position', loss: 'cross-entropy', isKnown, spelling };
}

/** One of the ways to end a network, of a vector or of positions. */
export function head(s: Sketch, v: Value): Head {
  return v.dims.length === 1 ? vectorHead(s, v) : denseHead(s, v);
}

/** An output more, which no answer is about: features, another classifier, samples on another axis, one number for the batch. */
export function aside(s: Sketch, v: Value): string {
  const size = sizeOf(v.dims);
  const flat = s.emit('Reshape', [v.name, s.ints([-1, size])]);
  switch (s.rng.integer(5)) {
    case 0:
      return s.emit('Identity', [v.name]);
    case 1:
      return s.emit('Sigmoid', [linear(s, flat, size, 3, 1)]);
    case 2:
      return s.emit('Softmax', [linear(s, flat, size, 2 + s.rng.integer(3), 1)], { axis: -1 });
    case 3:
      return s.emit('Transpose', [flat], { perm: [1, 0] });
    default:
      return s.emit('ReduceMean', [flat], { keepdims: 0 });
  }
}

/** The loss of one sample in f64: of its raw values, and of its answer. */
export function lossOf({ dims, axis, answer }: Head, raw: ArrayLike<number>, of: ArrayLike<number>): number {
  const z = Array.from(raw);
  if (answer === 'numbers') return z.reduce((sum, x, i) => sum + (x - (of[i] as number)) ** 2, 0) / z.length;
  if (answer === 'yes or no')
    return (
      z.reduce((sum, x, i) => sum + Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))) - x * (of[i] as number), 0) /
      z.length
    );
  const classes = dims[axis] as number;
  const inner = sizeOf(dims.slice(axis + 1));
  const positions = z.length / classes;
  let total = 0;
  for (let p = 0; p < positions; p++) {
    const start = Math.floor(p / inner) * classes * inner + (p % inner);
    const row = Array.from({ length: classes }, (_, c) => z[start + c * inner] as number);
    const label = answer === 'one-hot' ? Array.from(of).indexOf(1) : (of[p] as number);
    total += crossEntropy(row, label);
  }
  return total / positions;
}

/** Cross-entropy of one position, in f64. */
export function crossEntropy(logits: ArrayLike<number>, label: number): number {
  const z = Array.from(logits);
  const top = Math.max(...z);
  return top + Math.log(z.reduce((sum, x) => sum + Math.exp(x - top), 0)) - (z[label] as number);
}
