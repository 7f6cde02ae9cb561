import { sizeOf } from '../../tensor/tensor.ts';
import type { GradientRule, RuleContext } from '../rule.ts';
import { groupOf, offsets, reachOf, scatterAttributes, type Window, windowOf } from './window.ts';

/**
 * Y[n, o] = sum over c, u of W[o, c, u] X[n, c, s t + d u - pad] + b[o], in groups.
 *
 * dX = W' scattered over dY: for stride 1 a convolution of dY with the flipped, transposed W (onnxruntime's fast
 * path), otherwise ConvTranspose.   dW[o, c, u] = sum over n, t of dY[n, o, t] X[n, c, s t + d u - pad]   db = sum(dY)
 */
const conv: GradientRule = {
  op: 'Conv',
  since: [1, 11, 22],
  linearity: 'multilinear',
  backward: (at) => {
    const dy = at.dy[0] as string;
    return [
      at.needs(0) ? inputGradient(at, dy) : null,
      at.needs(1) ? at.sum(weightRows(at, correlationAt(at, dy)), [0]) : null,
      at.needs(2)
        ? at.sum(dy, [
            0,
            ...at
              .outShape(0)
              .slice(2)
              .map((_, i) => i + 2),
          ])
        : null,
    ];
  },
  perSample: (at, input) => {
    const dy = at.dy[0] as string;
    return input === 1
      ? weightRows(at, correlationAt(at, dy))
      : at.sum(
          dy,
          at
            .outShape(0)
            .slice(2)
            .map((_, i) => i + 2),
        );
  },
};

function windowAt(at: RuleContext): Window {
  return windowOf(at.node, at.shape(1).slice(2), at.shape(0).slice(2), at.outShape(0).slice(2));
}

function inputGradient(at: RuleContext, dy: string): string {
  const window = windowAt(at);
  const group = groupOf(at.node);
  const { kernel, dilations, padsBegin, padsEnd } = window;
  const full = kernel.map((k, i) => (k - 1) * (dilations[i] as number));
  const pads = [...padsBegin.map((p, i) => (full[i] as number) - p), ...padsEnd.map((p, i) => (full[i] as number) - p)];
  if (window.strides.every((s) => s === 1) && pads.every((p) => p >= 0)) {
    return at.emit('Conv', dy, flipped(at, group), { group, dilations, pads, kernel_shape: kernel });
  }
  return at.emit('ConvTranspose', dy, at.x[1] as string, { group, kernel_shape: kernel, ...scatterAttributes(window) });
}

/** [o, c/g, ...k] -> [c, o/g, ...k], reversed along every kernel axis. */
function flipped(at: RuleContext, group: number): string {
  const [out, inner, ...kernel] = at.shape(1) as [number, number, ...number[]];
  const spatial = kernel.map((_, i) => i + 3);
  const grouped = at.reshape(at.x[1] as string, [group, out / group, inner, ...kernel]);
  const swapped = at.reshape(at.transpose(grouped, [0, 2, 1, ...spatial]), [group * inner, out / group, ...kernel]);
  const axes = kernel.flatMap((k, i) => (k > 1 ? [i + 2] : []));
  if (axes.length === 0) return swapped;
  return at.slice(swapped, {
    starts: axes.map(() => -1),
    ends: axes.map(() => Number.MIN_SAFE_INTEGER),
    axes,
    steps: axes.map(() => -1),
  });
}

/** What the gradient of a kernel is made of: [n, out, ...cells of the output] against patches of [n, channels, ...input]. */
export interface Correlation {
  readonly image: string;
  readonly signal: string;
  readonly window: Window;
  readonly group: number;
  readonly samples: number;
  /** [out, channels / group, ...kernel] */
  readonly weight: readonly number[];
}

function correlationAt(at: RuleContext, dy: string): Correlation {
  return {
    image: at.x[0] as string,
    signal: dy,
    window: windowAt(at),
    group: groupOf(at.node),
    samples: at.shape(0)[0] as number,
    weight: at.shape(1),
  };
}

/** [n, ...shape of W]: the signal against the image's patches, one matrix product for each sample and group. */
export function weightRows(at: RuleContext, correlation: Correlation): string {
  const { signal, window, group, samples: n, weight } = correlation;
  const [out, inner, ...kernel] = weight as [number, number, ...number[]];
  const cells = sizeOf(window.output);
  const columns = patches(at, correlation);
  const left = at.reshape(signal, [n, group, out / group, cells]);
  const turned = (value: string): string => at.transpose(value, [0, 1, 3, 2]);
  // The right factor is repacked when it is transposed: with many cells it is cheaper to repack the signal and turn the small product.
  const rows =
    cells > 2 * out ? turned(at.emit('MatMul', columns, turned(left))) : at.emit('MatMul', left, turned(columns));
  return at.reshape(rows, [n, out, inner, ...kernel]);
}

/** im2col: [n, group, inner * kernel size, cells] */
function patches(at: RuleContext, { image, window, group, samples, weight }: Correlation): string {
  const inner = weight[1] as number;
  const axes = window.kernel.map((_, i) => i + 2);
  const padded = at.pad(image, [0, 0, ...window.padsBegin, 0, 0, ...window.padsEnd]);
  const reach = reachOf(window);
  const dims = [samples, group, inner, 1, sizeOf(window.output)];
  const pieces = offsets(window.kernel).map((offset) => {
    const starts = offset.map((o, i) => o * (window.dilations[i] as number));
    const ends = starts.map(
      (s, i) => s + (reach[i] as number) - ((window.kernel[i] as number) - 1) * (window.dilations[i] as number),
    );
    const whole = starts.every(
      (s, i) =>
        s === 0 &&
        ends[i] === (window.input[i] as number) + (window.padsBegin[i] as number) + (window.padsEnd[i] as number),
    );
    const stepped = window.strides.some((s) => s > 1);
    if (whole && !stepped) return at.reshape(padded, dims);
    return at.reshape(at.slice(padded, { starts, ends, axes, ...(stepped ? { steps: window.strides } : {}) }), dims);
  });
  const joined = pieces.length === 1 ? (pieces[0] as string) : at.emit('Concat', ...pieces, { axis: 3 });
  return at.reshape(joined, [samples, group, inner * pieces.length, sizeOf(window.output)]);
}

/** Rules of convolutions. */
export const convolution: readonly GradientRule[] = [conv];
