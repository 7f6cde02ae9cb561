import { floatAttribute, intAttribute, intsAttribute } from '../../ir/access.ts';
import type { Node } from '../../ir/model.ts';
import { filled } from '../../tensor/filled.ts';
import { sizeOf } from '../../tensor/tensor.ts';
import { apply, type Expression, number, operand } from '../expression/expression.ts';
import { broadcast, type Value } from '../operation.ts';
import type { Combine } from '../schedule/step.ts';
import { type WindowForm, windowForm } from './linear.ts';
import { type Lowering, labelOf, NotCovered, type OperatorLowering } from './lowering.ts';
import { emitPad } from './shape.ts';

const result = operand(-1);
const x0 = operand(0);

interface Reduction {
  readonly x: Value;
  readonly axes: readonly number[];
  readonly out: Value;
  readonly combine: Combine;
  readonly map?: Expression;
  readonly finish?: Expression;
  /** Further values of x's shape, where reduced axes may be one. */
  readonly beside?: readonly Value[];
}

/** Combines all elements along some axes; the output has them as ones. */
function emitReduce(
  to: Lowering,
  node: Node,
  { x, axes, out, combine, map = x0, finish = result, beside = [] }: Reduction,
): void {
  const rank = x.dims.length;
  const order = [...x.dims.keys(), ...axes];
  const reads = [x, ...beside].map((value) => ({
    value,
    axes: order.map((axis, loop) => {
      const isReduced = axes.includes(axis);
      if (isReduced && loop < rank) return null;
      return value.dims[axis] === 1 ? null : axis;
    }),
  }));
  to.emit({
    kind: 'reduce',
    node: labelOf(node),
    out,
    over: axes.map((axis) => x.dims[axis] as number),
    reads,
    combine,
    map,
    finish,
  });
}

function kept(x: Value, axes: readonly number[]): number[] {
  return x.dims.map((d, i) => (axes.includes(i) ? 1 : d));
}

interface Kind {
  readonly op: string;
  readonly combine: Combine;
  readonly int?: Combine;
  readonly map?: Expression;
  finish?(count: number): Expression;
}

const square = apply('mul', x0, x0);

const KINDS: readonly Kind[] = [
  { op: 'ReduceSum', combine: 'add', int: 'addInt' },
  { op: 'ReduceMean', combine: 'add', finish: (count) => apply('mul', result, number(1 / count)) },
  { op: 'ReduceMax', combine: 'max', int: 'maxInt' },
  { op: 'ReduceMin', combine: 'min', int: 'minInt' },
  { op: 'ReduceProd', combine: 'mul' },
  { op: 'ReduceSumSquare', combine: 'add', map: square },
  { op: 'ReduceL1', combine: 'add', map: apply('abs', x0) },
  { op: 'ReduceL2', combine: 'add', map: square, finish: () => apply('sqrt', result) },
  { op: 'ReduceLogSum', combine: 'add', finish: () => apply('log', result) },
];

function reduction({ op, combine, int, map, finish }: Kind): OperatorLowering {
  return {
    op,
    lower(node, to) {
      const x = to.input(node, 0);
      const given = intsAttribute(node, 'axes') ?? to.ints(node, 1, 'its axes') ?? [];
      const out = to.output(node);
      if (given.length === 0 && intAttribute(node, 'noop_with_empty_axes', 0) !== 0) {
        to.reshape(node, x, x.dims, out);
        return;
      }
      const axes = given.length === 0 ? [...x.dims.keys()] : given.map((a) => (a < 0 ? a + x.dims.length : a));
      const how = x.element === 'f32' ? combine : int;
      if (how === undefined) throw new NotCovered('its input must be floats');
      const whole = to.fresh(out.name, kept(x, axes), x.element);
      const count = axes.reduce((product, axis) => product * (x.dims[axis] as number), 1);
      emitReduce(to, node, {
        x,
        axes,
        out: whole,
        combine: how,
        ...(map && { map }),
        ...(finish && { finish: finish(count) }),
      });
      to.reshape(node, whole, out.dims, out);
    },
  };
}

/** e^(x - max) / sum, or its logarithm, along an axis. */
function softmax(op: string, isLog: boolean): OperatorLowering {
  return {
    op,
    lower(node, to) {
      const [x, out] = [to.input(node, 0), to.output(node)];
      const axis = intAttribute(node, 'axis', -1);
      const axes = [axis < 0 ? axis + x.dims.length : axis];
      const dims = kept(x, axes);
      const [most, sum] = [to.fresh(x.name, dims), to.fresh(x.name, dims)];
      // NaN that the largest passes over is in the sum
      emitReduce(to, node, { x, axes, out: most, combine: 'atLeast' });
      if (isLog) {
        const power = apply('exp', apply('sub', x0, operand(1)));
        emitReduce(to, node, {
          x,
          axes,
          out: sum,
          combine: 'add',
          map: power,
          finish: apply('log', result),
          beside: [most],
        });
        to.map(node, out, [x, most, sum], apply('sub', apply('sub', x0, operand(1)), operand(2)));
        return;
      }
      const powers = to.fresh(x.name, x.dims);
      to.map(node, powers, [x, most], apply('exp', apply('sub', x0, operand(1))));
      emitReduce(to, node, { x: powers, axes, out: sum, combine: 'add' });
      const reads = [powers, sum].map((value) => broadcast(value, out.dims));
      to.emit({
        kind: 'map',
        node: labelOf(node),
        out,
        reads,
        expression: apply('div', x0, operand(1)),
        isShare: true,
      });
    },
  };
}

