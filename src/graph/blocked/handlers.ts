import { floatAttribute, intAttribute, intsAttribute, stringAttribute } from '../../ir/access.ts';
import type { Node } from '../../ir/model.ts';
import { sizeOf } from '../../tensor/tensor.ts';
import type { BlockedGraph, PendingConv } from './blocked-graph.ts';

/** Writes a node over blocked values; false = it does not, and the node stays as it is. */
export type Handler = (node: Node, at: BlockedGraph) => boolean;

/** Y = conv(X, W) + b: blocked where the output's channels fill blocks, and the input's do or are fewer than one. */
const conv: Handler = (node, at) => {
  const [x, w, bias] = node.inputs as [string, string, string | undefined];
  const [dims, weight] = [at.shape(x), filterShape(node, at)];
  if (
    dims?.length !== 4 ||
    weight === undefined ||
    !at.isFloat(w) ||
    stringAttribute(node, 'auto_pad', 'NOTSET') !== 'NOTSET'
  )
    return false;
  const [out, inner, ...kernel] = weight as [number, number, number, number];
  const group = intAttribute(node, 'group', 1);
  const [filled, few] = [inner % at.block === 0, inner < at.block];
  const each = group === out && inner === 1; // depthwise
  if (out % at.block !== 0 || !(each || (group === 1 && (filled || few)))) return false;
  const strides = intsAttribute(node, 'strides') ?? [1, 1];
  const dilations = intsAttribute(node, 'dilations') ?? [1, 1];
  const pads = intsAttribute(node, 'pads') ?? [0, 0, 0, 0];
  const cells = kernel.map((k, i) => {
    const padded = (dims[i + 2] as number) + (pads[i] as number) + (pads[i + 2] as number);
    return Math.floor((padded - (dilations[i] as number) * (k - 1) - 1) / (strides[i] as number)) + 1;
  });
  const pending: PendingConv = {
    x: few && !each ? at.plain(x) : at.blocked(x),
    weight: { value: w, dims: weight },
    ...(bias && { shift: bias }),
    group,
    kernel,
    strides,
    dilations,
    pads,
  };
  return at.postpone(node.outputs[0] as string, {
    kind: 'conv',
    conv: pending,
    dims: [dims[0] as number, out, ...cells],
  });
};

/** [out, in / group, ...kernel], if need be from the shapes on both sides. */
function filterShape(node: Node, at: BlockedGraph): readonly number[] | undefined {
  const [x = '', w = ''] = node.inputs;
  const kernel = intsAttribute(node, 'kernel_shape');
  const [from, to] = [at.shape(x)?.[1], at.shape(node.outputs[0] as string)?.[1]];
  const known = at.shape(w);
  if (known !== undefined || kernel === undefined || from === undefined || to === undefined) return known;
  return [to, from / intAttribute(node, 'group', 1), ...kernel];
}

/** A factor and a shift for each channel, applied to a blocked value: part of the convolution that made it, or one more. */
function affine(at: BlockedGraph, { x, y }: { x: string; y: string }, by: { scale?: string; shift?: string }): boolean {
  const dims = at.shape(x) as readonly number[];
  const before = at.pending(x);
  const { builder } = at;
  if (before?.kind !== 'conv' || !at.isPrivate(x) || before.conv.plus !== undefined || before.conv.relu === true) {
    const own: PendingConv = { x: at.blocked(x), group: dims[1] as number, kernel: [1, 1], ...by };
    return at.postpone(y, { kind: 'conv', conv: own, dims });
  }
  const both = (op: string, a: string | undefined, b: string | undefined): string | undefined =>
    a === undefined || b === undefined ? (a ?? b) : builder.emit(op, [a, b]);
  const scale = both('Mul', before.conv.scale, by.scale);
  const moved = before.conv.shift === undefined ? undefined : both('Mul', before.conv.shift, by.scale);
  const shift = both('Add', moved, by.shift);
  const joined = { ...before.conv, ...(scale !== undefined && { scale }), ...(shift !== undefined && { shift }) };
  return at.postpone(y, { kind: 'conv', conv: joined, dims });
}

/** The [C] vector behind an operand that is the same for all cells of a channel; undefined for any other. */
function channelVector(at: BlockedGraph, value: string, channels: number): string | undefined {
  const dims = at.shape(value);
  const spread = dims !== undefined && sizeOf(dims) === channels && dims.length >= 3 && dims.at(-3) === channels;
  return spread ? at.words.reshape(value, [channels]) : undefined;
}

