import { floatAttribute, intAttribute, intsAttribute, stringAttribute } from '../../../ir/access.ts';
import { sizeOf } from '../../../tensor/tensor.ts';
import type { Lowering, LoweringContext } from './lowering.ts';
import { times } from './lowering.ts';

const plus = (at: LoweringContext, value: string, constant: number): string =>
  constant === 0 ? value : at.emit('Add', value, at.scalar(constant));

/** 0, 1, ..., n - 1 as floats of a shape. */
function counting(at: LoweringContext, dims: readonly number[]): string {
  return at.floats(
    Array.from({ length: sizeOf(dims) }, (_, i) => i),
    dims,
  );
}

/** One corner coordinate of every region, [R, 1, 1]. */
function corner(at: LoweringContext, column: number): string {
  const rois = at.x[1] as string;
  const cut = at.slice(rois, { starts: [column], ends: [column + 1], axes: [1] });
  return at.reshape(cut, [at.shape(1)[0] as number, 1, 1]);
}

/** What a region takes along one axis: [R, bins, size], the mean over `ratio` places a bin of linear interpolation; outside [-1, size] is nothing. */
function alignedAxis(
  at: LoweringContext,
  { start, end, bins, size }: { start: number; end: number; bins: number; size: number },
): string {
  const ratio = intAttribute(at.node, 'sampling_ratio', 0);
  const half = stringAttribute(at.node, 'coordinate_transformation_mode', 'half_pixel') === 'half_pixel';
  const scale = floatAttribute(at.node, 'spatial_scale', 1);
  const edge = (column: number): string => plus(at, times(at, corner(at, column), scale), half ? -0.5 : 0);
  const from = edge(start);
  const whole = at.emit('Sub', edge(end), from);
  const width = half ? whole : at.emit('Max', whole, at.scalar(1));
  const shares = Array.from({ length: bins * ratio }, (_, i) => (i + 0.5) / (bins * ratio));
  const places = at.emit('Add', from, at.emit('Mul', width, at.floats(shares, [1, bins * ratio, 1])));
  const inside = at.emit('Clip', places, at.scalar(0), at.scalar(size - 1));
  const distance = at.emit('Abs', at.emit('Sub', inside, counting(at, [1, 1, size])));
  const hat = at.emit('Relu', at.emit('Sub', at.scalar(1), distance));
  const outside = at.emit('Or', at.emit('Less', places, at.scalar(-1)), at.emit('Greater', places, at.scalar(size)));
  const taken = at.emit('Where', outside, at.scalar(0), hat);
  const R = at.shape(1)[0] as number;
  return times(at, at.sum(at.reshape(taken, [R, bins, ratio, size]), [2]), 1 / ratio);
}

/** Y[r, c] = P X[batch r, c] Q', P and Q what region r takes along the axes */
const roiAlign: Lowering = {
  op: 'RoiAlign',
  since: [10, 16, 22],
  linearity: 'piecewise',
  refuses: ({ node }) => {
    const mode = stringAttribute(node, 'mode', 'avg');
    if (mode !== 'avg') return `mode must be "avg", current value is "${mode}"`;
    return intAttribute(node, 'sampling_ratio', 0) > 0
      ? undefined
      : 'sampling_ratio must be above 0 (at 0 the places depend on the data), current value is 0';
  },
  lower: (at) => {
    const [, , H, W] = at.shape(0) as [number, number, number, number];
    const [R, , high, wide] = at.outShape(0) as [number, number, number, number];
    const pictures = at.emit('Gather', at.x[0] as string, at.x[2] as string, { axis: 0 });
    const rows = at.reshape(alignedAxis(at, { start: 1, end: 3, bins: high, size: H }), [R, 1, high, H]);
    const columns = alignedAxis(at, { start: 0, end: 2, bins: wide, size: W });
    const turned = at.reshape(at.transpose(columns, [0, 2, 1]), [R, 1, W, wide]);
    return [at.emit('MatMul', at.emit('MatMul', rows, pictures), turned)];
  },
};