/** (x - mean) / sqrt(variance + epsilon), over some axes. @returns the value, to be scaled */
function standardised(
  to: Lowering,
  node: Node,
  { x, axes, epsilon }: { readonly x: Value; readonly axes: readonly number[]; readonly epsilon: number },
): Value {
  const dims = kept(x, axes);
  const count = sizeOf(axes.map((axis) => x.dims[axis] as number));
  const [mean, scale, out] = [to.fresh(x.name, dims), to.fresh(x.name, dims), to.fresh(x.name, x.dims)];
  const average = apply('mul', result, number(1 / count));
  emitReduce(to, node, { x, axes, out: mean, combine: 'add', finish: average });
  const away = apply('sub', x0, operand(1));
  const inverse = apply('div', number(1), apply('sqrt', apply('add', average, number(epsilon))));
  emitReduce(to, node, {
    x,
    axes,
    out: scale,
    combine: 'add',
    map: apply('mul', away, away),
    finish: inverse,
    beside: [mean],
  });
  to.map(node, out, [x, mean, scale], apply('mul', away, operand(2)));
  return out;
}

const layerNormalization: OperatorLowering = {
  op: 'LayerNormalization',
  lower(node, to) {
    if (node.outputs.slice(1).some((name) => name !== '' && to.uses(name) > 0))
      throw new NotCovered('only its first output is covered');
    const x = to.input(node, 0);
    const axis = intAttribute(node, 'axis', -1);
    const axes = [...x.dims.keys()].slice(axis < 0 ? axis + x.dims.length : axis);
    const standard = standardised(to, node, { x, axes, epsilon: floatAttribute(node, 'epsilon', 1e-5) });
    const scaled = apply('mul', x0, operand(1));
    const values = [standard, to.input(node, 1), ...(to.has(node, 2) ? [to.input(node, 2)] : [])];
    to.map(node, to.output(node), values, to.has(node, 2) ? apply('add', scaled, operand(2)) : scaled);
  },
};

const instanceNormalization: OperatorLowering = {
  op: 'InstanceNormalization',
  lower(node, to) {
    const x = to.input(node, 0);
    const axes = [...x.dims.keys()].slice(2);
    const standard = standardised(to, node, { x, axes, epsilon: floatAttribute(node, 'epsilon', 1e-5) });
    const [scale, shift] = [
      perChannel(to, x, to.floats(node, 1, 'its scale').data),
      perChannel(to, x, to.floats(node, 2, 'its shift').data),
    ];
    to.map(node, to.output(node), [standard, scale, shift], apply('add', apply('mul', x0, operand(1)), operand(2)));
  },
};

/** One number a channel, to be broadcast over what lies behind. */
export function perChannel(to: Lowering, x: Value, data: Float32Array): Value {
  return to.made(x.name, [data.length, ...x.dims.slice(2).map(() => 1)], data);
}

