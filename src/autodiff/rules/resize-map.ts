import { floatAttribute, intAttribute, intsAttribute, stringAttribute } from '../../ir/access.ts';
import type { NodeForm } from '../rule.ts';
import type { AxisMap, Tap } from './axis-map.ts';
import { cubicTaps, smoothedTaps } from './resize-kernels.ts';

/** One axis of a Resize; sizes in elements. */
interface ResizedAxis {
  readonly axis: number;
  readonly from: number;
  readonly to: number;
  /** to / from as the node states it. */
  readonly scale: number;
  /** Start and end of the region of interest, in shares of the axis. */
  readonly region: readonly [number, number];
}

type Coordinate = (position: number, axis: ResizedAxis) => number;
const f32 = Math.fround;

/** Where position x of the result lies in the input, by coordinate_transformation_mode; in float32, as the runtime computes it. */
const COORDINATES: Readonly<Record<string, Coordinate>> = {
  half_pixel: (x, { scale }) => f32(f32((x + 0.5) / f32(scale)) - 0.5),
  half_pixel_symmetric: (x, { from, to, scale }) => {
    const adjustment = f32(to / f32(f32(scale) * from));
    const offset = f32((from / 2) * f32(1 - adjustment));
    return f32(f32(offset + f32((x + 0.5) / f32(scale))) - 0.5);
  },
  pytorch_half_pixel: (x, { to, scale }) => (to > 1 ? f32(f32((x + 0.5) / f32(scale)) - 0.5) : 0),
  align_corners: (x, { from, to }) => (to === 1 ? 0 : f32((x * (from - 1)) / (to - 1))),
  asymmetric: (x, { from, to, scale }) => (f32(scale) === f32(to / from) ? f32((x * from) / to) : f32(x / f32(scale))),
  tf_crop_and_resize: (x, { from, to, region: [start, end] }) =>
    to > 1 ? start * (from - 1) + (x * (end - start) * (from - 1)) / (to - 1) : 0.5 * (start + end) * (from - 1),
};

const ROUNDINGS: Readonly<Record<string, (x: number) => number>> = {
  round_prefer_floor: (x) => Math.ceil(x - 0.5),
  round_prefer_ceil: (x) => Math.floor(x + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

/** Why a Resize has no linear map here, or undefined. */
export function resizeRefusal({ node, x, numbers }: NodeForm): string | undefined {
  const mode = stringAttribute(node, 'mode', 'nearest');
  if (!['nearest', 'linear', 'cubic'].includes(mode))
    return `mode must be "nearest", "linear" or "cubic", current value is "${mode}"`;
  const coordinates = stringAttribute(node, 'coordinate_transformation_mode', 'half_pixel');
  if (COORDINATES[coordinates] === undefined) return `coordinate_transformation_mode "${coordinates}" is not known`;
  if (intAttribute(node, 'antialias', 0) !== 0 && (mode === 'nearest' || coordinates === 'tf_crop_and_resize'))
    return 'antialias must be 0 where mode is "nearest" or coordinates are those of "tf_crop_and_resize", current value is 1';
  if (coordinates === 'tf_crop_and_resize' && numbers(1) === undefined) return 'its roi must be constant';
  return [2, 3].some((i) => x[i] && numbers(i)?.length) ? undefined : 'its scales or sizes must be constant';
}

/** The linear maps of a Resize, one for each axis that changes. */
export function resizeMaps(form: NodeForm): AxisMap[] {
  const mode = stringAttribute(form.node, 'mode', 'nearest');
  const name = stringAttribute(form.node, 'coordinate_transformation_mode', 'half_pixel');
  const round = ROUNDINGS[stringAttribute(form.node, 'nearest_mode', 'round_prefer_floor')] as (x: number) => number;
  const coordinate = COORDINATES[name] as Coordinate;
  const crops = name === 'tf_crop_and_resize';
  if (!crops && String(form.shape(0)) === String(form.outShape(0))) return [];
  const antialias = intAttribute(form.node, 'antialias', 0) !== 0;
  return resizedAxes(form).flatMap((axis) => {
    // with antialias, onnxruntime leaves an axis that keeps its length alone, whatever its scale
    if (axis.from === axis.to && (antialias || axis.scale === 1) && !crops) return [];
    const places = Array.from({ length: axis.to }, (_, i) => coordinate(i, axis));
    const inside = places.map((x) => !crops || (x >= 0 && x <= axis.from - 1));
    const kernel = {
      from: axis.from,
      scale: axis.scale,
      cubic: mode === 'cubic' ? floatAttribute(form.node, 'cubic_coeff_a', -0.75) : undefined,
      within: intAttribute(form.node, 'exclude_outside', 0) !== 0,
    };
    const taps = antialias
      ? smoothedTaps(places, kernel)
      : mode === 'nearest'
        ? nearestTap(places, inside, { round, from: axis.from })
        : mode === 'cubic'
          ? cubicTaps(places, inside, kernel)
          : linearTaps(places, inside, axis.from);
    return [{ axis: axis.axis, from: axis.from, to: axis.to, taps }];
  });
}

type Marks = readonly boolean[];

/** Positions outside a cropped region are filled with a constant: no gradient. */
function nearestTap(
  places: readonly number[],
  inside: Marks,
  { round, from }: { round: (x: number) => number; from: number },
): Tap[] {
  const picks = places.map((x) => clamp(round(x), from));
  return [inside.every(Boolean) ? { picks } : { picks, weights: inside.map(Number) }];
}

function linearTaps(places: readonly number[], inside: Marks, from: number): Tap[] {
  const xs = places.map((x) => Math.min(Math.max(x, 0), from - 1));
  const left = xs.map((x) => Math.floor(x));
  const right = left.map((i) => Math.min(i + 1, from - 1));
  const share = xs.map((x, i) => x - (left[i] as number));
  return [
    { picks: left, weights: share.map((s, i) => (inside[i] ? 1 - s : 0)) },
    { picks: right, weights: share.map((s, i) => (inside[i] ? s : 0)) },
  ];
}

function clamp(index: number, size: number): number {
  return Math.min(Math.max(index, 0), size - 1);
}

function resizedAxes(form: NodeForm): ResizedAxis[] {
  const [shape, out] = [form.shape(0), form.outShape(0)];
  const axes = (intsAttribute(form.node, 'axes') ?? [...shape.keys()]).map((axis) =>
    axis < 0 ? axis + shape.length : axis,
  );
  const scales = form.x[2] ? form.numbers(2) : undefined;
  const sizes = scales?.length ? undefined : form.numbers(3);
  const roi = form.x[1] ? (form.numbers(1) ?? []) : [];
  const ratios = axes.map((axis, i) => (sizes?.[i] ?? 0) / (shape[axis] as number));
  const policy = stringAttribute(form.node, 'keep_aspect_ratio_policy', 'stretch');
  return axes.map((axis, i) => {
    const [from, to] = [shape[axis] as number, out[axis] as number];
    const common =
      policy === 'not_larger' ? Math.min(...ratios) : policy === 'not_smaller' ? Math.max(...ratios) : to / from;
    return {
      axis,
      from,
      to,
      scale: sizes === undefined ? (scales?.[i] ?? 1) : common,
      region: [roi[i] ?? 0, roi[i + axes.length] ?? 1],
    };
  });
}
