import { float } from '../../src/ir/access.ts';
import { int64 } from '../../src/tensor/tensor.ts';
import type { Sketch, Value } from './sketch.ts';

/** Ways to write what a network ends in, of logits [N, C]. */
const ENDS: Readonly<Record<string, (s: Sketch, z: string) => string>> = {
  logits: (_, z) => z,
  softmax: (s, z) => s.emit('Softmax', [z], { axis: s.chance(1, 2) ? 1 : -1 }),
  'log-softmax': (s, z) => s.emit('LogSoftmax', [z], { axis: -1 }),
  'log of softmax': (s, z) => s.emit('Log', [s.emit('Softmax', [z], { axis: -1 })]),
  'exp over its sum': (s, z) => {
    const e = s.emit('Exp', [z]);
    return s.emit('Div', [e, s.emit('ReduceSum', [e, s.builder.constant(int64([1]), 'axes')], { keepdims: 1 })]);
  },
  'shifted exp over its sum': (s, z) => {
    const e = s.emit('Exp', [s.emit('Sub', [z, s.emit('ReduceMax', [z], { axes: [1], keepdims: 1 })])]);
    return s.emit('Div', [e, s.emit('ReduceSum', [e, s.builder.constant(int64([-1]), 'axes')], { keepdims: 1 })]);
  },
};

/** What stands behind it and changes nothing. */
const BEHIND: Readonly<Record<string, (s: Sketch, y: string) => string>> = {
  nothing: (_, y) => y,
  identity: (s, y) => s.emit('Identity', [y]),
  cast: (s, y) => s.emit('Cast', [s.emit('Cast', [y], { to: 11 })], { to: 1 }),
  transposed: (s, y) => s.emit('Transpose', [s.emit('Transpose', [y], { perm: [1, 0] })], { perm: [1, 0] }),
  unsqueezed: (s, y) => {
    const axes = s.builder.constant(int64([1]), 'axes');
    return s.emit('Squeeze', [s.emit('Unsqueeze', [y, axes]), axes]);
  },
  'by one': (s, y) => s.emit('Mul', [y, s.builder.scalar(1)]),
  dropout: (s, y) => s.emit('Dropout', [y]),
  clipped: (s, y) => s.emit('Clip', [y, s.builder.scalar(-1e6), s.builder.scalar(1e6)]),
};

/** A network's end: its output, and the logits that it is made of. */
export interface Head {
  readonly output: string;
  readonly logits: string;
  readonly classes: number;
  readonly spelling: string;
}

/** One of the ways to end a classifier. */
export function head(s: Sketch, v: Value): Head {
  const classes = 2 + s.rng.integer(3);
  const from = v.dims[0] as number;
  const logits = s.emit(
    'Gemm',
    [v.name, s.weight([from, classes], from), s.constant([classes], () => s.rng.normal())],
    { alpha: float(1) },
  );
  const end = Object.keys(ENDS)[s.rng.integer(Object.keys(ENDS).length)] as string;
  const behind = Object.keys(BEHIND)[s.rng.integer(Object.keys(BEHIND).length)] as string;
  const made = (ENDS[end] as (typeof ENDS)[string])(s, logits);
  const output = (BEHIND[behind] as (typeof BEHIND)[string])(s, made);
  return { output, logits, classes, spelling: `${end}, ${behind}` };
}