const batchNormalization: OperatorLowering = {
  op: 'BatchNormalization',
  lower(node, to) {
    if (node.outputs.slice(1).some((name) => name !== '' && to.uses(name) > 0))
      throw new NotCovered('only its first output is covered');
    const x = to.input(node, 0);
    const epsilon = floatAttribute(node, 'epsilon', 1e-5);
    if ([1, 2, 3, 4].some((i) => to.constant(node, i) === undefined)) return byComputed(node, to, epsilon);
    const [scale, shift, mean, variance] = [1, 2, 3, 4].map((i) => to.floats(node, i, 'its statistics').data) as [
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    const factor = scale.map((s, i) => s / Math.sqrt((variance[i] as number) + epsilon));
    const constant = shift.map((s, i) => s - (mean[i] as number) * (factor[i] as number));
    if (foldedInto(node, to, { x, factor, constant })) return;
    to.map(
      node,
      to.output(node),
      [x, perChannel(to, x, factor), perChannel(to, x, constant)],
      apply('add', apply('mul', x0, operand(1)), operand(2)),
    );
  },
};

/** Batch normalisation by statistics that other nodes make. */
function byComputed(node: Node, to: Lowering, epsilon: number): void {
  const out = to.output(node);
  const perAxis = out.dims.map((_, i) => (i === 1 ? 0 : null));
  const reads = [0, 1, 2, 3, 4].map((i) => ({
    value: to.input(node, i),
    axes: i === 0 ? [...out.dims.keys()] : perAxis,
  }));
  const deviation = apply('sqrt', apply('add', operand(4), number(epsilon)));
  const standard = apply('div', apply('sub', x0, operand(3)), deviation);
  const expression = apply('add', apply('mul', standard, operand(1)), operand(2));
  to.emit({ kind: 'map', node: labelOf(node), out, reads, expression });
}

/** Scales the convolution in front, where nothing else reads it. */
function foldedInto(
  node: Node,
  to: Lowering,
  { x, factor, constant }: { readonly x: Value; readonly factor: Float32Array; readonly constant: Float32Array },
): boolean {
  const maker = to.maker(x);
  if (maker?.kind !== 'conv' || maker.epilogue.beside.length > 0 || maker.epilogue.finish.kind !== 'operand')
    return false;
  if (to.uses(x.name) !== 1) return false;
  const each = maker.weights.length / factor.length;
  const weights = maker.weights.map((w, i) => w * (factor[Math.floor(i / each)] as number));
  const bias = maker.bias.map((b, i) => b * (factor[i] as number) + (constant[i] as number));
  to.replace(maker, { ...maker, weights, bias, out: to.output(node) });
  return true;
}

/** Windows of a padded picture. */
function pooling(op: string, isMax: boolean): OperatorLowering {
  return {
    op,
    lower(node, to) {
      if (node.outputs.slice(1).some((name) => name !== '' && to.uses(name) > 0))
        throw new NotCovered('only its first output is covered');
      const [x, out] = [to.input(node, 0), to.output(node)];
      const kernel = intsAttribute(node, 'kernel_shape') ?? [];
      const form = windowForm(node, { kernel, inputs: x.dims.slice(2), outputs: out.dims.slice(2) });
      const source = padded(to, node, { x, form, fill: isMax ? Number.NEGATIVE_INFINITY : 0 });
      const { strides, dilations } = form;
      const window = { kind: 'window', node: labelOf(node), out, x: source, kernel, strides, dilations } as const;
      if (isMax) {
        to.emit({ ...window, combine: 'max', finish: result, beside: [] });
        return;
      }
      const counts = countsOf(node, form, x, out);
      const isEven = counts.every((n) => n === counts[0]);
      const share = isEven ? number(1 / (counts[0] as number)) : x0;
      const shares = to.made(
        out.name,
        out.dims.slice(2),
        filled(new Float32Array(counts.length), (i) => 1 / (counts[i] as number)),
      );
      const axes = out.dims.map((_, i) => (i < 2 ? null : i - 2));
      to.emit({
        ...window,
        combine: 'add',
        finish: apply('mul', result, share),
        beside: isEven ? [] : [{ value: shares, axes }],
      });
    },
  };
}

function padded(
  to: Lowering,
  node: Node,
  { x, form: { begins, ends }, fill }: { readonly x: Value; readonly form: WindowForm; readonly fill: number },
): Value {
  if ([...begins, ...ends].every((p) => p === 0)) return x;
  const before = [0, 0, ...begins];
  const behind = [0, 0, ...ends];
  const out = to.fresh(
    x.name,
    x.dims.map((d, i) => d + (before[i] as number) + (behind[i] as number)),
  );
  emitPad(to, labelOf(node), { x, out, before, behind, fill });
  return out;
}

/** By how many elements each window's sum is divided: those of the picture, and of the declared padding where that is asked for. */
function countsOf(node: Node, form: WindowForm, x: Value, out: Value): number[] {
  const isPadCounted = intAttribute(node, 'count_include_pad', 0) !== 0;
  const rank = form.kernel.length;
  const declared = intsAttribute(node, 'pads')?.slice(rank) ?? form.ends;
  const each = form.kernel.map((k, axis) => {
    const size = x.dims[axis + 2] as number;
    const [low, high] = isPadCounted ? [-(form.begins[axis] as number), size + (declared[axis] as number)] : [0, size];
    return Array.from({ length: out.dims[axis + 2] as number }, (_, o) => {
      const start = o * (form.strides[axis] as number) - (form.begins[axis] as number);
      return Array.from({ length: k }, (_, i) => start + i * (form.dilations[axis] as number)).filter(
        (at) => at >= low && at < high,
      ).length;
    });
  });
  return each.reduce((all, axis) => all.flatMap((n) => axis.map((m) => n * m)), [1]);
}

function globalPooling(op: string, combine: Combine): OperatorLowering {
  return {
    op,
    lower(node, to) {
      const [x, out] = [to.input(node, 0), to.output(node)];
      const axes = [...x.dims.keys()].slice(2);
      const count = sizeOf(x.dims.slice(2));
      emitReduce(to, node, {
        x,
        axes,
        out,
        combine,
        finish: combine === 'add' ? apply('mul', result, number(1 / count)) : result,
      });
    },
  };
}

/** What combines many elements. */
export const REDUCTIONS: readonly OperatorLowering[] = [
  ...KINDS.map(reduction),
  softmax('Softmax', false),
  softmax('LogSoftmax', true),
  layerNormalization,
  instanceNormalization,
  batchNormalization,
  pooling('MaxPool', true),
  pooling('AveragePool', false),
  globalPooling('GlobalAveragePool', 'add'),
  globalPooling('GlobalMaxPool', 'max'),
];