/** Elementwise operators with one result, of float type, that take values of one shape and scalars. */
const ELEMENTWISE = [
  ...[
    'Abs',
    'Ceil',
    'Celu',
    'Clip',
    'Cos',
    'Elu',
    'Erf',
    'Exp',
    'Floor',
    'Gelu',
    'HardSigmoid',
    'HardSwish',
    'Identity',
  ],
  ...['LeakyRelu', 'Log', 'Mish', 'Neg', 'Reciprocal', 'Relu', 'Round', 'Selu', 'Sigmoid', 'Sign', 'Sin', 'Softplus'],
  ...['Softsign', 'Sqrt', 'Tanh', 'ThresholdedRelu', 'Add', 'Div', 'Max', 'Mean', 'Min', 'Mul', 'Pow', 'Sub', 'Sum'],
] as const;

const elementwise: Handler = (node, at) => {
  const inputs = node.inputs.filter((name) => name !== '');
  const wide = inputs.filter((name) => sizeOf(at.shape(name) ?? [2]) !== 1);
  const [first = ''] = wide;
  const dims = at.shape(first);
  const same = (name: string): boolean => at.shape(name)?.join() === dims?.join();
  if (!at.fits(dims) || !wide.every(same) || !wide.some((name) => at.isBlocked(name))) return false;
  const scalars = inputs.filter((name) => !wide.includes(name));
  if (scalars.some((name) => (at.shape(name) as readonly number[]).length > 4)) return false;
  const moved = node.inputs.map((name) => (wide.includes(name) ? at.blocked(name) : name));
  const result = at.builder.fresh(`${node.outputs[0]}~blocked`);
  at.builder.nodes.push({ ...node, inputs: moved, outputs: [result] });
  return at.set(node.outputs[0] as string, result, dims);
};

/** Relu of a convolution that nothing else reads is part of it. */
const relu: Handler = (node, at) => {
  const [x, y] = [node.inputs[0] as string, node.outputs[0] as string];
  const before = at.pending(x);
  if (before?.kind !== 'conv' || !at.isPrivate(x) || before.conv.relu === true) return elementwise(node, at);
  return at.postpone(y, { ...before, conv: { ...before.conv, relu: true } });
};

/** X + c, X - c, X * c for each channel; X + Z into the convolution that makes one of them; X * Z only when it is read. */
const arithmetic: Handler = (node, at) => {
  const [a, b, more] = node.inputs as [string, string, string | undefined];
  const y = node.outputs[0] as string;
  if (b === undefined || more !== undefined) return elementwise(node, at);
  const [x, other] = at.fits(at.shape(a)) && at.isBlocked(a) ? [a, b] : [b, a];
  const dims = at.shape(x);
  if (!at.fits(dims) || !at.isBlocked(x)) return elementwise(node, at);
  const vector = channelVector(at, other, dims[1] as number);
  if (vector !== undefined && !(node.op === 'Sub' && x === b)) return perChannel(node, at, { x, y, vector, other });
  if (at.shape(other)?.join() !== dims.join()) return elementwise(node, at);
  if (node.op === 'Mul') return at.postpone(y, { kind: 'product', factors: [a, b], dims });
  return node.op === 'Sub' ? elementwise(node, at) : added(at, { a, b, y, dims }) || elementwise(node, at);
};

function perChannel(
  { op }: Node,
  at: BlockedGraph,
  { x, y, vector, other }: { x: string; y: string; vector: string; other: string },
): boolean {
  if (op === 'Mul') return affine(at, { x, y }, { scale: vector });
  if (op !== 'Sub') return affine(at, { x, y }, { shift: vector });
  const key = `${x}|${at.origin(other)}`;
  const known = at.centred.get(key);
  const dims = at.shape(x) as readonly number[];
  return known === undefined
    ? affine(at, { x, y }, { shift: at.builder.emit('Neg', [vector]) })
    : at.set(y, known, dims);
}

/** A + B where a convolution that nothing else reads makes one of them: it adds the other. */
function added(
  at: BlockedGraph,
  { a, b, y, dims }: { a: string; b: string; y: string; dims: readonly number[] },
): boolean {
  for (const [own, plus] of [
    [a, b],
    [b, a],
  ] as const) {
    const before = at.pending(own);
    if (own === plus || before?.kind !== 'conv' || !at.isPrivate(own)) continue;
    if (before.conv.plus !== undefined || before.conv.relu === true) continue;
    return at.postpone(y, { kind: 'conv', conv: { ...before.conv, plus: at.blocked(plus) }, dims });
  }
  return false;
}

