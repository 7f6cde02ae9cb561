import { intAttribute, intsAttribute } from '../../../ir/access.ts';
import { sizeOf } from '../../../tensor/tensor.ts';
import { skippedByAutoPad } from '../../auto-pad.ts';
import type { NodeForm } from '../../node-form.ts';
import { attributesOf, axisOf, type Lowering, type LoweringContext, MICROSOFT, meanOver, times } from './lowering.ts';

/** Y = X / (sum |X|^p)^(1/p) along an axis, p = 1 or 2; 0 where all X are 0 */
const lpNormalization: Lowering = {
  op: 'LpNormalization',
  since: [1, 22],
  linearity: 'smooth',
  lower: (at) => {
    const x = at.x[0] as string;
    const axes = [axisOf(at, -1)];
    const norm =
      intAttribute(at.node, 'p', 2) === 1
        ? at.sum(at.emit('Abs', x), axes, true)
        : at.emit('Sqrt', at.sum(at.emit('Mul', x, x), axes, true));
    const divisor = at.emit('Where', at.emit('Equal', norm, at.scalar(0)), at.scalar(1), norm);
    return [at.emit('Div', x, divisor)];
  },
};

/** Y = (X - mean) / (deviation + 1e-9) over some axes */
const meanVariance: Lowering = {
  op: 'MeanVarianceNormalization',
  since: [9, 13],
  linearity: 'smooth',
  lower: (at) => {
    const shape = at.shape(0);
    const axes = (intsAttribute(at.node, 'axes') ?? [0, 2, 3]).map((axis) => (axis < 0 ? axis + shape.length : axis));
    const x = at.x[0] as string;
    const centred = at.emit('Sub', x, meanOver(at, x, { shape, axes }));
    const deviation = at.emit('Sqrt', meanOver(at, at.emit('Mul', centred, centred), { shape, axes }));
    return [at.emit('Div', centred, at.emit('Add', deviation, at.scalar(1e-9)))];
  },
};

/** |value|^p, or the other way round for 1 / p; squares and roots without powers. */
function power(at: LoweringContext, value: string, p: number): string {
  if (p === 1) return value;
  if (p === 2) return at.emit('Mul', value, value);
  return p === 0.5 ? at.emit('Sqrt', value) : at.emit('Pow', value, at.scalar(p));
}

/** Y = (sum of |X|^p over the window)^(1/p): a convolution with ones */
const lpPool: Lowering = {
  op: 'LpPool',
  since: [2, 11, 18, 22],
  linearity: 'smooth',
  refuses: (form) =>
    intAttribute(form.node, 'ceil_mode', 0) === 0 ? skippedByAutoPad(form) : 'ceil_mode must be 0, current value is 1',
  lower: (at) => {
    const [n, c, ...size] = at.shape(0) as [number, number, ...number[]];
    const p = intAttribute(at.node, 'p', 2);
    const kernel = intsAttribute(at.node, 'kernel_shape') as number[];
    const ones = at.floats(new Float32Array(sizeOf(kernel)).fill(1), [1, 1, ...kernel]);
    const powers = at.reshape(power(at, at.emit('Abs', at.x[0] as string), p), [n * c, 1, ...size]);
    const sums = at.emit(
      'Conv',
      powers,
      ones,
      attributesOf(at, ['auto_pad', 'dilations', 'kernel_shape', 'pads', 'strides']),
    );
    return [power(at, at.reshape(sums, at.outShape(0)), 1 / p)];
  },
};

/** Y = (sum of |X|^p over all spatial axes)^(1/p) */
const globalLpPool: Lowering = {
  op: 'GlobalLpPool',
  since: [2],
  linearity: 'smooth',
  lower: (at) => {
    const p = intAttribute(at.node, 'p', 2);
    const axes = [...at.shape(0).keys()].slice(2);
    return [power(at, at.sum(power(at, at.emit('Abs', at.x[0] as string), p), axes, true), 1 / p)];
  },
};

/** Y = the slices of X whose condition holds; without an axis, elements of the flat X */
const compress: Lowering = {
  op: 'Compress',
  since: [9, 11],
  linearity: 'linear',
  lower: (at) => {
    const flat = !at.node.attributes.has('axis');
    const x = flat ? at.reshape(at.x[0] as string, [sizeOf(at.shape(0))]) : (at.x[0] as string);
    const places = at.reshape(at.emit('NonZero', at.x[1] as string), [-1]);
    return [at.emit('Gather', x, places, { axis: flat ? 0 : axisOf(at, 0) })];
  },
};

