import { intAttribute, intsAttribute, stringAttribute } from '../../ir/access.ts';
import type { GradientRule } from '../rule.ts';

/** Y has the elements of X in the same order.   dX = dY in the shape of X */
function reorderFree(op: string, since: readonly number[]): GradientRule {
  return {
    op,
    since,
    linearity: 'linear',
    backward: ({ dy: [dy], reshape, shape }) => [reshape(dy as string, shape(0)), null],
  };
}

/** Y = X.   dX = dY */
const identity: GradientRule = {
  op: 'Identity',
  since: [1, 13, 14, 16, 19, 21],
  linearity: 'linear',
  backward: ({ dy: [dy] }) => [dy as string],
};

/** Inference form: Y = X.   dX = dY */
const dropout: GradientRule = {
  op: 'Dropout',
  since: [7, 10, 12, 13, 22],
  linearity: 'linear',
  refuses: ({ numbers }) => (numbers(2)?.[0] ? 'training_mode must be false, current value is true' : undefined),
  backward: ({ dy: [dy] }) => [dy as string, null, null],
};

/** Y = X in another float type.   dX = dY in the type of X */
function cast(op: string, since: readonly number[]): GradientRule {
  const backward: GradientRule['backward'] = ({ x: [x], dy: [dy], emit }) => [
    emit('CastLike', dy as string, x as string),
    null,
  ];
  return { op, since, linearity: 'linear', backward };
}

/** Y = X with axes permuted: Y's axis i is X's axis perm[i].   dX = dY permuted back */
const transpose: GradientRule = {
  op: 'Transpose',
  since: [1, 13, 21, 23],
  linearity: 'linear',
  backward: ({ node, dy: [dy], shape, transpose: permuted }) => {
    const perm = intsAttribute(node, 'perm') ?? shape(0).map((_, i) => shape(0).length - 1 - i);
    return [
      permuted(
        dy as string,
        perm.map((_, i) => perm.indexOf(i)),
      ),
    ];
  },
};

/** Y = X broadcast to a shape.   dX = sumTo(X, dY) */
const expand: GradientRule = {
  op: 'Expand',
  since: [8, 13],
  linearity: 'linear',
  backward: ({ dy: [dy], unbroadcast }) => [unbroadcast(dy as string, 0), null],
};

/** Y = X repeated r times along each axis.   dX = sum of dY over the repeats */
const tile: GradientRule = {
  op: 'Tile',
  since: [6, 13],
  linearity: 'linear',
  backward: ({ dy: [dy], shape, outShape, reshape, sum }) => {
    const repeats = shape(0).map((d, i) => (outShape(0)[i] as number) / d);
    const apart = reshape(
      dy as string,
      shape(0).flatMap((d, i) => [repeats[i] as number, d]),
    );
    return [
      sum(
        apart,
        shape(0).map((_, i) => 2 * i),
      ),
      null,
    ];
  },
};

/** Blocks of channels become pixels: DCR reads the channel as (row, column, channel), CRD as (channel, row, column).   dX = dY moved back */
const depthToSpace: GradientRule = {
  op: 'DepthToSpace',
  since: [1, 11, 13],
  linearity: 'linear',
  backward: ({ node, dy: [dy], emit, shape, outShape, reshape, transpose: permuted }) => {
    const blocksize = intAttribute(node, 'blocksize', 1);
    if (stringAttribute(node, 'mode', 'DCR') !== 'CRD') return [emit('SpaceToDepth', dy as string, { blocksize })];
    const [n, , height, width] = shape(0) as [number, number, number, number];
    const apart = reshape(dy as string, [n, outShape(0)[1] as number, height, blocksize, width, blocksize]);
    return [reshape(permuted(apart, [0, 1, 3, 5, 2, 4]), shape(0))];
  },
};

/** The inverse of DepthToSpace in DCR mode.   dX = dY moved back */
const spaceToDepth: GradientRule = {
  op: 'SpaceToDepth',
  since: [1, 13],
  linearity: 'linear',
  backward: ({ node, dy: [dy], emit }) => [
    emit('DepthToSpace', dy as string, { blocksize: intAttribute(node, 'blocksize', 1), mode: 'DCR' }),
  ],
};

/** Rules of operators that move or repeat all elements. */
export const shaping: readonly GradientRule[] = [
  identity,
  dropout,
  cast('Cast', [6, 9, 13, 19, 21, 23]),
  cast('CastLike', [15, 19, 21, 23]),
  reorderFree('Reshape', [5, 13, 14, 19, 21, 23]),
  reorderFree('Flatten', [1, 9, 11, 13, 21, 23]),
  reorderFree('Squeeze', [13, 21, 23]),
  reorderFree('Unsqueeze', [13, 21, 23]),
  transpose,
  expand,
  tile,
  depthToSpace,
  spaceToDepth,
];
