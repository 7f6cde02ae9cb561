import { distinct, type GradientCase } from '../../../test/gradient-check.ts';
import type { AttributeLike } from '../../ir/access.ts';

const FORMS: readonly {
  dims: readonly number[];
  attrs: Readonly<Record<string, AttributeLike>>;
  opsets?: readonly number[];
}[] = [
  { dims: [2, 3, 9], attrs: { kernel_shape: [3], strides: [2] } },
  { dims: [2, 3, 6, 6], attrs: { kernel_shape: [2, 2], strides: [2, 2] } },
  { dims: [2, 3, 7, 8], attrs: { kernel_shape: [3, 2], strides: [2, 3] } },
  { dims: [2, 3, 7, 7], attrs: { kernel_shape: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1] } },
  { dims: [2, 3, 7, 8], attrs: { kernel_shape: [3, 3], strides: [2, 2], pads: [0, 1, 1, 0] } },
  { dims: [2, 3, 8, 7], attrs: { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 } },
  { dims: [2, 3, 8, 8], attrs: { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], ceil_mode: 1 } },
  { dims: [2, 3, 7, 8], attrs: { kernel_shape: [3, 2], strides: [2, 2], auto_pad: 'SAME_UPPER' } },
  { dims: [2, 3, 7, 8], attrs: { kernel_shape: [4, 2], strides: [2, 1], auto_pad: 'SAME_LOWER' } },
  { dims: [2, 3, 7, 8], attrs: { kernel_shape: [3, 2], strides: [2, 3], auto_pad: 'VALID' } },
  { dims: [2, 3, 12, 12], attrs: { kernel_shape: [2, 2], strides: [5, 4] } },
  { dims: [2, 3, 5, 6], attrs: { kernel_shape: [5, 6] } },
  { dims: [2, 2, 4, 5, 4], attrs: { kernel_shape: [2, 2, 2], strides: [2, 1, 2] } },
];
const dilated = { kernel_shape: [3, 2], dilations: [2, 3], strides: [1, 2], pads: [1, 0, 2, 1] };

/** Pooling: dimensions x strides x pads x auto_pad x ceil_mode x dilations. */
export const poolingCases: readonly GradientCase[] = [
  ...FORMS.map(({ dims, ...rest }) => ({ op: 'MaxPool', inputs: [distinct(dims)], ...rest })),
  { op: 'MaxPool', inputs: [distinct([2, 3, 9, 9])], attrs: dilated },
  { op: 'MaxPool', inputs: [distinct([2, 3, 6, 6])], attrs: { kernel_shape: [2, 2], storage_order: 1 } },
  ...FORMS.map(({ dims, ...rest }) => ({ op: 'AveragePool', inputs: [dims], ...rest })),
  ...FORMS.filter(({ attrs }) => attrs.pads !== undefined).map(({ dims, attrs }) => ({
    op: 'AveragePool',
    inputs: [dims],
    attrs: { ...attrs, count_include_pad: 1 },
  })),
  { op: 'AveragePool', inputs: [[2, 3, 9, 9]], attrs: dilated, opsets: [19, 24] },
  { op: 'AveragePool', inputs: [[2, 3, 9, 9]], attrs: { ...dilated, count_include_pad: 1 }, opsets: [19, 24] },
  ...[
    [2, 3, 7],
    [2, 3, 4, 5],
    [2, 3, 2, 3, 4],
  ].flatMap((dims) => [
    { op: 'GlobalAveragePool', inputs: [dims] },
    { op: 'GlobalMaxPool', inputs: [distinct(dims)] },
  ]),
];
