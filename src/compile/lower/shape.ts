import { intAttribute, intsAttribute, stringAttribute } from '../../ir/access.ts';
import { operand } from '../expression/expression.ts';
import type { PlaceOperation, Value } from '../operation.ts';
import { type Lowering, labelOf, NotCovered, type OperatorLowering } from './lowering.ts';
import { scatterNd } from './scatter.ts';

/** Operators that only change dimensions: the shape is known. */
const reshaping = (op: string): OperatorLowering => ({
  op,
  lower: (node, to) => {
    to.reshape(node, to.input(node, 0), [], to.output(node));
  },
});

const transpose: OperatorLowering = {
  op: 'Transpose',
  lower(node, to) {
    const x = to.input(node, 0);
    const perm = intsAttribute(node, 'perm') ?? x.dims.map((_, i) => x.dims.length - 1 - i);
    to.axes(node, x, perm, to.output(node));
  },
};

const expand: OperatorLowering = {
  op: 'Expand',
  lower(node, to) {
    const [x, out] = [to.input(node, 0), to.output(node)];
    const shift = out.dims.length - x.dims.length;
    const axes = out.dims.map((d, i) => (i < shift || (x.dims[i - shift] === 1 && d !== 1) ? null : i - shift));
    to.axes(node, x, axes, out);
  },
};

const slice: OperatorLowering = {
  op: 'Slice',
  lower(node, to) {
    const x = to.input(node, 0);
    const starts = to.ints(node, 1, 'its starts') ?? [];
    const axes = to.ints(node, 3, 'its axes') ?? starts.map((_, i) => i);
    const steps = to.ints(node, 4, 'its steps') ?? starts.map(() => 1);
    const [from, by] = [x.dims.map(() => 0), x.dims.map(() => 1)];
    axes.forEach((axis, i) => {
      const at = axis < 0 ? axis + x.dims.length : axis;
      const [size, step, start] = [x.dims[at] as number, steps[i] as number, starts[i] as number];
      const begin = start < 0 ? start + size : start;
      from[at] = Math.min(Math.max(begin, 0), step < 0 ? size - 1 : size);
      by[at] = step;
    });
    emitSlice(to, labelOf(node), { x, out: to.output(node), starts: from, steps: by });
  },
};

function emitSlice(
  to: Lowering,
  node: string,
  {
    x,
    out,
    starts,
    steps,
  }: { readonly x: Value; readonly out: Value; readonly starts: readonly number[]; readonly steps: readonly number[] },
): void {
  to.emit({ kind: 'alias', node, out, x, how: { kind: 'slice', starts, steps } });
}

const split: OperatorLowering = {
  op: 'Split',
  lower(node, to) {
    const x = to.input(node, 0);
    const axis = axisOf(intAttribute(node, 'axis', 0), x);
    let at = 0;
    node.outputs.forEach((name, i) => {
      if (name === '') return;
      const out = to.output(node, i);
      const starts = x.dims.map((_, k) => (k === axis ? at : 0));
      emitSlice(to, labelOf(node), { x, out, starts, steps: x.dims.map(() => 1) });
      at += out.dims[axis] as number;
    });
  },
};

function axisOf(axis: number, x: Value): number {
  return axis < 0 ? axis + x.dims.length : axis;
}

const concat: OperatorLowering = {
  op: 'Concat',
  lower(node, to) {
    const out = to.output(node);
    const axis = axisOf(intAttribute(node, 'axis', 0), out);
    const parts: PlaceOperation['parts'][number][] = [];
    let at = 0;
    node.inputs.forEach((name) => {
      const size = to.dims(name)[axis] as number;
      if (to.dims(name).some((d) => d === 0)) return;
      parts.push({
        x: to.value(name),
        starts: out.dims.map((_, i) => (i === axis ? at : 0)),
        steps: out.dims.map(() => 1),
      });
      at += size;
    });
    to.emit({ kind: 'place', node: labelOf(node), out, fill: null, parts });
  },
};

const pad: OperatorLowering = {
  op: 'Pad',
  lower(node, to) {
    const mode = stringAttribute(node, 'mode', 'constant');
    if (mode === 'wrap') throw new NotCovered('its mode must be "constant", "reflect" or "edge"');
    const x = to.input(node, 0);
    const pads = to.ints(node, 1, 'its pads') ?? [];
    const axes = (to.ints(node, 3, 'its axes') ?? x.dims.map((_, i) => i)).map((axis) => axisOf(axis, x));
    const rank = axes.length;
    const before = x.dims.map((_, i) => pads[axes.indexOf(i)] ?? 0);
    const behind = x.dims.map((_, i) => pads[rank + axes.indexOf(i)] ?? 0);
    const fill = to.has(node, 2) ? (to.floats(node, 2, 'its fill').data[0] ?? 0) : 0;
    const out = to.output(node);
    if (mode === 'constant') emitPad(to, labelOf(node), { x, out, before, behind, fill });
    else mirror(to, labelOf(node), { x, out, before, behind, edge: mode === 'edge' });
  },
};

interface Padding {
  readonly x: Value;
  readonly out: Value;
  readonly before: readonly number[];
  readonly behind: readonly number[];
}

