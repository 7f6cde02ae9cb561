import { floatAttribute, intAttribute } from '../../ir/access.ts';
import { sizeOf } from '../../tensor/tensor.ts';
import type { GradientRule, RuleContext } from '../rule.ts';
import { plus, times } from './elementwise.ts';

/** [C] -> [C, 1, ...] so that it broadcasts over [N, C, ...]. */
function perChannel(at: RuleContext, value: string): string {
  const channels = at.shape(0)[1] as number;
  return at.reshape(value, [
    channels,
    ...at
      .shape(0)
      .slice(2)
      .map(() => 1),
  ]);
}

/** (variance + epsilon)^-1/2 */
function inverseDeviation(at: RuleContext, variance: string): string {
  return at.emit('Reciprocal', at.emit('Sqrt', plus(at, variance, floatAttribute(at.node, 'epsilon', 1e-5))));
}

/** Batch statistics instead of stored ones; with momentum 0 the operator's further outputs are exactly these. */
function isTraining({ node }: Pick<RuleContext, 'node'>): boolean {
  return intAttribute(node, 'training_mode', 0) !== 0;
}

/**
 * Y = (X - mean) r scale + bias, r = (var + eps)^-1/2, for each channel of m cells.
 * Inference form: dX = dY r scale   dscale = sum(dY (X - mean)) r   dbias = sum(dY)
 *   dmean = -sum(dY) r scale   dvar = -1/2 sum(dY (X - mean)) scale r^3
 * Training form (mean and var of the batch; momentum 0, so that outputs 1 and 2 are these):
 *   dX = r scale (dY - dbias / m - (X - mean) r dscale / m) = dY a + X b + c with a, b, c for each channel
 */
const batchNormalization: GradientRule = {
  op: 'BatchNormalization',
  since: [9, 14, 15],
  linearity: 'smooth',
  refuses: ({ node, y }) =>
    isTraining({ node }) && (y.length < 3 || floatAttribute(node, 'momentum', 0.9) !== 0)
      ? 'in training form its momentum must be 0 and its running statistics must be outputs'
      : undefined,
  backward: (at) => {
    const {
      x: [x, scale, , storedMean, storedVariance],
      y: [, batchMean, batchVariance],
      dy: [dy],
      needs,
      emit,
      sum,
      scalar,
    } = at;
    const d = dy as string;
    const training = isTraining(at);
    const [mean, variance] = training ? [batchMean, batchVariance] : [storedMean, storedVariance];
    const r = inverseDeviation(at, variance as string);
    const gain = emit('Mul', scale as string, r);
    const axes = at.shape(0).flatMap((_, i) => (i === 1 ? [] : [i]));
    const through = training && needs(0);
    const centred =
      needs(1) || needs(4) || through
        ? sum(emit('Mul', d, emit('Sub', x as string, perChannel(at, mean as string))), axes)
        : '';
    const total = needs(2) || needs(3) || through ? sum(d, axes) : '';
    const plain = (): string => emit('Mul', d, perChannel(at, gain));
    const corrected = (): string => {
      const share = -1 / sizeOf(axes.map((axis) => at.shape(0)[axis] as number));
      const slope = times(at, emit('Mul', gain, emit('Mul', centred, emit('Mul', r, r))), share);
      const shift = emit('Sub', times(at, emit('Mul', gain, total), share), emit('Mul', slope, mean as string));
      return emit('Add', plain(), emit('Add', emit('Mul', x as string, perChannel(at, slope)), perChannel(at, shift)));
    };
    return [
      needs(0) ? (training ? corrected() : plain()) : null,
      needs(1) ? emit('Mul', centred, r) : null,
      needs(2) ? total : null,
      needs(3) && !training ? emit('Neg', emit('Mul', total, gain)) : null,
      needs(4) && !training
        ? emit('Mul', emit('Mul', centred, gain), emit('Mul', emit('Mul', r, r), scalar(-0.5)))
        : null,
    ];
  },
};

/** X brought to mean 0 and variance 1 over some axes: z = (X - mean) r. */
interface Standardized {
  readonly z: string;
  readonly r: string;
  readonly mean: (value: string) => string;
}

