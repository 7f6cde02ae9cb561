import { groupOf, reachOf, type Window, windowOf } from '../../graph/window.ts';
import { floatAttribute, intAttribute, intsAttribute, stringAttribute } from '../../ir/access.ts';
import type { Node } from '../../ir/model.ts';
import { sizeOf } from '../../tensor/tensor.ts';
import { apply, number, operand } from '../expression/expression.ts';
import type { ConvOperation, Epilogue, Value } from '../operation.ts';
import { type Lowering, labelOf, NotCovered, type OperatorLowering } from './lowering.ts';

/** An epilogue that changes nothing. */
export const PLAIN: Epilogue = { finish: operand(-1), beside: [] };

/** A window as the compiler lays it over padded pictures. */
export interface WindowForm extends Pick<Window, 'kernel' | 'strides' | 'dilations'> {
  /** Cells before each axis, and those behind it that windows reach. */
  readonly begins: readonly number[];
  readonly ends: readonly number[];
}

/**
 * How a node's window lies over its input, cut off behind the last place that it reaches.
 *
 * @throws NotCovered where automatic padding would be less than nothing: runtimes do not agree there
 */
export function windowForm(
  node: Node,
  {
    kernel,
    inputs,
    outputs,
  }: { readonly kernel: readonly number[]; readonly inputs: readonly number[]; readonly outputs: readonly number[] },
): WindowForm {
  const window = windowOf(node, kernel, inputs, outputs);
  const { strides, dilations, padsBegin: begins } = window;
  const totals = reachOf(window).map((reach, i) => reach - (inputs[i] as number));
  const isAutomatic = stringAttribute(node, 'auto_pad', 'NOTSET').startsWith('SAME');
  if (isAutomatic && totals.some((total, i) => total < 0 && (strides[i] as number) > (kernel[i] as number)))
    throw new NotCovered('automatic padding must not be negative');
  return {
    kernel,
    strides,
    dilations,
    begins,
    ends: totals.map((total, i) => Math.max(0, total - (begins[i] as number))),
  };
}

/** The form of a node's convolution by a kernel of such axes, as its operation takes it. */
export function convolutionForm(
  node: Node,
  kernel: readonly number[],
  { x, out }: { readonly x: Value; readonly out: Value },
): Pick<ConvOperation, 'kernel' | 'strides' | 'dilations' | 'pads' | 'groups'> {
  const form = windowForm(node, { kernel, inputs: x.dims.slice(2), outputs: out.dims.slice(2) });
  return {
    kernel: two(form.kernel, 1),
    strides: two(form.strides, 1),
    dilations: two(form.dilations, 1),
    pads: two(form.begins, 0),
    groups: groupOf(node),
  };
}

/** Two numbers of one or two. */
export const two = (values: readonly number[], fill: number): [number, number] =>
  values.length === 2 ? [values[0] as number, values[1] as number] : [fill, values[0] as number];

const conv: OperatorLowering = {
  op: 'Conv',
  lower(node, to) {
    const weights = to.floats(node, 1, 'its kernel');
    const bias = to.has(node, 2) ? to.floats(node, 2, 'its bias').data : new Float32Array(weights.dims[0] as number);
    const x = to.input(node, 0);
    const out = to.output(node);
    const spatial = x.dims.length - 2;
    if (spatial !== 1 && spatial !== 2)
      throw new NotCovered(`pictures must have 1 or 2 axes, current number is ${spatial}`);
    const form = convolutionForm(node, weights.dims.slice(2), { x, out });
    emitConv(node, to, { x, out, weights: weights.data, bias, ...form, epilogue: PLAIN });
  },
};

/** A convolution over one or two axes; one is a picture of one row. */
export function emitConv(node: Node, to: Lowering, { x, out, ...parts }: Omit<ConvOperation, 'kind' | 'node'>): void {
  const label = labelOf(node);
  if (x.dims.length === 4) {
    to.emit({ kind: 'conv', node: label, x, out, ...parts });
    return;
  }
  const flat = (dims: readonly number[]): number[] => [dims[0] as number, dims[1] as number, 1, dims[2] as number];
  const picture = to.reshape(node, x, flat(x.dims));
  const result = to.fresh(out.name, flat(out.dims));
  to.emit({ kind: 'conv', node: label, x: picture, out: result, ...parts });
  to.reshape(node, result, out.dims, out);
}