/** Y = zeros with X at the places that a pooling took it from */
const maxUnpool: Lowering = {
  op: 'MaxUnpool',
  since: [9, 11, 22],
  linearity: 'linear',
  refuses: ({ x }) => (x[2] ? 'it must have no output_shape' : undefined),
  lower: (at) => {
    const count = [sizeOf(at.shape(0))];
    const flat = at.emit(
      'ScatterElements',
      at.zeros([sizeOf(at.outShape(0))]),
      at.reshape(at.x[1] as string, count),
      at.reshape(at.x[0] as string, count),
      { axis: 0 },
    );
    return [at.reshape(flat, at.outShape(0))];
  },
};

/** Y = columns added up to the picture that they were cut from: a transposed convolution with the unit patches */
const col2Im: Lowering = {
  op: 'Col2Im',
  since: [18],
  linearity: 'linear',
  refuses: ({ numbers }) =>
    numbers(1) === undefined || numbers(2) === undefined
      ? 'its image_shape and block_shape must be constant'
      : undefined,
  lower: (at) => {
    const [image, block] = [at.numbers(1) as number[], at.numbers(2) as number[]];
    const k = block.length;
    const [strides, dilations] = ['strides', 'dilations'].map(
      (name) => intsAttribute(at.node, name) ?? block.map(() => 1),
    ) as [number[], number[]];
    const pads = intsAttribute(at.node, 'pads') ?? new Array<number>(2 * k).fill(0);
    const room = image.map(
      (n, i) =>
        n + (pads[i] as number) + (pads[i + k] as number) - (dilations[i] as number) * ((block[i] as number) - 1) - 1,
    );
    const places = room.map((n, i) => Math.floor(n / (strides[i] as number)) + 1);
    const [n, channels] = [at.shape(0)[0] as number, (at.shape(0)[1] as number) / sizeOf(block)];
    const cells = sizeOf(block);
    const unit = Array.from({ length: cells ** 2 }, (_, i) => (i % (cells + 1) === 0 ? 1 : 0));
    const y = at.emit(
      'ConvTranspose',
      at.reshape(at.x[0] as string, [n * channels, cells, ...places]),
      at.floats(unit, [cells, 1, ...block]),
      { kernel_shape: block, strides, dilations, pads, output_padding: room.map((r, i) => r % (strides[i] as number)) },
    );
    return [at.reshape(y, [n, channels, ...image])];
  },
};

/** Cosines and sines of a transform of n numbers to `bins`, [n, 2 * bins]: real parts, then imaginary ones. */
function waves(n: number, bins: number, sign: 1 | -1): Float64Array {
  const all = new Float64Array(n * 2 * bins);
  for (let t = 0; t < n; t++)
    for (let b = 0; b < bins; b++) {
      const angle = (2 * Math.PI * ((t * b) % n)) / n;
      all[t * 2 * bins + b] = Math.cos(angle);
      all[t * 2 * bins + bins + b] = sign * Math.sin(angle);
    }
  return all;
}

/** More would be a matrix of 64 MB. */
const LONGEST = 2048;

interface Transform {
  readonly axis: number;
  readonly length: number;
  readonly inverse: boolean;
}

function transformOf({ node, x, shape, numbers }: NodeForm): Transform | undefined {
  const rank = shape(0).length;
  const stated = x[2]
    ? numbers(2)?.[0]
    : intAttribute(node, 'axis', node.attributes.has('axis') ? 1 : x.length > 2 ? -2 : 1);
  const length = x[1] ? numbers(1)?.[0] : undefined;
  if (stated === undefined || (x[1] && length === undefined)) return undefined;
  const axis = stated < 0 ? stated + rank : stated;
  return { axis, length: length ?? (shape(0)[axis] as number), inverse: intAttribute(node, 'inverse', 0) !== 0 };
}