/** Pads by a number; what negative pads cut off is left out. */
export function emitPad(
  to: Lowering,
  node: string,
  { x, out, before, behind, fill }: Padding & { readonly fill: number },
): void {
  let part = x;
  if ([...before, ...behind].some((p) => p < 0)) {
    const dims = x.dims.map((d, i) => d + Math.min(0, before[i] as number) + Math.min(0, behind[i] as number));
    part = to.fresh(x.name, dims, x.element);
    emitSlice(to, node, { x, out: part, starts: before.map((p) => Math.max(0, -p)), steps: x.dims.map(() => 1) });
  }
  const starts = before.map((p) => Math.max(0, p));
  to.emit({ kind: 'place', node, out, fill, parts: [{ x: part, starts, steps: x.dims.map(() => 1) }] });
}

/** Pads by what lies inside, axis after axis: copies of slices, one element thick. */
function mirror(
  to: Lowering,
  node: string,
  { x, out, before, behind, edge }: Padding & { readonly edge: boolean },
): void {
  if ([...before, ...behind].some((p) => p < 0)) throw new NotCovered('its pads must not be negative');
  let current = x;
  const padded = x.dims.flatMap((_, axis) => ((before[axis] as number) + (behind[axis] as number) > 0 ? [axis] : []));
  padded.forEach((axis, turn) => {
    const dims = current.dims.map((d, i) => (i === axis ? d + (before[i] as number) + (behind[i] as number) : d));
    const next = turn === padded.length - 1 ? out : to.fresh(x.name, dims, x.element);
    const size = current.dims[axis] as number;
    const [left, right] = [before[axis] as number, behind[axis] as number];
    const steps = dims.map(() => 1);
    const thin = current.dims.map((d, i) => (i === axis ? 1 : d));
    const source = current;
    const part = (from: number, at: number) => {
      const cut = to.fresh(x.name, thin, x.element);
      emitSlice(to, node, { x: source, out: cut, starts: source.dims.map((_, i) => (i === axis ? from : 0)), steps });
      return { x: cut, starts: dims.map((_, i) => (i === axis ? at : 0)), steps };
    };
    const parts = [
      ...Array.from({ length: left }, (_, i) => part(edge ? 0 : left - i, i)),
      { x: source, starts: dims.map((_, i) => (i === axis ? left : 0)), steps },
      ...Array.from({ length: right }, (_, i) => part(edge ? size - 1 : size - 2 - i, left + size + i)),
    ];
    to.emit({ kind: 'place', node, out: next, fill: null, parts });
    current = next;
  });
  if (padded.length === 0) to.reshape(node2(node), x, x.dims, out);
}

/** A node of which only the name matters. */
function node2(name: string): Parameters<Lowering['reshape']>[0] {
  return { name, op: '', domain: '', inputs: [], outputs: [], attributes: new Map() };
}

const gather: OperatorLowering = {
  op: 'Gather',
  lower(node, to) {
    const [data, indices, out] = [to.input(node, 0), to.input(node, 1), to.output(node)];
    const axis = axisOf(intAttribute(node, 'axis', 0), data);
    const count = data.dims[axis] as number;
    if (indices.constant?.length === 1) {
      const at = Number(indices.constant[0]);
      const dims = data.dims.map((d, i) => (i === axis ? 1 : d));
      const one = to.fresh(data.name, dims, data.element);
      const starts = dims.map((_, i) => (i === axis ? (at < 0 ? at + count : at) : 0));
      emitSlice(to, labelOf(node), { x: data, out: one, starts, steps: dims.map(() => 1) });
      to.reshape(node, one, out.dims, out);
      return;
    }
    const [before, own] = [axis, indices.dims.length];
    const dataAxes = out.dims.map((_, i) => (i < before ? i : i < before + own ? null : i - own + 1));
    const indexAxes = out.dims.map((_, i) => (i >= before && i < before + own ? i - before : null));
    to.emit({
      kind: 'map',
      node: labelOf(node),
      out,
      reads: [
        { value: data, axes: dataAxes },
        { value: wrapped(to, labelOf(node), indices, count), axes: indexAxes },
      ],
      expression: { kind: 'pick', operand: 0, index: operand(1), count, stride: axis },
    });
  },
};

/** Constant indices count from the end where they are negative; computed ones are held in range. */
function wrapped(to: Lowering, node: string, indices: Value, count: number): Value {
  const { constant } = indices;
  if (constant === undefined) {
    if (indices.element !== 'i32') throw new NotCovered(`the indices of ${node} must be whole numbers`);
    return indices;
  }
  return to.made(
    indices.name,
    indices.dims,
    new Int32Array(constant).map((i) => (i < 0 ? i + count : i)),
  );
}

const depthToSpace: OperatorLowering = {
  op: 'DepthToSpace',
  lower(node, to) {
    const [x, out] = [to.input(node, 0), to.output(node)];
    const b = intAttribute(node, 'blocksize', 1);
    const [n = 1, c = 1, h = 1, w = 1] = x.dims;
    const isCrd = stringAttribute(node, 'mode', 'DCR') === 'CRD';
    const depth = c / b / b;
    const split = isCrd ? [n, depth, b, b, h, w] : [n, b, b, depth, h, w];
    const perm = isCrd ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2];
    const parts = to.reshape(node, x, split);
    const turned = to.fresh(
      x.name,
      perm.map((axis) => split[axis] as number),
      x.element,
    );
    to.axes(node, parts, perm, turned);
    to.reshape(node, turned, out.dims, out);
  },
};

/** Shapes and places. */
export const SHAPE: readonly OperatorLowering[] = [
  ...['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze'].map(reshaping),
  transpose,
  expand,
  slice,
  split,
  concat,
  pad,
  gather,
  depthToSpace,
  scatterNd,
];
