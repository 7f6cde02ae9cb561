import { groupOf, reachOf, type Window } from '../../graph/window.ts';
import { intsAttribute, stringAttribute } from '../../ir/access.ts';
import type { GradientRule, RuleContext } from '../rule.ts';
import { biasRows, weightRows } from './convolution.ts';
import type { Correlation } from './correlation.ts';

/**
 * The window of the convolution that this operator is the transpose of: it slides over Y and yields X.
 * With auto_pad or output_shape: total pad = stride (in - 1) + output_padding + reach of the kernel - out, the odd one at the end for SAME_UPPER, else at the begin.
 */
function windowAt(at: RuleContext): Window {
  const kernel = at.shape(1).slice(2);
  const [output, input] = [at.shape(0).slice(2), at.outShape(0).slice(2)];
  const ones = kernel.map(() => 1);
  const strides = intsAttribute(at.node, 'strides') ?? ones;
  const dilations = intsAttribute(at.node, 'dilations') ?? ones;
  const auto = stringAttribute(at.node, 'auto_pad', 'NOTSET');
  const base = { kernel, strides, dilations, input, output };
  const pads = intsAttribute(at.node, 'pads') ?? [...ones, ...ones].map(() => 0);
  if (!auto.startsWith('SAME') && intsAttribute(at.node, 'output_shape') === undefined) {
    return { ...base, padsBegin: pads.slice(0, kernel.length), padsEnd: pads.slice(kernel.length) };
  }
  const extra = intsAttribute(at.node, 'output_padding') ?? ones.map(() => 0);
  const reach = reachOf({ ...base, padsBegin: [], padsEnd: [] });
  const totals = reach.map((r, i) => Math.max(0, r + (extra[i] as number) - (input[i] as number)));
  const small = totals.map((t) => Math.floor(t / 2));
  const large = totals.map((t) => t - Math.floor(t / 2));
  const [padsBegin, padsEnd] = auto === 'SAME_UPPER' ? [small, large] : [large, small];
  return { ...base, padsBegin, padsEnd };
}

/** dY cut or filled up to what the windows reach, so that the convolution yields X's shape exactly and needs no padding. */
function framed(at: RuleContext, dy: string, window: Window): string {
  const ends = reachOf(window).map((reach, i) => reach - (window.padsBegin[i] as number) - (window.input[i] as number));
  return at.pad(dy, [0, 0, ...window.padsBegin, 0, 0, ...ends]);
}

/** The same window over the framed dY. */
function frame(window: Window): Window {
  const zeros = window.kernel.map(() => 0);
  return { ...window, padsBegin: zeros, padsEnd: zeros, input: reachOf(window) };
}

/** Rows of W: X is the signal, dY the image. W: [in, out / group, ...kernel] */
function correlationAt(at: RuleContext, dy: string): Correlation {
  const window = windowAt(at);
  return {
    image: framed(at, dy, window),
    signal: at.x[0] as string,
    window: frame(window),
    group: groupOf(at.node),
    samples: at.shape(0)[0] as number,
    weight: at.shape(1),
  };
}

/**
 * Y = X scattered: Y[n, o, s t + d u - pad] += W[c, o, u] X[n, c, t], in groups.
 *
 * dX = Conv(dY, W)   dW[c, o, u] = sum over n, t of X[n, c, t] dY[n, o, s t + d u - pad]   db = sum(dY)
 */
const convTranspose: GradientRule = {
  op: 'ConvTranspose',
  since: [1, 11, 22],
  linearity: 'multilinear',
  backward: (at) => {
    const dy = at.dy[0] as string;
    const spatial = at
      .outShape(0)
      .slice(2)
      .map((_, i) => i + 2);
    const { strides, dilations, kernel } = windowAt(at);
    const convolved = (): string =>
      at.emit('Conv', framed(at, dy, windowAt(at)), at.x[1] as string, {
        strides,
        dilations,
        kernel_shape: kernel,
        group: groupOf(at.node),
      });
    return [
      at.needs(0) ? convolved() : null,
      at.needs(1) ? at.reshape(weightRows(at, correlationAt(at, dy), 1), at.shape(1)) : null,
      at.needs(2) ? at.sum(dy, [0, ...spatial]) : null,
    ];
  },
  rows: (at, input, rows) => {
    const dy = at.dy[0] as string;
    return input === 1 ? weightRows(at, correlationAt(at, dy), rows) : biasRows(at, dy, rows);
  },
};

/** Rules of transposed convolutions. */
export const transposedConvolution: readonly GradientRule[] = [convTranspose];
