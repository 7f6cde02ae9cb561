import { groupOf, offsets, reachOf, scatterAttributes, type Window, windowOf } from '../../graph/window.ts';
import { sizeOf } from '../../tensor/tensor.ts';
import type { GradientRule, RuleContext } from '../rule.ts';
import { blockedRows } from './blocked-correlation.ts';
import type { Correlation } from './correlation.ts';
import { sumGroups } from './row-groups.ts';

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
      at.needs(1) ? at.reshape(weightRows(at, correlationAt(at, dy), 1), at.shape(1)) : null,
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
  rows: (at, input, rows) => {
    const dy = at.dy[0] as string;
    return input === 1 ? weightRows(at, correlationAt(at, dy), rows) : biasRows(at, dy, rows);
  },
};

/** [rows, channels]: dY summed over cells and the samples of each group. */
export function biasRows(at: RuleContext, dy: string, rows: number): string {
  const [samples, channels, ...cells] = at.outShape(0) as [number, number, ...number[]];
  return at.sum(at.reshape(dy, [rows, samples / rows, channels, sizeOf(cells)]), [1, 3]);
}

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

/**
 * [rows, ...shape of W]: the signal against the image's patches, summed over each group of samples / rows samples.
 *
 * A large kernel over few cells is contracted over a group at once (its samples become one more spatial axis); else each
 * sample has a product of its own, and these are added. Cost: cells * elements of W multiply-adds a sample.
 */
export function weightRows(at: RuleContext, correlation: Correlation, rows: number): string {
  const value = productRows(at, correlation, rows);
  const { image, signal, window, group, samples, weight } = correlation;
  const { kernel, dilations, padsBegin, input } = window;
  const whole = input.every(
    (size, i) => size === kernel[i] && padsBegin[i] === 0 && (size === 1 || dilations[i] === 1),
  );
  const isOuter = group === 1 && samples === rows && whole && sizeOf(window.output) === 1;
  const [out, ...patch] = weight as [number, ...number[]];
  return isOuter ? at.noteOuter(value, { left: [signal, out], right: [image, sizeOf(patch)] }) : value;
}

function productRows(at: RuleContext, correlation: Correlation, rows: number): string {
  const { samples, weight } = correlation;
  const blocked = blockedRows(at, correlation, rows);
  if (blocked !== null) return blocked;
  if (samples === rows || sizeOf(weight) < elementsOf(correlation))
    return sumGroups(at, eachRow(at, correlation), { rows, samples, shape: weight });
  return at.reshape(eachRow(at, together(at, correlation, rows)), [rows, ...weight]);
}

/** The same correlation with the samples of each group as its first spatial axis. */
function together(
  at: RuleContext,
  { image, signal, window, group, samples, weight }: Correlation,
  rows: number,
): Correlation {
  const mean = samples / rows;
  const grouped = (value: string, channels: number, cells: readonly number[]): string => {
    const split = at.reshape(value, [rows, mean, channels, ...cells]);
    return at.transpose(split, [0, 2, 1, ...cells.map((_, i) => i + 3)]);
  };
  const [out, inner, ...kernel] = weight as [number, number, ...number[]];
  return {
    image: grouped(image, group * inner, window.input),
    signal: grouped(signal, out, window.output),
    window: {
      kernel: [1, ...kernel],
      strides: [1, ...window.strides],
      dilations: [1, ...window.dilations],
      padsBegin: [0, ...window.padsBegin],
      padsEnd: [0, ...window.padsEnd],
      input: [mean, ...window.input],
      output: [mean, ...window.output],
    },
    group,
    samples: rows,
    weight: [out, inner, 1, ...kernel],
  };
}

/** [n, ...shape of W]: one matrix product for each sample and group. */
function eachRow(at: RuleContext, correlation: Correlation): string {
  const large = sizeOf(correlation.weight) > elementsOf(correlation); // putting a large product in order costs more than patches
  const strided = correlation.window.strides.some((s) => s > 1);
  return large || strided ? patchProduct(at, correlation) : movedProduct(at, correlation);
}

/** Elements of one sample's image and signal, counted by the cells of the output. */
function elementsOf({ group, weight, window }: Correlation): number {
  return (group * (weight[1] as number) + (weight[0] as number)) * sizeOf(window.output);
}

/**
 * For strides of 1. The cells of the input in all axes but the last, and of the output in the last, are a frame that both
 * sides are moved over: the image by the kernel's last axis, the signal back by the others, zeros coming in. One product of
 * all moved images with all moved signals yields every offset: k + k copies where patches take k k.
 */
function movedProduct(at: RuleContext, { image, signal, window, group, samples: n, weight }: Correlation): string {
  const [out, inner, ...kernel] = weight as [number, number, ...number[]];
  const { dilations, padsBegin, input, output } = window;
  const last = kernel.length - 1;
  const frame = input.map((size, i) => (i === last ? (output[i] as number) : size));
  const moved = (value: string, from: readonly number[], begins: readonly number[][]): string => {
    const pieces = begins.map((begin) =>
      at.pad(value, [0, 0, ...begin, 0, 0, ...frame.map((f, i) => f - (from[i] as number) - (begin[i] as number))]),
    );
    return pieces.length === 1 ? (pieces[0] as string) : at.emit('Concat', ...pieces, { axis: 1 });
  };
  const begins = (sign: 1 | -1, axes: (axis: number) => boolean): number[][] =>
    offsets(kernel.map((k, i) => (axes(i) ? k : 1))).map((offset) =>
      offset.map((o, i) => (axes(i) ? sign * (o * (dilations[i] as number) - (padsBegin[i] as number)) : 0)),
    );
  const images = moved(
    image,
    input,
    begins(-1, (i) => i === last),
  );
  const signals = moved(
    signal,
    output,
    begins(1, (i) => i !== last),
  );
  const [h, k, cells] = [sizeOf(kernel.slice(0, last)), kernel[last] as number, sizeOf(frame)];
  if (group === 1) {
    const left = at.reshape(images, [n, k * inner, cells]);
    const right = at.transpose(at.reshape(signals, [n, h * out, cells]), [0, 2, 1]);
    const product = at.reshape(at.emit('MatMul', left, right), [n, k, inner, h, out]);
    return at.reshape(at.transpose(product, [0, 4, 2, 3, 1]), [n, out, inner, ...kernel]);
  }
  const left = at.reshape(images, [n, k, 1, group, inner, cells]);
  const right = at.reshape(signals, [n, 1, h, group, out / group, cells]);
  const product = at.emit('MatMul', left, at.transpose(right, [0, 1, 2, 3, 5, 4]));
  return at.reshape(at.transpose(product, [0, 3, 5, 4, 2, 1]), [n, out, inner, ...kernel]);
}

/** For any strides: the signal against the patches of the image. */
function patchProduct(at: RuleContext, correlation: Correlation): string {
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