/** Sums over samples and cells; of a product that is not written yet, without writing it. */
const reduceSum: Handler = (node, at) => {
  const [x, y] = [node.inputs[0] as string, node.outputs[0] as string];
  const axes = at.numbers(node.inputs[1] ?? '');
  const dims = at.shape(x);
  if (axes?.join() !== '0,2,3' || !at.fits(dims) || !at.isBlocked(x) || intAttribute(node, 'keepdims', 1) !== 0)
    return false;
  const { builder, words } = at;
  const pending = at.pending(x);
  const over = (value: string): string => builder.emit('ReduceSum', [value, builder.ints([0])], { keepdims: 0 });
  if (pending?.kind === 'product') {
    const [a, b] = pending.factors;
    return at.name(over(words.dots(at.blocked(a), at.blocked(b), dims)), y);
  }
  const cells = builder.scalar(sizeOf(dims.slice(2)));
  return at.name(builder.emit('Mul', [over(words.means(at.blocked(x), dims)), cells]), y);
};

/** In inference form a factor and a shift for each channel; in training form these from the batch's statistics. */
const batchNormalization: Handler = (node, at) => {
  const [x, scale, bias, storedMean, storedVariance] = node.inputs as [string, string, string, string, string];
  const [y, batchMean, batchVariance] = node.outputs as [string, string | undefined, string | undefined];
  const dims = at.shape(x);
  if (!at.fits(dims) || !at.isBlocked(x)) return false;
  const { builder } = at;
  const gainOf = (variance: string): string => {
    const wide = builder.emit('Add', [variance, builder.scalar(floatAttribute(node, 'epsilon', 1e-5))]);
    return builder.emit('Div', [scale, builder.emit('Sqrt', [wide])]);
  };
  if (intAttribute(node, 'training_mode', 0) === 0) {
    const gain = gainOf(storedVariance);
    const shift = builder.emit('Sub', [bias, builder.emit('Mul', [storedMean, gain])]);
    return affine(at, { x, y }, { scale: gain, shift });
  }
  if (floatAttribute(node, 'momentum', 0.9) !== 0 || !batchMean || !batchVariance) return false;
  const { mean, variance, centred } = statistics(at, x, dims);
  at.name(mean, batchMean);
  at.name(variance, batchVariance);
  at.centred.set(`${x}|${batchMean}`, centred);
  const own: PendingConv = {
    x: centred,
    group: dims[1] as number,
    kernel: [1, 1],
    scale: gainOf(variance),
    shift: bias,
  };
  return at.postpone(y, { kind: 'conv', conv: own, dims });
};

/** Mean and variance of each channel over samples and cells, and the value less its mean: from that, so that nothing cancels. */
function statistics(
  at: BlockedGraph,
  x: string,
  dims: readonly number[],
): { mean: string; variance: string; centred: string } {
  const { builder, words } = at;
  const blocked = at.blocked(x);
  const over = (value: string, share: number): string =>
    builder.emit('Mul', [
      builder.emit('ReduceSum', [value, builder.ints([0])], { keepdims: 0 }),
      builder.scalar(share),
    ]);
  const [samples, cells] = [dims[0] as number, sizeOf(dims.slice(2))];
  const mean = over(words.means(blocked, dims), 1 / samples);
  const name = builder.fresh(`${x}~centred`);
  at.postpone(name, {
    kind: 'conv',
    conv: { x: blocked, group: dims[1] as number, kernel: [1, 1], shift: builder.emit('Neg', [mean]) },
    dims,
  });
  const centred = at.blocked(name);
  return { mean, variance: over(words.dots(centred, centred, dims), 1 / (samples * cells)), centred };
}

/** The mean over cells has one cell, whose order is the same in blocks and without. */
const globalAveragePool: Handler = (node, at) => {
  const [x, y] = [node.inputs[0] as string, node.outputs[0] as string];
  const dims = at.shape(x);
  if (!at.fits(dims) || !at.isBlocked(x)) return false;
  const means = at.words.means(at.blocked(x), dims);
  return at.name(at.words.reshape(means, [...dims.slice(0, 2), 1, 1]), y);
};

/** What is done with each operator of ai.onnx; all others are kept. */
export const HANDLERS: ReadonlyMap<string, Handler> = new Map([
  ...ELEMENTWISE.map((op): [string, Handler] => [op, elementwise]),
  ...(['Add', 'Sub', 'Mul', 'Sum'] as const).map((op): [string, Handler] => [op, arithmetic]),
  ['Conv', conv],
  ['Relu', relu],
  ['ReduceSum', reduceSum],
  ['BatchNormalization', batchNormalization],
  ['GlobalAveragePool', globalAveragePool],
]);