/** Which elements along one axis the bins of a region cover, [R, bins, size]: whole numbers, as the kernel rounds them. */
function coveredAxis(
  at: LoweringContext,
  { start, end, bins, size }: { start: number; end: number; bins: number; size: number },
): string {
  const scale = floatAttribute(at.node, 'spatial_scale', 1);
  // halves away from zero, as C rounds; regions lie at 0 and above
  const rounded = (column: number): string => at.emit('Floor', plus(at, times(at, corner(at, column), scale), 0.5));
  const first = rounded(start);
  const length = at.emit('Max', plus(at, at.emit('Sub', rounded(end), first), 1), at.scalar(1));
  const each = times(at, length, 1 / bins);
  const bin = counting(at, [1, bins, 1]);
  const low = at.emit('Add', first, at.emit('Floor', at.emit('Mul', bin, each)));
  const high = at.emit('Add', first, at.emit('Ceil', at.emit('Mul', plus(at, bin, 1), each)));
  const element = counting(at, [1, 1, size]);
  return at.emit('And', at.emit('GreaterOrEqual', element, low), at.emit('Less', element, high));
}

/** The largest of what a mask [R, 1, bins, size] covers of [R, c, n, size], for each bin: [R, c, n, bins]. */
function largest(at: LoweringContext, values: string, mask: string, dims: readonly number[]): string {
  const [R, c, n, bins, size] = dims as [number, number, number, number, number];
  const spread = at.reshape(values, [R, c, n, 1, size]);
  const masked = at.emit('Where', at.reshape(mask, [R, 1, 1, bins, size]), spread, at.scalar(LEAST));
  return at.opset >= 18
    ? at.emit('ReduceMax', masked, at.ints([4]), { keepdims: 0 })
    : at.emit('ReduceMax', masked, { axes: [4], keepdims: 0 });
}

/** In the place of what a bin does not cover. */
const LEAST = -3e38;

/** Y[r, c, bin] = max of X[batch r, c] over the bin's elements; of none, 0 */
const maxRoiPool: Lowering = {
  op: 'MaxRoiPool',
  since: [1, 22],
  linearity: 'piecewise',
  lower: (at) => {
    const [, C, H, W] = at.shape(0) as [number, number, number, number];
    const [R, , high, wide] = at.outShape(0) as [number, number, number, number];
    const batch = at.slice(at.x[1] as string, { starts: [0], ends: [1], axes: [1] });
    const index = at.emit('Cast', at.reshape(batch, [R]), { to: 7 });
    const pictures = at.emit('Gather', at.x[0] as string, index, { axis: 0 });
    const rows = coveredAxis(at, { start: 2, end: 4, bins: high, size: H });
    const columns = coveredAxis(at, { start: 1, end: 3, bins: wide, size: W });
    const across = largest(at, pictures, columns, [R, C, H, wide, W]);
    const found = largest(at, at.transpose(across, [0, 1, 3, 2]), rows, [R, C, wide, high, H]);
    const y = at.transpose(found, [0, 1, 3, 2]);
    return [at.emit('Where', at.emit('Less', y, at.scalar(LEAST / 2)), at.scalar(0), y)];
  },
};

/** What a kernel's places are along one axis: [1, K, positions] before the offsets. */
function kernelPlaces(
  {
    kernel,
    out,
    strides,
    dilations,
    pads,
  }: Record<'kernel' | 'out' | 'strides' | 'dilations' | 'pads', readonly number[]>,
  axis: number,
): number[] {
  const [cells, positions] = [sizeOf(kernel), sizeOf(out)];
  const digit = (i: number, dims: readonly number[]): number =>
    Math.floor(i / sizeOf(dims.slice(axis + 1))) % (dims[axis] as number);
  return Array.from({ length: cells * positions }, (_, i) => {
    const [cell, position] = [Math.floor(i / positions), i % positions];
    return (
      digit(position, out) * (strides[axis] as number) -
      (pads[axis] as number) +
      digit(cell, kernel) * (dilations[axis] as number)
    );
  });
}

