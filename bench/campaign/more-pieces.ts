import { float } from '../../src/ir/access.ts';
import { float32, int64 } from '../../src/tensor/tensor.ts';
import type { Sketch, Value } from './sketch.ts';

type Piece = (s: Sketch, v: Value) => Value;

const same = (v: Value, name: string): Value => ({ ...v, name });
const positive = (s: Sketch, size: number): string => s.constant([size], () => 0.5 + s.rng.uniform());
const normal = (s: Sketch, size: number): string => s.constant([size], () => s.rng.normal() / 2);
/** A number of an axis of samples' values, with the batch in front. */
const axisOf = (s: Sketch, v: Value): number => s.rng.integer(v.dims.length);

const negated: Piece = (s, v) => same(v, s.emit('Neg', [v.name]));

/** Elements in another order, some twice. */
const gathered: Piece = (s, v) => {
  const axis = axisOf(s, v);
  const size = v.dims[axis] as number;
  const indices = Array.from({ length: size }, () => s.rng.integer(size) - (s.rng.integer(2) === 0 ? 0 : size));
  return same(
    v,
    s.emit('Gather', [v.name, s.builder.constant(int64(indices), 'i')], { axis: axis + (v.axis === 0 ? 1 : 0) }),
  );
};

/** All elements but the first ones of an axis, and those back again. */
const rolled: Piece = (s, v) => {
  if (v.axis !== 0) return negated(s, v);
  const axis = axisOf(s, v);
  const size = v.dims[axis] as number;
  if (size < 2) return negated(s, v);
  const at = 1 + s.rng.integer(size - 1);
  const cut = (from: number, to: number): string =>
    s.emit('Slice', [v.name, s.ints([from]), s.ints([to]), s.ints([axis + 1])]);
  const back = s.chance(1, 2)
    ? s.emit('Slice', [v.name, s.ints([at - 1]), s.ints([-size - 1]), s.ints([axis + 1]), s.ints([-1])])
    : cut(0, at);
  return same(v, s.emit('Concat', [cut(at, size), back], { axis: axis + 1 }));
};

/** Divided by a norm along the last axis. */
const normalised: Piece = (s, v) => {
  if (v.dims.at(-1) === 1) return negated(s, v);
  if (s.chance(1, 2)) return same(v, s.emit('LpNormalization', [v.name], { axis: -1, p: 2 }));
  const norm = s.reduced('ReduceL2', v.name, [-1], 1);
  return same(v, s.emit('Div', [v.name, s.emit('Add', [norm, s.builder.scalar(0.1)])]));
};

/** What a softmax along an axis lets through. */
const weighted: Piece = (s, v) => {
  const axis = s.opset >= 13 && v.axis === 0 ? 1 + axisOf(s, v) : -1;
  return same(v, s.emit('Mul', [v.name, s.emit('Softmax', [v.name], { axis })]));
};

/** One of two values by the sign of a third. */
const chosen: Piece = (s, v) => {
  const mask = s.emit('Greater', [s.emit('Sin', [v.name]), s.builder.scalar(0)]);
  return same(v, s.emit('Where', [mask, s.emit('Tanh', [v.name]), v.name]));
};

const powers: Piece = (s, v) =>
  same(v, s.emit('Pow', [s.emit('Add', [s.emit('Abs', [v.name]), s.builder.scalar(0.5)]), s.builder.scalar(1.5)]));

/** The approximation of Gelu by tanh, in plain operators. */
const geluByHand: Piece = (s, v) => {
  const cube = s.emit('Mul', [v.name, s.emit('Mul', [v.name, v.name])]);
  const inner = s.emit('Add', [v.name, s.emit('Mul', [cube, s.builder.scalar(0.044715)])]);
  const t = s.emit('Tanh', [s.emit('Mul', [inner, s.builder.scalar(0.7978845608)])]);
  return same(
    v,
    s.emit('Mul', [s.emit('Mul', [v.name, s.builder.scalar(0.5)]), s.emit('Add', [t, s.builder.scalar(1)])]),
  );
};

const sums: Piece = (s, v) => {
  const axis = s.builder.constant(int64([v.axis === 0 ? v.dims.length : 0], []), 'axis');
  if (v.axis !== 0) return negated(s, v);
  return same(v, s.emit('CumSum', [v.name, axis], { reverse: s.rng.integer(2), exclusive: s.rng.integer(2) }));
};

const prelu: Piece = (s, v) => same(v, s.emit('PRelu', [v.name, positive(s, v.dims.at(-1) as number)]));

/** A layer that remembers, over the positions of [N, T, D]. */
const recurrent: Piece = (s, v) => {
  if (v.axis !== 0) return negated(s, v);
  const [T, D] = v.dims as [number, number];
  const H = 2 + s.rng.integer(2);
  const op = ['LSTM', 'GRU', 'RNN'][s.rng.integer(3)] as string;
  const gates = { LSTM: 4, GRU: 3, RNN: 1 }[op] as number;
  const both = s.chance(1, 3) ? 2 : 1;
  const x = s.emit('Transpose', [v.name], { perm: [1, 0, 2] });
  const [w, r] = [s.weight([both, gates * H, D], D), s.weight([both, gates * H, H], H)];
  const b = s.chance(1, 2) ? [s.constant([both, 2 * gates * H], () => s.rng.normal() / 2)] : [];
  const [y] = s.builder.emitAll(op, [x, w, r, ...b], op === 'LSTM' ? 3 : 2, {
    hidden_size: H,
    ...(both === 2 && { direction: 'bidirectional' }),
    ...(op === 'GRU' && { linear_before_reset: s.rng.integer(2) }),
  }) as [string];
  const back = s.emit('Transpose', [y], { perm: [2, 0, 1, 3] }); // [T, directions, N, H] -> [N, T, directions, H]
  return { ...v, name: s.emit('Reshape', [back, s.ints([-1, T, both * H])]), dims: [T, both * H] };
};

