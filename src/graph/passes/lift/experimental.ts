import { floatAttribute } from '../../../ir/access.ts';
import type { Node } from '../../../ir/model.ts';
import { type Adapter, exactInts, floatLike, floatsAttribute, keep, type Lifting } from './lifting.ts';

/** "To the end", as Slice says it. */
const INT64_MAX = 0x7fffffffffffffffn;

function bare(node: Node, lifting: Lifting, op: string, inputs: readonly string[]): undefined {
  return keep(lifting, node, { op, inputs, attributes: new Map() });
}

/** y = scale * x + bias[c] for x [N, C, H, W]. */
const imageScaler: Adapter = {
  op: 'ImageScaler',
  before: 10,
  lift: (node, lifting) => {
    const x = node.inputs[0] as string;
    const bias = floatsAttribute(node, 'bias') ?? [0];
    const scaled = lifting.builder.emit('Mul', [x, floatLike(lifting, x, [floatAttribute(node, 'scale', 1)])]);
    return bare(node, lifting, 'Add', [scaled, floatLike(lifting, x, bias, [bias.length, 1, 1])]);
  },
};

/** y = alpha * x + beta. */
const affine: Adapter = {
  op: 'Affine',
  before: 10,
  lift: (node, lifting) => {
    const x = node.inputs[0] as string;
    const scaled = lifting.builder.emit('Mul', [x, floatLike(lifting, x, [floatAttribute(node, 'alpha', 1)])]);
    return bare(node, lifting, 'Add', [scaled, floatLike(lifting, x, [floatAttribute(node, 'beta', 0)])]);
  },
};

/** border = left, top, right, bottom of [N, C, H, W]; with `scale` = height, width the right and bottom borders are not read. */
const crop: Adapter = {
  op: 'Crop',
  before: 10,
  lift: (node, lifting) => {
    const [left, top, right, bottom] = (exactInts(node, 'border') ?? []).map(Number);
    if (left === undefined || top === undefined || right === undefined || bottom === undefined)
      return 'it has no border';
    const size = exactInts(node, 'scale')?.map(Number);
    const ends = size === undefined ? [fromEnd(bottom), fromEnd(right)] : [top + (size[0] ?? 0), left + (size[1] ?? 0)];
    const { builder } = lifting;
    const end = ends.some((e) => typeof e === 'bigint')
      ? builder.constant({ type: 'int64', dims: [2], data: BigInt64Array.from(ends, BigInt) })
      : builder.ints(ends as number[]);
    return bare(node, lifting, 'Slice', [
      node.inputs[0] as string,
      builder.ints([top, left]),
      end,
      builder.ints([2, 3]),
    ]);
  },
};

function fromEnd(border: number): number | bigint {
  return border === 0 ? INT64_MAX : -border;
}

/** y = scale * x. */
const scale: Adapter = {
  op: 'Scale',
  before: 10,
  lift: (node, lifting) => {
    const x = node.inputs[0] as string;
    return bare(node, lifting, 'Mul', [x, floatLike(lifting, x, [floatAttribute(node, 'scale', 1)])]);
  },
};

/** y = alpha * f(beta * x). */
function scaledFunction(op: string, inner: string, defaults: readonly [alpha: number, beta: number]): Adapter {
  return {
    op,
    before: 10,
    lift: (node, lifting) => {
      const x = node.inputs[0] as string;
      const beta = floatLike(lifting, x, [floatAttribute(node, 'beta', defaults[1])]);
      const y = lifting.builder.emit(inner, [lifting.builder.emit('Mul', [x, beta])]);
      return bare(node, lifting, 'Mul', [y, floatLike(lifting, x, [floatAttribute(node, 'alpha', defaults[0])])]);
    },
  };
}

function noForm(op: string): Adapter {
  return { op, before: 10, lift: () => 'this experimental operator has no form at opset 17' };
}

/** Operators that were experiments, and left the standard at opset 10. */
export const EXPERIMENTAL: readonly Adapter[] = [
  imageScaler,
  affine,
  crop,
  scale,
  scaledFunction('ScaledTanh', 'Tanh', [1, 1]),
  scaledFunction('ParametricSoftplus', 'Softplus', [1, 1]),
  ...['ATen', 'ConstantFill', 'DynamicSlice', 'GivenTensorFill', 'GRUUnit'].map(noForm),
  { ...noForm('MeanVarianceNormalization'), before: 9 },
];