/** Y[k] = sum of X[t] exp(-2 pi i k t / n) along an axis, real and imaginary parts in the last one: products with cosines and sines */
const dft: Lowering = {
  op: 'DFT',
  since: [17, 20],
  linearity: 'linear',
  refuses: (form) => {
    const found = transformOf(form);
    if (found === undefined) return 'its axis and dft_length must be constant';
    const own = form.shape(0)[found.axis];
    if (found.length !== own)
      return `dft_length must be the length of its axis, ${own}, current value is ${found.length}`;
    return found.length > LONGEST
      ? `its axis must not be longer than ${LONGEST}, current length is ${found.length}`
      : undefined;
  },
  lower: (at) => {
    const { axis, length: n, inverse } = transformOf(at) as Transform;
    const shape = at.shape(0);
    const rank = shape.length;
    const bins = at.outShape(0)[axis] as number;
    const last = [...shape.keys()].filter((i) => i !== axis && i !== rank - 1);
    const outer = last.map((i) => shape[i] as number);
    const rows = sizeOf(outer);
    const moved = at.reshape(at.transpose(at.x[0] as string, [...last, rank - 1, axis]), [
      rows,
      shape[rank - 1] as number,
      n,
    ]);
    const table = at.floats(waves(n, bins, inverse ? 1 : -1), [n, 2 * bins]);
    const product = at.reshape(at.emit('MatMul', moved, table), [rows, shape[rank - 1] as number, 2, bins]);
    const spectrum = shape[rank - 1] === 1 ? at.reshape(product, [rows, 2, bins]) : complexSum(at, product, rows, bins);
    const scaled = times(at, spectrum, inverse ? 1 / n : 1);
    const back = [...shape.keys()].map((i) =>
      i === axis ? last.length + 1 : i === rank - 1 ? last.length : last.indexOf(i),
    );
    return [at.transpose(at.reshape(scaled, [...outer, 2, bins]), back)];
  },
};

/** [rows, re | im, re | im, bins] of a complex signal -> [rows, re | im, bins]: (a + ib)(c + is) */
function complexSum(at: LoweringContext, product: string, rows: number, bins: number): string {
  const part = (i: number, j: number): string =>
    at.slice(product, { starts: [i, j], ends: [i + 1, j + 1], axes: [1, 2] });
  const parts = [at.emit('Sub', part(0, 0), part(1, 1)), at.emit('Add', part(0, 1), part(1, 0))];
  return at.reshape(at.emit('Concat', ...parts, { axis: 2 }), [rows, 2, bins]);
}

/** The spectra of a signal's windows: one strided convolution with windowed waves */
const stft: Lowering = {
  op: 'STFT',
  since: [17],
  linearity: 'linear',
  refuses: (form) => {
    if (form.shape(0)[2] === 2) return 'its signal must be real';
    if (form.numbers(1) === undefined) return 'its frame_step must be constant';
    const n = frameOf(form);
    return n !== undefined && n <= LONGEST
      ? undefined
      : `its frames must be of a constant length up to ${LONGEST}, current length is ${n}`;
  },
  lower: (at) => {
    const [batch, frames, bins] = at.outShape(0) as [number, number, number];
    const n = frameOf(at) as number;
    const basis = waves(n, bins, -1);
    const filters = Array.from(
      { length: 2 * bins * n },
      (_, i) => basis[(i % n) * 2 * bins + Math.floor(i / n)] as number,
    );
    const plain = at.floats(filters, [2 * bins, 1, n]);
    const filter = at.x[2] ? at.emit('Mul', plain, at.x[2]) : plain;
    const signal = at.reshape(at.x[0] as string, [batch, 1, at.shape(0)[1] as number]);
    const y = at.emit('Conv', signal, filter, { kernel_shape: [n], strides: [at.numbers(1)?.[0] as number] });
    return [at.transpose(at.reshape(y, [batch, 2, bins, frames]), [0, 3, 2, 1])];
  },
};

function frameOf({ x, shape, numbers }: NodeForm): number | undefined {
  return x[2] ? shape(2)[0] : x[3] ? numbers(3)?.[0] : undefined;
}

/** onnxruntime's names for operators that the standard has by now. */
function renamed(op: string, standard: string): Lowering {
  return {
    op,
    domain: MICROSOFT,
    since: [1],
    linearity: 'linear',
    lower: (at) => [at.emit(standard, ...at.x, Object.fromEntries(at.node.attributes))],
  };
}

/** Norms, poolings, spectra and such, each by what it is made of. */
export const transforms: readonly Lowering[] = [
  lpNormalization,
  meanVariance,
  lpPool,
  globalLpPool,
  compress,
  maxUnpool,
  col2Im,
  dft,
  stft,
  renamed('Trilu', 'Trilu'),
  renamed('GatherND', 'GatherND'),
];
