import { type BlockedWords, blockedWords } from '../../graph/blocked/words.ts';
import { reachOf } from '../../graph/window.ts';
import type { RuleContext } from '../rule.ts';
import type { Correlation } from './correlation.ts';

/**
 * [rows, ...shape of W] by onnxruntime's blocked convolution, or null where it does not suit: it takes two spatial axes, one
 * group, output channels that fill blocks, and more than one offset (for one, a matrix product has nothing to move).
 *
 * The image is convolved with the signal: every channel of the image is a picture of its own, every sample an input
 * channel, the signal of all its cells the filter, and the kernel's offsets the cells that come out:
 *
 *   dW[o, c, u] = sum over n, t of dY[n, o, t] X[c, n, s t + d u - pad]: a convolution of stride d and dilation s
 *
 * A group of samples is a group of the convolution: so each can have a filter of its own, and groups stay smaller than a
 * block, which lets the image be in plain order and a blocked signal be the filter as it lies. No patches, no moved copies.
 *
 * A blocked image is one picture a block of channels, whose columns are the block's channels next to each other: with the
 * dilation times the block, one row of results is all of them at all offsets. That keeps the processor busy with few
 * output channels too. In the other case, which leaves less to be put in order, a picture has one channel.
 * The image is padded to the sides only, for the runtime skips rows outside but not columns. It takes fewer samples than a
 * block, or whole blocks of them: for a single row empty samples fill the last.
 */
export function blockedRows(at: RuleContext, correlation: Correlation, rows: number): string | null {
  const { window, group, samples: n, weight } = correlation;
  const [out, inner, ...kernel] = weight as [number, number, ...number[]];
  if (at.block === 1 || kernel.length !== 2 || group !== 1 || out % at.block !== 0 || kernel.join() === '1,1')
    return null;
  const [height = 1, width = 1] = window.dilations;
  const lying = inner % at.block === 0 && width === 1; // columns between offsets would be results too
  const lanes = lying && (inner === at.block || rows < n) ? at.block : 1;
  const filled = n < at.block ? n : Math.ceil(n / at.block) * at.block;
  if (filled > n && rows > 1) return null;
  const groups = filled / largestDivisor(filled / rows, at.block - 1);
  const result = words(at).conv({
    x: lanes === 1 ? planes(at, correlation, filled) : interleaved(at, correlation, filled),
    filter: filters(at, correlation, { groups, filled }),
    group: groups,
    kernel: window.output,
    strides: [height, width],
    dilations: [window.strides[0] as number, (window.strides[1] as number) * lanes],
    pads: [window.padsBegin[0] as number, 0, Math.max(0, endPads(correlation)[0] as number), 0],
  });
  return inOrder(at, correlation, { result, rows, groups, lanes });
}

/** [pictures, groups, blocks of out, offsets, lanes, block] -> [rows, out, in, ...kernel] */
function inOrder(
  at: RuleContext,
  { weight }: Correlation,
  { result, rows, groups, lanes }: { result: string; rows: number; groups: number; lanes: number },
): string {
  const [out, inner, ...kernel] = weight as [number, number, ...number[]];
  const { block, sum, reshape, transpose } = at;
  const [offsets, pictures, blocks] = [kernel.reduce((a, b) => a * b, 1), inner / lanes, out / block];
  const one = blocks * offsets * lanes * block;
  const each = reshape(result, [pictures, rows, groups / rows, one]);
  const summed = groups === rows ? each : sum(each, [2]);
  const apart = transpose(reshape(summed, [pictures, rows * blocks, offsets * lanes * block]), [1, 0, 2]);
  const turned = transpose(reshape(apart, [rows * blocks, pictures * offsets * lanes, block]), [0, 2, 1]);
  const lined = lanes === 1 ? turned : transpose(reshape(turned, [rows * out * pictures, offsets, lanes]), [0, 2, 1]);
  return reshape(lined, [rows, out, inner, ...kernel]);
}

/** Cells to add behind the image so that the windows just end there; negative = cells that no window reaches. */
function endPads({ window }: Correlation): number[] {
  return reachOf(window).map((reach, i) => reach - (window.padsBegin[i] as number) - (window.input[i] as number));
}

/** The image as [channels, samples, H, W], with zeros to its left and right and for samples that there are not. */
function planes(at: RuleContext, correlation: Correlation, filled: number): string {
  const { image, window, samples: n } = correlation;
  const [low = 0, wide = 0] = endPads(correlation);
  const begin = window.padsBegin[1] as number;
  return at.pad(at.transpose(image, [1, 0, 2, 3]), [0, 0, 0, begin, 0, filled - n, Math.min(0, low), wide]);
}

/** A blocked image as [blocks of channels, samples, H, W * block], with the same zeros. */
function interleaved(at: RuleContext, correlation: Correlation, filled: number): string {
  const { image, window, samples: n, weight } = correlation;
  const [height, width] = window.input as [number, number];
  const [low = 0, wide = 0] = endPads(correlation);
  const begin = window.padsBegin[1] as number;
  const blocks = (weight[1] as number) / at.block;
  const lying = words(at).blocked(image);
  const pictures =
    blocks === 1 ? lying : at.transpose(at.reshape(lying, [n, blocks, height * width * at.block]), [1, 0, 2]);
  const apart = at.reshape(pictures, [blocks, n, height, width, at.block]);
  const padded = at.pad(apart, [0, 0, 0, begin, 0, 0, filled - n, Math.min(0, low), wide, 0]);
  return at.reshape(padded, [blocks, filled, height + Math.min(0, low), (begin + width + wide) * at.block]);
}

/** The signal as the filters of groups of samples: [groups * out, samples / groups, H, W], in blocks of out. */
function filters(
  at: RuleContext,
  { signal, samples: n, weight, window }: Correlation,
  { groups, filled }: { groups: number; filled: number },
): string {
  const { blocked, reshape, transpose } = words(at);
  const out = weight[0] as number;
  const together = filled / groups;
  const blocks = out / at.block;
  const cells = (window.output[0] as number) * (window.output[1] as number) * at.block;
  const lying = blocked(signal);
  const all = filled === n ? lying : at.pad(reshape(lying, [n, blocks * cells]), [0, 0, filled - n, 0]);
  const ordered =
    together === 1 || blocks === 1 ? all : transpose(reshape(all, [groups, together, blocks, cells]), [0, 2, 1, 3]);
  return reshape(ordered, [groups * out, together, ...window.output]);
}

function words({ emit, ints }: RuleContext): BlockedWords {
  return blockedWords({ emit: (op, inputs, values = {}) => emit(op, ...inputs, values), ints });
}

function largestDivisor(of: number, most: number): number {
  for (let size = Math.min(of, most); size > 1; size--) if (of % size === 0) return size;
  return 1;
}