function standardize(
  at: RuleContext,
  x: string,
  { shape, axes }: { shape: readonly number[]; axes: readonly number[] },
): Standardized {
  const share = 1 / sizeOf(axes.map((axis) => shape[axis] as number));
  const mean = (value: string): string => times(at, at.sum(value, axes, true), share);
  const centred = at.emit('Sub', x, mean(x));
  const r = inverseDeviation(at, mean(at.emit('Mul', centred, centred)));
  return { z: at.emit('Mul', centred, r), r, mean };
}

/** dX of z = (X - mean) r:   r (dz - mean(dz) - z mean(dz z)) */
function standardizedGradient(at: RuleContext, { z, r, mean }: Standardized, dz: string): string {
  const along = at.emit('Mul', z, mean(at.emit('Mul', dz, z)));
  return at.emit('Mul', r, at.emit('Sub', at.emit('Sub', dz, mean(dz)), along));
}

/**
 * Y = z scale + bias, z = (X - mean) r over the axes from `axis` on.
 * dX = r (dz - mean(dz) - z mean(dz z)) with dz = dY scale   dscale = sumTo(scale, dY z)   dbias = sumTo(bias, dY)
 * The further outputs mean and r add dmean / n and -dr r^2 z / n.
 */
const layerNormalization: GradientRule = {
  op: 'LayerNormalization',
  since: [17],
  linearity: 'smooth',
  backward: (at) => {
    const {
      x: [x, scale],
      dy,
      needs,
      emit,
      unbroadcast,
    } = at;
    const shape = at.shape(0);
    const axis = intAttribute(at.node, 'axis', -1);
    const first = axis < 0 ? axis + shape.length : axis;
    const axes = [...shape.keys()].slice(first);
    const standard = standardize(at, x as string, { shape, axes });
    const parts = (): string[] => {
      const share = 1 / sizeOf(shape.slice(first));
      const list = at.hasDy(0)
        ? [standardizedGradient(at, standard, emit('Mul', dy[0] as string, scale as string))]
        : [];
      if (at.hasDy(1)) list.push(at.expand(times(at, dy[1] as string, share), shape));
      if (at.hasDy(2))
        list.push(
          times(at, emit('Mul', emit('Mul', emit('Mul', standard.r, standard.r), standard.z), dy[2] as string), -share),
        );
      return list;
    };
    return [
      needs(0) ? emit('Sum', ...parts()) : null,
      needs(1) ? unbroadcast(emit('Mul', dy[0] as string, standard.z), 1) : null,
      needs(2) ? unbroadcast(dy[0] as string, 2) : null,
    ];
  },
};

/**
 * Y = z scale, z = X r, r = (mean(X^2) + eps)^-1/2 over the axes from `axis` on.
 * dX = r (dz - z mean(dz z)) with dz = dY scale   dscale = sumTo(scale, dY z);   output 1 is r: - dr r^2 z / n more
 */
function rootMeanSquare(op: string, since: readonly number[]): GradientRule {
  const backward = (at: RuleContext): readonly (string | null)[] => {
    const { dy, emit, needs } = at;
    const [x, scale] = at.x as [string, string];
    const shape = at.shape(0);
    const axis = intAttribute(at.node, 'axis', -1);
    const axes = [...shape.keys()].slice(axis < 0 ? axis + shape.length : axis);
    const share = 1 / sizeOf(axes.map((i) => shape[i] as number));
    const mean = (value: string): string => times(at, at.sum(value, axes, true), share);
    const r = inverseDeviation(at, mean(emit('Mul', x, x)));
    const z = emit('Mul', x, r);
    const dX = (): string => {
      const dz = emit('Mul', dy[0] as string, scale);
      const direct = emit('Mul', r, emit('Sub', dz, emit('Mul', z, mean(emit('Mul', dz, z)))));
      if (!at.hasDy(1)) return direct;
      return emit('Sub', direct, times(at, emit('Mul', emit('Mul', emit('Mul', r, r), z), dy[1] as string), share));
    };
    return [needs(0) ? dX() : null, needs(1) ? at.unbroadcast(emit('Mul', dy[0] as string, z), 1) : null];
  };
  return { op, since, linearity: 'smooth', backward };
}