const gemm: OperatorLowering = {
  op: 'Gemm',
  lower(node, to) {
    if (intAttribute(node, 'transA', 0) !== 0) throw new NotCovered('transA must be 0');
    const { dims, data } = to.floats(node, 1, 'its matrix');
    const isTransposed = intAttribute(node, 'transB', 0) !== 0;
    const alpha = floatAttribute(node, 'alpha', 1);
    const [n, k] = isTransposed ? [dims[0] as number, dims[1] as number] : [dims[1] as number, dims[0] as number];
    const weights = isTransposed ? data.slice() : transposed(data, k, n);
    if (alpha !== 1) for (let i = 0; i < weights.length; i++) weights[i] = (weights[i] as number) * alpha;
    const out = to.output(node);
    emitLinear(node, to, { out, weights, ...biasOf(node, to, n) });
  },
};

/** The bias of a Gemm as one number an output, or as a value to add. */
function biasOf(node: Node, to: Lowering, n: number): { bias: Float32Array; epilogue: Epilogue } {
  const none = { bias: new Float32Array(n), epilogue: PLAIN };
  if (!to.has(node, 2)) return none;
  const beta = floatAttribute(node, 'beta', 1);
  const constant = to.constant(node, 2);
  const size = constant === undefined ? 0 : sizeOf(constant.dims);
  if (constant !== undefined && (size === 1 || (size === n && constant.dims.at(-1) === n))) {
    const { data } = to.floats(node, 2, 'its bias');
    return { ...none, bias: Float32Array.from({ length: n }, (_, i) => beta * (data[size === 1 ? 0 : i] as number)) };
  }
  const value = to.input(node, 2);
  const out = to.dims(node.outputs[0] ?? '');
  if (value.dims.join() !== out.join())
    throw new NotCovered('what it adds must be of the shape of its output, or one number an output');
  return {
    ...none,
    epilogue: { finish: apply('add', operand(-1), apply('mul', operand(0), number(beta))), beside: [value] },
  };
}

function emitLinear(
  node: Node,
  to: Lowering,
  parts: {
    readonly out: Value;
    readonly weights: Float32Array;
    readonly bias: Float32Array;
    readonly epilogue: Epilogue;
  },
): void {
  to.emit({ kind: 'linear', node: labelOf(node), x: to.input(node, 0), ...parts });
}

/** [n, k] of a matrix [k, n]. */
export function transposed(data: Float32Array, k: number, n: number): Float32Array {
  const result = new Float32Array(data.length);
  for (let i = 0; i < k; i++) for (let j = 0; j < n; j++) result[j * k + i] = data[i * n + j] as number;
  return result;
}

const matMul: OperatorLowering = {
  op: 'MatMul',
  lower(node, to) {
    const matrix = to.constant(node, 1);
    const x = to.input(node, 0);
    if (matrix !== undefined && matrix.dims.length === 2 && x.dims.length >= 1) {
      const [k = 0, n = 0] = matrix.dims;
      const weights = transposed(to.floats(node, 1, 'its matrix').data, k, n);
      emitLinear(node, to, { out: to.output(node), weights, bias: new Float32Array(n), epilogue: PLAIN });
      return;
    }
    const y = to.input(node, 1);
    if (x.dims.length < 2 || y.dims.length < 2) throw new NotCovered('both factors must be matrices');
    productOf(node, to, { x, y, out: to.output(node) });
  },
};

/** x y of two computed matrices, or of many: loops over the output's axes and over what is summed. */
export function productOf(
  node: Node,
  to: Lowering,
  { x, y, out }: { readonly x: Value; readonly y: Value; readonly out: Value },
): void {
  const rank = out.dims.length;
  const axes = (value: Value, row: number | null, column: number | null, summed: number): (number | null)[] => {
    const shift = rank - value.dims.length;
    const batch = out.dims
      .slice(0, -2)
      .map((_, loop) => (loop < shift || value.dims[loop - shift] === 1 ? null : loop - shift));
    return [...batch, row, column, summed];
  };
  const [a, b] = [x.dims.length, y.dims.length];
  to.emit({
    kind: 'reduce',
    node: labelOf(node),
    out,
    over: [x.dims[a - 1] as number],
    reads: [
      { value: x, axes: axes(x, a - 2, null, a - 1) },
      { value: y, axes: axes(y, null, b - 1, b - 2) },
    ],
    combine: 'add',
    map: apply('mul', operand(0), operand(1)),
    finish: operand(-1),
  });
}

