import { intAttribute, stringAttribute } from '../../ir/access.ts';
import type { Node } from '../../ir/model.ts';
import { filled } from '../../tensor/filled.ts';
import { apply, type Expression, operand } from '../expression/expression.ts';
import type { Value } from '../operation.ts';
import { type Lowering, labelOf, NotCovered, type OperatorLowering } from './lowering.ts';

/** Sizes of one axis, and what an element of the output is of an element of the input. */
interface AxisScale {
  readonly from: number;
  readonly to: number;
  readonly scale: number;
}

type Place = (at: number, axis: AxisScale) => number;

/** Where an element of the output lies in the input, by ONNX's words. */
const PLACES: Readonly<Record<string, Place>> = {
  half_pixel: (at, { scale }) => (at + 0.5) / scale - 0.5,
  pytorch_half_pixel: (at, { scale, to }) => (to > 1 ? (at + 0.5) / scale - 0.5 : 0),
  align_corners: (at, { from, to }) => (to > 1 ? (at * (from - 1)) / (to - 1) : 0),
  asymmetric: (at, { scale }) => at / scale,
};

const ROUNDINGS: Readonly<Record<string, (x: number) => number>> = {
  round_prefer_floor: (x) => Math.ceil(x - 0.5),
  round_prefer_ceil: (x) => Math.floor(x + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

const resize: OperatorLowering = {
  op: 'Resize',
  lower(node, to) {
    const mode = stringAttribute(node, 'mode', 'nearest');
    if (mode !== 'nearest' && mode !== 'linear')
      throw new NotCovered(`its mode must be "nearest" or "linear", current value is "${mode}"`);
    if (intAttribute(node, 'antialias', 0) !== 0) throw new NotCovered('antialias must be 0');
    const word = stringAttribute(node, 'coordinate_transformation_mode', 'half_pixel');
    const place = PLACES[word];
    const rounding = ROUNDINGS[stringAttribute(node, 'nearest_mode', 'round_prefer_floor')];
    if (place === undefined || rounding === undefined)
      throw new NotCovered(`coordinate_transformation_mode must not be "${word}"`);
    const [x, out] = [to.input(node, 0), to.output(node)];
    const given = to.has(node, 2) ? to.floats(node, 2, 'its scales').data : new Float32Array(0);
    if (node.attributes.has('axes')) throw new NotCovered('axes must be absent');
    const axes = x.dims.flatMap((from, axis) => {
      const size = out.dims[axis] as number;
      const scale = given.length > 0 ? (given[axis] as number) : size / from;
      return size === from && scale === 1 ? [] : [{ axis, from, to: size, scale }];
    });
    let current = x;
    axes.forEach((one, turn) => {
      const dims = current.dims.map((d, i) => (i === one.axis ? one.to : d));
      const next = turn === axes.length - 1 ? out : to.fresh(x.name, dims, x.element);
      const places = Array.from({ length: one.to }, (_, at) => place(at, one));
      if (mode === 'nearest')
        along(node, to, { x: current, out: next, axis: one.axis, tables: [places.map(rounding)] });
      else blended(node, to, { x: current, out: next, axis: one.axis, places });
      current = next;
    });
    if (axes.length === 0) to.reshape(node, x, x.dims, out);
  },
};

interface Along {
  readonly x: Value;
  readonly out: Value;
  readonly axis: number;
}

/** Picks elements along an axis by tables, and blends them by further tables where there are any. */
function along(
  node: Node,
  to: Lowering,
  {
    x,
    out,
    axis,
    tables,
    shares = [],
  }: Along & { readonly tables: readonly number[][]; readonly shares?: readonly Float32Array[] },
): void {
  const count = x.dims[axis] as number;
  const only = out.dims.map((_, loop) => (loop === axis ? 0 : null));
  const indices = tables.map((table) =>
    to.made(
      out.name,
      [table.length],
      filled(new Int32Array(table.length), (i) => Math.min(Math.max(table[i] as number, 0), count - 1)),
    ),
  );
  const weights = shares.map((share) => to.made(out.name, [share.length], share));
  const picked = (i: number): Expression => ({ kind: 'pick', operand: 0, index: operand(1 + i), count, stride: axis });
  const first = 1 + tables.length;
  const blend = (): Expression =>
    tables.map((_, i) => apply('mul', picked(i), operand(first + i))).reduce((sum, term) => apply('add', sum, term));
  to.emit({
    kind: 'map',
    node: labelOf(node),
    out,
    reads: [
      { value: x, axes: out.dims.map((_, loop) => (loop === axis ? null : loop)) },
      ...[...indices, ...weights].map((value) => ({ value, axes: only })),
    ],
    expression: weights.length === 0 ? picked(0) : blend(),
  });
}

/** Between two neighbours by the distance to each. */
function blended(node: Node, to: Lowering, { places, ...parts }: Along & { readonly places: readonly number[] }): void {
  const last = (parts.x.dims[parts.axis] as number) - 1;
  const held = places.map((at) => Math.min(Math.max(at, 0), last));
  const low = held.map(Math.floor);
  const share = filled(new Float32Array(held.length), (i) => (held[i] as number) - (low[i] as number));
  along(node, to, { ...parts, tables: [low, low.map((i) => i + 1)], shares: [share.map((s) => 1 - s), share] });
}

/** Pictures of other sizes. */
export const RESIZING: readonly OperatorLowering[] = [resize];