/** The pixels of every place read with linear interpolation, nothing outside: [B, C, K * P] of pictures [B, C, H, W] at [B, K * P]. */
function interpolated(
  at: LoweringContext,
  pixels: string,
  { y, x, H, W }: { y: string; x: string; H: number; W: number },
): string {
  const taps = (place: string, size: number): { pixel: string; weight: string }[] => {
    const below = at.emit('Floor', place);
    const share = at.emit('Sub', place, below);
    return [[below, at.emit('Sub', at.scalar(1), share)] as const, [plus(at, below, 1), share] as const].map(
      ([pixel, weight]) => {
        const inside = at.emit('Clip', pixel, at.scalar(0), at.scalar(size - 1));
        const counts = at.emit('CastLike', at.emit('Equal', inside, pixel), pixel);
        return { pixel: inside, weight: at.emit('Mul', weight, counts) };
      },
    );
  };
  const [rows, columns] = [taps(y, H), taps(x, W)];
  const read = rows.flatMap((row) =>
    columns.map((column) => {
      const place = at.emit('Cast', at.emit('Add', times(at, row.pixel, W), column.pixel), { to: 7 });
      const found = at.emit('GatherND', pixels, place, { batch_dims: 1 });
      return at.emit('Mul', found, at.emit('Mul', row.weight, column.weight));
    }),
  );
  return at.emit('Sum', ...read);
}

/**
 * Y = W * X read at moved places: the kernel's cells of every position are put side by side, and an ordinary convolution with
 * the kernel's own size as its stride takes them. W stays the weight of a convolution.
 */
const deformConv: Lowering = {
  op: 'DeformConv',
  since: [19, 22],
  linearity: 'piecewise',
  refuses: ({ shape }) =>
    shape(0).length === 4 ? undefined : `its input must have 4 axes, current number is ${shape(0).length}`,
  lower: (at) => {
    const [N, C, H, W] = at.shape(0) as [number, number, number, number];
    const kernel = at.shape(1).slice(2);
    const out = at.outShape(0).slice(2) as [number, number];
    const group = intAttribute(at.node, 'group', 1);
    const parts = intAttribute(at.node, 'offset_group', 1);
    const [strides, dilations] = ['strides', 'dilations'].map((name) => intsAttribute(at.node, name) ?? [1, 1]) as [
      number[],
      number[],
    ];
    const pads = intsAttribute(at.node, 'pads') ?? [0, 0, 0, 0];
    const [K, P, each] = [sizeOf(kernel), sizeOf(out), C / parts];
    const form = { kernel, out, strides, dilations, pads };
    const offsets = at.reshape(at.x[2] as string, [N * parts, K, 2, P]);
    const [y, x] = [0, 1].map((axis) => {
      const offset = at.slice(offsets, { starts: [axis], ends: [axis + 1], axes: [2] });
      const base = at.floats(kernelPlaces(form, axis), [1, K * P, 1]);
      return at.emit('Add', at.reshape(offset, [N * parts, K * P, 1]), base);
    }) as [string, string];
    const pixels = at.transpose(at.reshape(at.x[0] as string, [N * parts, each, H * W]), [0, 2, 1]);
    const read = interpolated(at, pixels, { y, x, H, W });
    const masked = at.x[4] ? at.emit('Mul', read, at.reshape(at.x[4], [N * parts, K * P, 1])) : read;
    const tiles = at.reshape(masked, [N * parts, kernel[0] as number, kernel[1] as number, ...out, each]);
    const picture = at.reshape(at.transpose(tiles, [0, 5, 3, 1, 4, 2]), [
      N,
      C,
      out[0] * (kernel[0] as number),
      out[1] * (kernel[1] as number),
    ]);
    const bias = at.x[3] ? [at.x[3]] : [];
    return [at.emit('Conv', picture, at.x[1] as string, ...bias, { kernel_shape: kernel, strides: kernel, group })];
  },
};

/** Operators that read parts of pictures. */
export const regions: readonly Lowering[] = [roiAlign, maxRoiPool, deformConv];
