import { floatAttribute } from '../../ir/access.ts';
import type { GradientRule, RuleContext } from '../rule.ts';

/** [C] -> [C, 1, ...] so that it broadcasts over [N, C, ...]. */
function perChannel(at: RuleContext, value: string): string {
  const channels = at.shape(0)[1] as number;
  return at.reshape(value, [channels, ...at.shape(0).slice(2).map(() => 1)]);
}

/**
 * Inference form: Y = (X - mean) r scale + bias, r = (var + eps)^-1/2, for each channel.
 * dX = dY r scale   dscale = sum(dY (X - mean)) r   dbias = sum(dY)   dmean = -sum(dY) r scale   dvar = -1/2 sum(dY (X - mean)) scale r^3
 */
const batchNormalization: GradientRule = {
  op: 'BatchNormalization', since: [9, 14, 15], linearity: 'smooth',
  backward: (at) => {
    const { x: [x, scale, , mean, variance], dy: [dy], needs, emit, sum, scalar } = at;
    const d = dy as string;
    const r = emit('Reciprocal', emit('Sqrt', emit('Add', variance as string, scalar(floatAttribute(at.node, 'epsilon', 1e-5)))));
    const gain = emit('Mul', scale as string, r);
    const axes = at.shape(0).flatMap((_, i) => (i === 1 ? [] : [i]));
    const centred = needs(1) || needs(4) ? sum(emit('Mul', d, emit('Sub', x as string, perChannel(at, mean as string))), axes) : '';
    const total = needs(2) || needs(3) ? sum(d, axes) : '';
    return [
      needs(0) ? emit('Mul', d, perChannel(at, gain)) : null,
      needs(1) ? emit('Mul', centred, r) : null,
      needs(2) ? total : null,
      needs(3) ? emit('Neg', emit('Mul', total, gain)) : null,
      needs(4) ? emit('Mul', emit('Mul', centred, gain), emit('Mul', emit('Mul', r, r), scalar(-0.5))) : null,
    ];
  },
};

/** Rules of normalisation layers. */
export const normalization: readonly GradientRule[] = [batchNormalization];
