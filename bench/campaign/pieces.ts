import { float } from '../../src/ir/access.ts';
import { float32 } from '../../src/tensor/tensor.ts';
import { MORE } from './more-pieces.ts';
import type { Sketch, Value } from './sketch.ts';

/** A piece of a network: from one value to another. */
export type Piece = (s: Sketch, v: Value) => Value;

const ints = (s: Sketch, values: readonly number[]): string => s.ints(values);
const last = (v: Value): number => v.dims.at(-1) as number;
const withLast = (v: Value, name: string, size: number): Value => ({
  ...v,
  name,
  dims: [...v.dims.slice(0, -1), size],
});
const width = (s: Sketch): number => 2 + s.rng.integer(5);
const bias = (s: Sketch, size: number): string => s.constant([size], () => s.rng.normal() / 2);

/** Operators of one value, smooth ones before those with kinks. */
const UNARY = [
  'Tanh',
  'Sigmoid',
  'Softplus',
  'Erf',
  'Identity',
  'Neg',
  'Relu',
  'LeakyRelu',
  'Elu',
  'Selu',
  'HardSwish',
  'HardSigmoid',
  'Abs',
  'Softsign',
  'ThresholdedRelu',
  'Celu',
  'Sin',
  'Cos',
  'Atan',
  'Mish',
  'Gelu',
  'Sinh',
  'Asinh',
];

/** The first opset of those that are younger than 11. */
const SINCE: Readonly<Record<string, number>> = { Celu: 12, HardSwish: 14, Mish: 18, Gelu: 20 };

/** A function of each element. */
export const activation: Piece = (s, v) => {
  const known = UNARY.filter((op) => (SINCE[op] ?? 0) <= s.opset);
  const op = known[s.rng.integer(known.length)] as string;
  return { ...v, name: s.emit(op, [v.name]) };
};

const product: Piece = (s, v) => {
  const [from, to] = [last(v), width(s)];
  if (v.dims.length === 1 && v.axis === 0 && s.chance(1, 2)) {
    const transB = s.rng.integer(2);
    const w = s.weight(transB === 1 ? [to, from] : [from, to], from);
    const values = { transB, alpha: float(s.chance(1, 3) ? 0.5 : 1), beta: float(s.chance(1, 3) ? 2 : 1) };
    return withLast(v, s.emit('Gemm', [v.name, w, ...(s.chance(2, 3) ? [bias(s, to)] : [])], values), to);
  }
  const y = s.emit('MatMul', [v.name, s.weight([from, to], from)]);
  return withLast(v, s.chance(1, 2) ? s.emit('Add', [y, bias(s, to)]) : y, to);
};

/** The constant on the left: W x for each column. */
const leftProduct: Piece = (s, v) => {
  if (v.dims.length !== 2 || v.axis !== 0) return product(s, v);
  const [rows, columns] = v.dims as [number, number];
  const to = width(s);
  return { ...v, name: s.emit('MatMul', [s.weight([to, rows], rows), v.name]), dims: [to, columns] };
};

const einsum: Piece = (s, v) => {
  if (v.axis !== 0 || v.dims.length > 2 || s.opset < 12) return activation(s, v);
  const [from, to] = [last(v), width(s)];
  const turned = s.chance(1, 2);
  const x = s.chance(1, 3) ? '...i' : v.dims.length === 1 ? 'ni' : 'nti';
  const equation = `${x},${turned ? 'oi' : 'io'}->${x.slice(0, -1)}o`;
  return withLast(v, s.emit('Einsum', [v.name, s.weight(turned ? [to, from] : [from, to], from)], { equation }), to);
};

const norm: Piece = (s, v) => {
  if (s.opset < 17) return activation(s, v);
  const size = last(v);
  const scale = s.constant([size], () => 1 + s.rng.normal() / 4);
  return { ...v, name: s.emit('LayerNormalization', [v.name, scale, bias(s, size)], { axis: -1 }) };
};

const residual: Piece = (s, v) => {
  const to = last(v);
  const inner = s.emit('MatMul', [v.name, s.weight([to, to], to)]);
  const gate = s.emit('Sigmoid', [inner]);
  const ops: readonly (readonly [string, string])[] = [
    ['Add', inner],
    ['Mul', gate],
    ['Sub', gate],
    ['Div', s.emit('Exp', [gate])],
  ];
  const [op, other] = ops[s.rng.integer(ops.length)] as readonly [string, string];
  return { ...v, name: s.emit(op, [v.name, other]) };
};