/** Rows and columns between the input's elements filled with zeros, and a convolution by the kernel turned round. */
const convTranspose: OperatorLowering = {
  op: 'ConvTranspose',
  lower(node, to) {
    const { dims, data } = to.floats(node, 1, 'its kernel');
    const [x, out] = [to.input(node, 0), to.output(node)];
    const rank = x.dims.length - 2;
    if (rank !== 1 && rank !== 2) throw new NotCovered(`pictures must have 1 or 2 axes, current number is ${rank}`);
    const groups = groupOf(node);
    const [channels = 1, each = 1, ...kernel] = dims;
    const strides = intsAttribute(node, 'strides') ?? kernel.map(() => 1);
    const dilations = intsAttribute(node, 'dilations') ?? kernel.map(() => 1);
    const sizes = { inputs: x.dims.slice(2), outputs: out.dims.slice(2) };
    const pads = transposedPads(node, { kernel, strides, dilations, ...sizes });
    const begins = kernel.map((k, i) => (k - 1) * (dilations[i] as number) - (pads[i] as number));
    emitConv(node, to, {
      x: spread(node, to, x, strides),
      out,
      weights: turned(data, { channels, each, groups, taps: sizeOf(kernel) }),
      bias: to.has(node, 2) ? to.floats(node, 2, 'its bias').data : new Float32Array(each * groups),
      kernel: two(kernel, 1),
      strides: [1, 1],
      dilations: two(dilations, 1),
      pads: two(begins, 0),
      groups,
      epilogue: PLAIN,
    });
  },
};

/** What is cut off before the first element; automatic where it is the same on both sides, or nothing. */
function transposedPads(
  node: Node,
  form: { readonly [name in 'kernel' | 'strides' | 'dilations' | 'inputs' | 'outputs']: readonly number[] },
): number[] {
  const auto = stringAttribute(node, 'auto_pad', 'NOTSET');
  const isGiven = !auto.startsWith('SAME') && !node.attributes.has('output_shape');
  if (isGiven) return intsAttribute(node, 'pads') ?? form.kernel.map(() => 0);
  const more = intsAttribute(node, 'output_padding') ?? [];
  return form.kernel.map((k, i) => {
    const reach =
      ((form.inputs[i] as number) - 1) * (form.strides[i] as number) + (k - 1) * (form.dilations[i] as number) + 1;
    const total = reach + (more[i] ?? 0) - (form.outputs[i] as number);
    if (total > 0 && total % 2 !== 0) throw new NotCovered(`automatic padding must be even, current value is ${total}`);
    return Math.max(0, total / 2); // an output that is larger than what the kernel reaches ends in the bias alone
  });
}

function spread(node: Node, to: Lowering, x: Value, strides: readonly number[]): Value {
  if (strides.every((s) => s === 1)) return x;
  const dims = x.dims.map((d, i) => (i < 2 ? d : (d - 1) * (strides[i - 2] as number) + 1));
  const out = to.fresh(x.name, dims);
  const parts = [{ x, starts: dims.map(() => 0), steps: [1, 1, ...strides] }];
  to.emit({ kind: 'place', node: labelOf(node), out, fill: 0, parts });
  return out;
}

/** [outputs, channels of a group, taps backwards] of a kernel [channels, outputs of a group, taps]. */
function turned(
  data: Float32Array,
  {
    channels,
    each,
    groups,
    taps,
  }: { readonly channels: number; readonly each: number; readonly groups: number; readonly taps: number },
): Float32Array {
  const own = channels / groups;
  const result = new Float32Array(data.length);
  for (let c = 0; c < channels; c++)
    for (let m = 0; m < each; m++)
      for (let t = 0; t < taps; t++) {
        const output = Math.floor(c / own) * each + m;
        result[(output * own + (c % own)) * taps + taps - 1 - t] = data[(c * each + m) * taps + t] as number;
      }
  return result;
}

/** Convolutions and products of matrices. */
export const LINEAR: readonly OperatorLowering[] = [conv, convTranspose, gemm, matMul];
