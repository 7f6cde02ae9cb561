import type { GradientCase } from '../../../test/gradient-check.ts';
import { type AttributeLike, float } from '../../ir/access.ts';
import { float32, int64, type Tensor } from '../../tensor/tensor.ts';

const COORDINATES = ['half_pixel', 'pytorch_half_pixel', 'align_corners', 'asymmetric'];
const NEAREST = ['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'];

const to = (...scales: number[]): (Tensor | null)[] => [null, float32(scales, [scales.length])];
const sized = (...sizes: number[]): (Tensor | null)[] => [null, null, int64(sizes)];

function resize(
  dims: readonly number[],
  rest: readonly (Tensor | null)[],
  attrs: Readonly<Record<string, AttributeLike>>,
): GradientCase {
  return { op: 'Resize', inputs: [dims, ...rest], attrs };
}

/** Resampling: modes x coordinates x roundings x enlarging and shrinking, by scales and by sizes. */
export const resizingCases: readonly GradientCase[] = [
  ...COORDINATES.flatMap((coordinate_transformation_mode) => [
    resize([1, 2, 4, 5], to(1, 1, 2, 3), { mode: 'linear', coordinate_transformation_mode }),
    resize([1, 2, 7, 6], to(1, 1, 0.6, 0.5), { mode: 'linear', coordinate_transformation_mode }),
    resize([1, 2, 4, 5], sized(1, 2, 7, 1), { mode: 'linear', coordinate_transformation_mode }),
    ...NEAREST.flatMap((nearest_mode) => [
      resize([1, 2, 4, 5], to(1, 1, 2, 3), { mode: 'nearest', coordinate_transformation_mode, nearest_mode }),
      resize([1, 2, 7, 6], sized(1, 2, 4, 9), { mode: 'nearest', coordinate_transformation_mode, nearest_mode }),
      resize([1, 2, 7, 6], to(1, 1, 0.6, 1.7), { mode: 'nearest', coordinate_transformation_mode, nearest_mode }),
    ]),
  ]),
  resize([2, 5], to(1.4, 2), { mode: 'linear' }),
  resize([2, 3, 5], to(1, 1, 2), { mode: 'linear' }),
  resize([2, 3, 5], to(2, 1, 3), {
    mode: 'nearest',
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'floor',
  }),
  resize([1, 2, 3, 4, 3], to(1, 1, 2, 2, 2), { mode: 'linear' }),
  { ...resize([1, 2, 4, 5], sized(8, 8), { mode: 'linear', axes: [2, 3] }), opsets: [18, 24] },
  {
    ...resize([1, 2, 4, 5], sized(9, 9), { mode: 'nearest', axes: [2, 3], keep_aspect_ratio_policy: 'not_larger' }),
    opsets: [18, 24],
  },
  {
    ...resize([1, 2, 4, 5], sized(9, 9), { mode: 'linear', axes: [2, 3], keep_aspect_ratio_policy: 'not_smaller' }),
    opsets: [18, 24],
  },
  {
    ...resize([1, 2, 4, 5], to(1, 1, 1.7, 1.3), {
      mode: 'linear',
      coordinate_transformation_mode: 'half_pixel_symmetric',
    }),
    opsets: [19, 24],
  },
  ...[...COORDINATES, 'half_pixel_symmetric'].flatMap((coordinate_transformation_mode) => {
    const opsets = coordinate_transformation_mode === 'half_pixel_symmetric' ? [19, 24] : undefined;
    const cubic = { mode: 'cubic', coordinate_transformation_mode };
    return [
      resize([1, 2, 4, 5], to(1, 1, 2, 3), cubic),
      resize([1, 2, 7, 6], to(1, 1, 0.6, 0.5), { ...cubic, cubic_coeff_a: float(-0.5) }),
      resize([1, 2, 4, 5], sized(1, 2, 7, 3), { ...cubic, exclude_outside: 1 }),
    ].map((row) => ({ ...row, ...(opsets && { opsets }) }));
  }),
  resize([4, 5], to(2, 1.7), { mode: 'cubic' }),
  { ...resize([1, 2, 3, 4], to(1, 1, 2, 1.2), { mode: 'linear', antialias: 1 }), opsets: [18, 24] },
  ...['half_pixel', 'pytorch_half_pixel', 'align_corners', 'asymmetric'].flatMap((coordinate_transformation_mode) =>
    ['linear', 'cubic'].flatMap((mode) => {
      const smooth = { mode, antialias: 1, coordinate_transformation_mode };
      return [
        { ...resize([1, 2, 9, 11], to(1, 1, 0.45, 0.3), smooth), opsets: [18, 24] },
        { ...resize([1, 2, 8, 6], sized(1, 2, 3, 9), { ...smooth, exclude_outside: 1 }), opsets: [18, 24] },
      ];
    }),
  ),
  resize([1200, 2], to(1.5, 1), { mode: 'linear' }),
  resize([2, 1100, 2], sized(2, 1000, 2), { mode: 'nearest' }),
  {
    op: 'Resize',
    inputs: [[1, 2, 6, 7], float32([0, 0, 0.2, 0.3, 1, 1, 0.8, 1.2], [8]), null, int64([1, 2, 4, 5])],
    attrs: { mode: 'linear', coordinate_transformation_mode: 'tf_crop_and_resize' },
  },
];
