import { between, distinct, type GradientCase, type Sampled } from '../../../test/gradient-check.ts';
import { float } from '../../ir/access.ts';
import { float32, int64 } from '../../tensor/tensor.ts';

/** Corners of regions [3, 4] as they are in detectors: within the picture, at its edge, beyond it. */
const ROIS = [0.4, 1.3, 7.6, 6.7, 2.2, 0.6, 9.1, 4.9, 5.3, 3.1, 12.8, 11.9];
const rois = float32(ROIS, [3, 4]);
const moved: Sampled = { dims: [3, 4], draw: (rng, i) => (ROIS[i] as number) + 0.02 * rng.uniform() };
const batch = int64([0, 1, 0]);
const ratio = { output_height: 3, output_width: 2, sampling_ratio: 2, spatial_scale: float(0.7) };
const numbered = float32([0, 0.4, 1.3, 7.6, 6.7, 1, 2.2, 0.6, 9.1, 4.9, 0, 5.3, 3.1, 11.8, 11.9], [3, 5]);

/** Offsets that keep every place at least a tenth of a pixel off the lines between pixels. */
const offsets = (...dims: number[]): Sampled => ({
  dims,
  draw: (rng) => Math.floor(3 * rng.uniform()) - 1 + between(0.2, 0.8)(rng),
});

/** From opset 22 on, onnxruntime has no kernel of RoiAlign and MaxRoiPool. */
const opsets = [17, 21];

/** Regions and moved places: scales x coordinate modes x groups x masks. */
export const regionCases: readonly GradientCase[] = [
  { op: 'RoiAlign', inputs: [[2, 3, 6, 8], rois, batch], attrs: ratio, opsets },
  {
    op: 'RoiAlign',
    inputs: [[2, 3, 6, 8], rois, batch],
    attrs: { ...ratio, coordinate_transformation_mode: 'output_half_pixel' },
    opsets,
  },
  { op: 'RoiAlign', inputs: [[2, 2, 9, 13], moved, batch], attrs: { sampling_ratio: 1, output_width: 2 }, opsets },
  { op: 'RoiAlign', inputs: [[2, 2, 5, 5], rois, batch], attrs: { sampling_ratio: 3, output_height: 2 }, opsets },
  {
    op: 'MaxRoiPool',
    inputs: [distinct([2, 3, 6, 8]), numbered],
    attrs: { pooled_shape: [3, 2], spatial_scale: float(0.7) },
    opsets,
  },
  { op: 'MaxRoiPool', inputs: [distinct([2, 2, 12, 12]), numbered], attrs: { pooled_shape: [2, 4] }, opsets },
  {
    op: 'DeformConv',
    inputs: [[2, 4, 5, 6], [3, 4, 2, 3], offsets(2, 12, 5, 5), [3]],
    attrs: { kernel_shape: [2, 3], pads: [1, 0, 0, 1] },
    opsets: [19, 24],
    weights: [1],
  },
  {
    op: 'DeformConv',
    inputs: [[2, 4, 7, 7], [4, 2, 3, 3], offsets(2, 36, 4, 4), null, [2, 18, 4, 4]],
    attrs: { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], group: 2, offset_group: 2 },
    opsets: [19, 24],
  },
  {
    op: 'DeformConv',
    inputs: [[1, 2, 7, 7], [2, 2, 2, 2], offsets(1, 8, 4, 4)],
    attrs: { dilations: [3, 3] },
    opsets: [19, 24],
  },
];