const split: Piece = (s, v) => {
  const size = last(v);
  if (size < 4) return activation(s, v);
  const [a, b] = s.split(v.name, [2, size - 2], -1);
  return withLast(v, s.emit('Concat', [s.emit('Tanh', [b]), a], { axis: -1 }), size);
};

/** Samples to another axis, a piece there, and back. */
const elsewhere: Piece = (s, v) => {
  if (v.dims.length !== 2 || v.axis !== 0) return activation(s, v);
  const turned: Value = { ...v, name: s.emit('Transpose', [v.name], { perm: [1, 0, 2] }), axis: 1 };
  const done = product(s, s.chance(1, 2) ? activation(s, turned) : turned);
  return { ...done, name: s.emit('Transpose', [done.name], { perm: [1, 0, 2] }), axis: 0 };
};

/** Positions of all samples in one matrix. */
const flattened: Piece = (s, v) => {
  if (v.dims.length !== 2 || v.axis !== 0) return activation(s, v);
  const rows: Value = { name: s.emit('Reshape', [v.name, ints(s, [-1, last(v)])]), dims: [last(v)], axis: 0 };
  const done = product(s, rows);
  return withLast(v, s.emit('Reshape', [done.name, ints(s, [-1, v.dims[0] as number, last(done)])]), last(done));
};

const attention: Piece = (s, v) => {
  if (v.dims.length !== 2 || v.axis !== 0) return product(s, v);
  const size = last(v);
  const [q, k, x] = [0, 1, 2].map(() => s.emit('MatMul', [v.name, s.weight([size, size], size)])) as [
    string,
    string,
    string,
  ];
  const scores = s.emit('Div', [
    s.emit('MatMul', [q, s.emit('Transpose', [k], { perm: [0, 2, 1] })]),
    s.builder.scalar(2),
  ]);
  return { ...v, name: s.emit('Add', [v.name, s.emit('MatMul', [s.emit('Softmax', [scores], { axis: -1 }), x])]) };
};

const convolution: Piece = (s, v) => {
  const [channels, ...cells] = v.dims as [number, ...number[]];
  const kernel = cells.map((cell) => 1 + s.rng.integer(Math.min(3, cell)));
  const group = channels % 2 === 0 && s.chance(1, 4) ? 2 : 1;
  const to = group * (1 + s.rng.integer(3));
  const stride = s.chance(1, 3) ? 2 : 1;
  const pads = kernel.map((size) => s.rng.integer(size));
  const w = s.weight([to, channels / group, ...kernel], (channels / group) * kernel.reduce((a, b) => a * b, 1));
  const inputs = [v.name, w, ...(s.chance(2, 3) ? [bias(s, to)] : [])];
  if (s.chance(1, 4)) {
    const name = s.emit('Conv', inputs, {
      kernel_shape: kernel,
      group,
      strides: cells.map(() => stride),
      auto_pad: s.chance(1, 2) ? 'SAME_UPPER' : 'SAME_LOWER',
    });
    return { ...v, name, dims: [to, ...cells.map((cell) => Math.ceil(cell / stride))] };
  }
  const name = s.emit('Conv', inputs, {
    kernel_shape: kernel,
    group,
    strides: cells.map(() => stride),
    pads: [...pads, ...pads],
  });
  return {
    ...v,
    name,
    dims: [
      to,
      ...cells.map((cell, i) => Math.floor((cell + 2 * (pads[i] as number) - (kernel[i] as number)) / stride) + 1),
    ],
  };
};

const widening: Piece = (s, v) => {
  const [channels, ...cells] = v.dims as [number, ...number[]];
  if (Math.max(...cells) > 6) return convolution(s, v);
  const to = 1 + s.rng.integer(3);
  const kernel = cells.map(() => 2);
  const w = s.weight([channels, to, ...kernel], channels);
  const name = s.emit('ConvTranspose', [v.name, w, ...(s.chance(1, 2) ? [bias(s, to)] : [])], {
    kernel_shape: kernel,
    strides: cells.map(() => 2),
  });
  return { ...v, name, dims: [to, ...cells.map((cell) => 2 * cell)] };
};

const batchNorm: Piece = (s, v) => {
  const [channels] = v.dims as [number];
  const positive = (): string => s.constant([channels], () => 0.5 + s.rng.uniform());
  const name = s.emit('BatchNormalization', [v.name, positive(), bias(s, channels), bias(s, channels), positive()], {
    epsilon: float(1e-3),
  });
  return { ...v, name };
};