/** Y = z scale + bias, z = (X - mean) r over all axes after the channel's, for each sample and channel; gradients as for layers, summed over samples */
const instanceNormalization: GradientRule = {
  op: 'InstanceNormalization',
  since: [6, 22],
  linearity: 'smooth',
  backward: (at) => {
    const {
      x: [x, scale],
      dy: [dy],
      needs,
      emit,
    } = at;
    const shape = at.shape(0);
    const axes = [...shape.keys()].slice(2);
    const standard = standardize(at, x as string, { shape, axes });
    return [
      needs(0) ? standardizedGradient(at, standard, emit('Mul', dy as string, perChannel(at, scale as string))) : null,
      needs(1) ? at.sum(emit('Mul', dy as string, standard.z), [0, ...axes]) : null,
      needs(2) ? at.sum(dy as string, [0, ...axes]) : null,
    ];
  },
};

/** Y = z scale + bias, z = (X - mean) r over each group of channels; scale and bias for each channel, in opset 18 for each group. */
const groupNormalization: GradientRule = {
  op: 'GroupNormalization',
  since: [18, 21],
  linearity: 'smooth',
  backward: (at) => {
    const {
      x: [x, scale],
      dy: [dy],
      needs,
      emit,
    } = at;
    const shape = at.shape(0);
    const groups = intAttribute(at.node, 'num_groups', 1);
    const grouped = [shape[0] as number, groups, sizeOf(shape.slice(1)) / groups];
    const standard = standardize(at, at.reshape(x as string, grouped), { shape: grouped, axes: [2] });
    const each = at.shape(1)[0] as number;
    /** Channels that share a scale lie in one row of cells. */
    const apart = [shape[0] as number, each, sizeOf(shape.slice(1)) / each];
    const cotangent = at.reshape(dy as string, apart);
    const dz = (): string => at.reshape(emit('Mul', cotangent, at.reshape(scale as string, [each, 1])), grouped);
    return [
      needs(0) ? at.reshape(standardizedGradient(at, standard, dz()), shape) : null,
      needs(1) ? at.sum(emit('Mul', cotangent, at.reshape(standard.z, apart)), [0, 2]) : null,
      needs(2) ? at.sum(cotangent, [0, 2]) : null,
    ];
  },
};

/**
 * Y = X S^-beta, S = bias + alpha / size (B X^2), B: which channels are neighbours.
 * dX = dY S^-beta - 2 alpha beta / size X B'(dY Y / S)
 */
const lrn: GradientRule = {
  op: 'LRN',
  since: [1, 13],
  linearity: 'smooth',
  backward: (at) => {
    const {
      node,
      x: [x],
      y: [y],
      dy: [dy],
      emit,
    } = at;
    const [n, channels, ...rest] = at.shape(0) as [number, number, ...number[]];
    const size = intAttribute(node, 'size', 1);
    const [alpha, beta] = [floatAttribute(node, 'alpha', 1e-4), floatAttribute(node, 'beta', 0.75)];
    const [before, after] = [Math.floor((size - 1) / 2), Math.ceil((size - 1) / 2)];
    const band = Array.from({ length: channels ** 2 }, (_, i) => {
      const distance = (i % channels) - Math.floor(i / channels);
      return distance >= -before && distance <= after ? 1 : 0;
    });
    const B = at.floats(band, [channels, channels]);
    const over = (matrix: string, value: string): string =>
      at.reshape(emit('MatMul', matrix, at.reshape(value, [n, channels, sizeOf(rest)])), at.shape(0));
    const S = plus(
      at,
      times(at, over(B, emit('Mul', x as string, x as string)), alpha / size),
      floatAttribute(node, 'bias', 1),
    );
    const spread = over(at.transpose(B, [1, 0]), emit('Div', emit('Mul', dy as string, y as string), S));
    const direct = emit('Mul', dy as string, emit('Pow', S, at.scalar(-beta)));
    return [emit('Sub', direct, times(at, emit('Mul', x as string, spread), (2 * alpha * beta) / size))];
  },
};

/** Rules of normalisation layers. */
export const normalization: readonly GradientRule[] = [
  batchNormalization,
  layerNormalization,
  rootMeanSquare('RMSNormalization', [23]),
  rootMeanSquare('SimplifiedLayerNormalization', [1]),
  instanceNormalization,
  groupNormalization,
  lrn,
];
