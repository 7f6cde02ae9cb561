import { away, distinct, type GradientCase } from '../../../test/gradient-check.ts';
import { int64, type Tensor } from '../../tensor/tensor.ts';

const int32 = (values: readonly number[], dims: readonly number[]): Tensor => ({
  type: 'int32',
  dims,
  data: Int32Array.from(values),
});

/** Indices: ranks x axes x signs x repeats; scattering only to places that differ, or by addition. */
export const gatheringCases: readonly GradientCase[] = [
  { op: 'Gather', inputs: [[5, 3], int64([4, 0, 4, -2])] },
  { op: 'Gather', inputs: [[2, 5, 3], int64([1, 1, 3, 0, -1, 2], [2, 3])], attrs: { axis: 1 } },
  { op: 'Gather', inputs: [[2, 5], int32([3, 3, -5], [3, 1])], attrs: { axis: -1 } },
  { op: 'Gather', inputs: [[2, 5, 3], int64([3], [])], attrs: { axis: 1 } },
  { op: 'Gather', inputs: [[2, 5, 3], int64([-1], [1])], attrs: { axis: 2 } },
  { op: 'Gather', inputs: [[7], int64([3, 1, 1])] },
  { op: 'GatherElements', inputs: [[3, 4], int64([2, 0, 1, -1, 0, 2, 2, 1], [2, 4])] },
  { op: 'GatherElements', inputs: [[3, 4], int64([3, 3, 0, 1, 2, -4], [3, 2])], attrs: { axis: 1 } },
  { op: 'GatherND', inputs: [[3, 4], int64([2, 0, 1, 3, 2, 0], [3, 2])] },
  { op: 'GatherND', inputs: [[3, 4, 2], int64([2, 0, 2], [3, 1])] },
  { op: 'GatherND', inputs: [[2, 3, 4], int64([2, 0, 2, 1], [2, 2, 1])], attrs: { batch_dims: 1 } },
  { op: 'GatherND', inputs: [[2, 2, 3, 2], int64([2, 0, 2, 1], [2, 2, 1])], attrs: { batch_dims: 2 } },
  { op: 'ScatterElements', inputs: [[3, 4], int64([2, 0, 1, 0], [1, 4]), [1, 4]] },
  { op: 'ScatterElements', inputs: [[3, 4], int64([3, 0, -3, 2, 1, 0], [3, 2]), [3, 2]], attrs: { axis: 1 } },
  {
    op: 'ScatterElements',
    inputs: [[3, 4], int64([2, 0, 2, 2], [1, 4]), [1, 4]],
    attrs: { reduction: 'add' },
    opsets: [18, 24],
  },
  { op: 'ScatterND', inputs: [[3, 4], int64([2, 0], [2, 1]), [2, 4]] },
  { op: 'ScatterND', inputs: [[3, 4], int64([2, 0, 0, -1, 1, 1], [3, 2]), [3]] },
  {
    op: 'ScatterND',
    inputs: [[3, 4], int64([2, 0, 2, 0, 1, 1], [3, 2]), [3]],
    attrs: { reduction: 'add' },
    opsets: [18, 24],
  },
  ...['mul', 'min', 'max'].flatMap((reduction): GradientCase[] => {
    const [near, far] =
      reduction === 'mul'
        ? [
            [3, 4],
            [3, 2],
          ]
        : [distinct([3, 4]), distinct([3, 2], 0.3)];
    const nonZero = reduction === 'mul' ? { dims: [3, 2], draw: away([0]) } : far;
    return [
      {
        op: 'ScatterElements',
        inputs: [near as number[], int64([3, 0, 2, 2, 1, 1], [3, 2]), nonZero as number[]],
        attrs: { reduction, axis: 1 },
        opsets: [18, 24],
      },
      {
        op: 'ScatterND',
        inputs: [near as number[], int64([2, 0, 2, 0, 1, 1, 0, -1, 2, 2, 1, 0], [3, 2, 2]), nonZero as number[]],
        attrs: { reduction },
        opsets: [18, 24],
      },
    ];
  }),
  { op: 'TopK', inputs: [distinct([3, 6]), int64([2])], outputs: 2, cotangents: [0] },
  { op: 'TopK', inputs: [distinct([3, 6]), int64([2])], attrs: { axis: 0, largest: 0 }, outputs: 2, cotangents: [0] },
];