const pool: Piece = (s, v) => {
  const [channels, ...cells] = v.dims as [number, ...number[]];
  if (Math.min(...cells) < 2) return activation(s, v);
  const op = s.chance(1, 2) ? 'AveragePool' : 'MaxPool';
  const name = s.emit(op, [v.name], { kernel_shape: cells.map(() => 2), strides: cells.map(() => 2) });
  return { ...v, name, dims: [channels, ...cells.map((cell) => Math.floor(cell / 2))] };
};

const channelScale: Piece = (s, v) => {
  const [channels, ...cells] = v.dims as [number, ...number[]];
  return {
    ...v,
    name: s.emit(s.chance(1, 2) ? 'Mul' : 'Add', [
      v.name,
      s.constant([channels, ...cells.map(() => 1)], () => s.rng.normal()),
    ]),
  };
};

const pad: Piece = (s, v) => {
  const [channels, ...cells] = v.dims as [number, ...number[]];
  if (Math.max(...cells) > 8) return activation(s, v);
  const one = [0, 0, ...cells.map(() => 1)];
  const mode = (['constant', 'edge'] as const)[s.rng.integer(2)] as string;
  return {
    ...v,
    name: s.emit('Pad', [v.name, ints(s, [...one, ...one])], { mode }),
    dims: [channels, ...cells.map((cell) => cell + 2)],
  };
};

const resize: Piece = (s, v) => {
  const [channels, ...cells] = v.dims as [number, ...number[]];
  if (cells.length !== 2 || Math.max(...cells) > 6) return activation(s, v);
  const scales = s.builder.constant(float32([1, 1, 2, 2], [4]), 'scales');
  const roi = s.opset < 13 ? s.builder.constant(float32([], [0]), 'roi') : '';
  const mode = ['nearest', 'linear', 'cubic'][s.rng.integer(3)] as string;
  const name = s.emit('Resize', [v.name, roi, scales], {
    mode,
    coordinate_transformation_mode: mode === 'nearest' || s.chance(1, 2) ? 'asymmetric' : 'half_pixel',
    ...(mode === 'nearest' && { nearest_mode: 'floor' }),
  });
  return { ...v, name, dims: [channels, ...cells.map((cell) => 2 * cell)] };
};

const concat: Piece = (s, v) => {
  const axis = 1;
  const dims = [2 * (v.dims[0] as number), ...v.dims.slice(1)];
  return { ...v, name: s.emit('Concat', [v.name, s.emit('Tanh', [v.name])], { axis }), dims };
};

/** Pieces by the number of axes of a sample. */
const PIECES: Readonly<Record<number, readonly Piece[]>> = {
  1: [product, product, product, activation, einsum, norm, residual, split],
  2: [
    product,
    product,
    leftProduct,
    activation,
    einsum,
    norm,
    residual,
    split,
    elsewhere,
    flattened,
    attention,
    convolution,
  ],
  3: [convolution, convolution, convolution, activation, widening, batchNorm, pool, channelScale, pad, resize, concat],
};

/** To fewer axes a sample. */
function narrowed(s: Sketch, v: Value): Value {
  const size = v.dims.reduce((a, b) => a * b, 1);
  switch (s.rng.integer(3)) {
    case 0:
      return { ...v, name: s.emit('Flatten', [v.name], { axis: 1 }), dims: [size] };
    case 1: {
      const axes = v.dims.slice(1).map((_, i) => i + 2);
      return { ...v, name: s.reduced('ReduceMean', v.name, axes), dims: [v.dims[0] as number] };
    }
    default:
      return { ...v, name: s.emit('Reshape', [v.name, ints(s, [s.chance(1, 2) ? 0 : -1, size])]), dims: [size] };
  }
}

/** A few pieces one after another, to a vector a sample, or to what samples are by then. */
export function body(s: Sketch, input: Value, isDense = false): Value {
  let v = input;
  for (let count = 1 + s.rng.integer(5); count > 0; count--) {
    const pieces = [...(PIECES[v.dims.length] as readonly Piece[]), ...(MORE[v.dims.length] as readonly Piece[])];
    v = (pieces[s.rng.integer(pieces.length)] as Piece)(s, v);
  }
  if (isDense && v.dims.length > 1) return v;
  while (v.dims.length > 1) v = narrowed(s, v);
  return product(s, v);
}