const rms: Piece = (s, v) => {
  if (s.opset < 23) return negated(s, v);
  return same(v, s.emit('RMSNormalization', [v.name, positive(s, v.dims.at(-1) as number)], { axis: -1 }));
};

const attention: Piece = (s, v) => {
  if (s.opset < 23 || v.axis !== 0) return negated(s, v);
  const D = v.dims[1] as number;
  const [q, k, x] = [0, 1, 2].map(() => s.emit('MatMul', [v.name, s.weight([D, D], D)])) as [string, string, string];
  return same(v, s.emit('Attention', [q, k, x], { q_num_heads: 1, kv_num_heads: 1, is_causal: s.rng.integer(2) }));
};

const instance: Piece = (s, v) => {
  const [C, ...cells] = v.dims as [number, ...number[]];
  if (cells.reduce((a, b) => a * b, 1) < 2) return negated(s, v);
  return same(v, s.emit('InstanceNormalization', [v.name, positive(s, C), normal(s, C)], { epsilon: float(1e-3) }));
};

const group: Piece = (s, v) => {
  const C = v.dims[0] as number;
  if (s.opset < 21) return same(v, s.emit('LRN', [v.name], { size: 3 }));
  const num_groups = C % 2 === 0 && s.chance(1, 2) ? 2 : 1;
  return same(v, s.emit('GroupNormalization', [v.name, positive(s, C), normal(s, C)], { num_groups }));
};

/** Channels weighed by what the whole picture holds. */
const squeezeExcite: Piece = (s, v) => {
  const [C] = v.dims as [number];
  const pooled = s.emit(s.chance(1, 2) ? 'GlobalAveragePool' : 'GlobalMaxPool', [v.name]);
  const gate = s.emit('Conv', [pooled, s.weight([C, C, ...v.dims.slice(1).map(() => 1)], C)]);
  return same(v, s.emit('Mul', [v.name, s.emit('Sigmoid', [gate])]));
};

/** Pictures read at fixed places. */
const sampled: Piece = (s, v) => {
  const [C, ...cells] = v.dims as [number, ...number[]];
  if (s.opset < 16 || cells.length !== 2) return negated(s, v);
  const [h, w] = [2 + s.rng.integer(2), 2 + s.rng.integer(2)];
  const one = s.builder.constant(
    float32(
      Float32Array.from({ length: h * w * 2 }, () => 2 * s.rng.uniform() - 1),
      [1, h, w, 2],
    ),
    'grid',
  );
  // a grid a sample: the batch is not known when the graph is made
  const picture = s.emit('Shape', [v.name]);
  const batch = s.emit('Slice', [picture, s.ints([0]), s.ints([1])]);
  const grid = s.emit('Expand', [one, s.emit('Concat', [batch, s.ints([h, w, 2])], { axis: 0 })]);
  const padding_mode = ['zeros', 'border', 'reflection'][s.rng.integer(3)] as string;
  const mode = s.opset >= 20 ? 'linear' : 'bilinear';
  return { ...v, name: s.emit('GridSample', [v.name, grid], { mode, padding_mode }), dims: [C, h, w] };
};

/** Places moved by a layer of the picture itself. */
const deformed: Piece = (s, v) => {
  const [C, ...cells] = v.dims as [number, ...number[]];
  if (s.opset < 19 || cells.length !== 2) return negated(s, v);
  const offsets = s.emit('Conv', [v.name, s.weight([8, C, 1, 1], C), normal(s, 8)], { kernel_shape: [1, 1] });
  const to = 1 + s.rng.integer(3);
  const name = s.emit('DeformConv', [v.name, s.weight([to, C, 2, 2], 4 * C), offsets], {
    kernel_shape: [2, 2],
    pads: [0, 0, 1, 1],
  });
  return { ...v, name, dims: [to, ...cells] };
};

const shuffled: Piece = (s, v) => {
  const [C, ...cells] = v.dims as [number, ...number[]];
  if (cells.length !== 2 || C % 4 !== 0) return negated(s, v);
  const mode = s.chance(1, 2) ? 'CRD' : 'DCR';
  const name = s.emit('DepthToSpace', [v.name], { blocksize: 2, mode });
  return { ...v, name, dims: [C / 4, ...cells.map((cell) => 2 * cell)] };
};

const averaged: Piece = (s, v) => {
  const [C, ...cells] = v.dims as [number, ...number[]];
  if (Math.min(...cells) < 3) return negated(s, v);
  const name = s.emit('AveragePool', [v.name], {
    kernel_shape: cells.map(() => 3),
    strides: cells.map(() => 1),
    pads: [...cells, ...cells].map(() => 1),
    count_include_pad: s.rng.integer(2),
  });
  return { ...v, name, dims: [C, ...cells] };
};

const anywhere: readonly Piece[] = [gathered, rolled, normalised, weighted, chosen, powers, geluByHand, sums];

/** More pieces by the number of axes of a sample. */
export const MORE: Readonly<Record<number, readonly Piece[]>> = {
  1: [...anywhere, prelu, rms],
  2: [...anywhere, recurrent, recurrent, rms, attention, instance, prelu],
  3: [...anywhere, instance, group, squeezeExcite, sampled, deformed, shuffled, averaged],
};
