import { intAttribute, intsAttribute, stringAttribute } from '../ir/access.ts';
import type { Node } from '../ir/model.ts';

/** How a sliding window (convolution, pooling) lies over its input, for each spatial axis. */
export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly padsBegin: readonly number[];
  readonly padsEnd: readonly number[];
  readonly input: readonly number[];
  readonly output: readonly number[];
}

/**
 * Reads a window's attributes; `auto_pad` is resolved to numbers from the captured shapes.
 *
 * SAME_*: total pad = max((out - 1) stride + (kernel - 1) dilation + 1 - in, 0), the odd one at the end (UPPER) or begin (LOWER)
 */
export function windowOf(
  node: Node,
  kernel: readonly number[],
  input: readonly number[],
  output: readonly number[],
): Window {
  const ones = kernel.map(() => 1);
  const strides = intsAttribute(node, 'strides') ?? ones;
  const dilations = intsAttribute(node, 'dilations') ?? ones;
  const auto = stringAttribute(node, 'auto_pad', 'NOTSET');
  if (auto === 'NOTSET' || auto === '') {
    const pads = intsAttribute(node, 'pads') ?? [...ones, ...ones].map(() => 0);
    return {
      kernel,
      strides,
      dilations,
      padsBegin: pads.slice(0, kernel.length),
      padsEnd: pads.slice(kernel.length),
      input,
      output,
    };
  }
  const totals = kernel.map((k, i) => {
    const reach = ((output[i] as number) - 1) * (strides[i] as number) + (k - 1) * (dilations[i] as number) + 1;
    return auto === 'VALID' ? 0 : Math.max(reach - (input[i] as number), 0);
  });
  const small = totals.map((t) => Math.floor(t / 2));
  const large = totals.map((t) => t - Math.floor(t / 2));
  const [padsBegin, padsEnd] = auto === 'SAME_LOWER' ? [large, small] : [small, large];
  return { kernel, strides, dilations, padsBegin, padsEnd, input, output };
}

/** Cells of the padded input that the windows reach at most: (out - 1) stride + (kernel - 1) dilation + 1. */
export function reachOf({ kernel, strides, dilations, output }: Window): number[] {
  return kernel.map(
    (k, i) => ((output[i] as number) - 1) * (strides[i] as number) + (k - 1) * (dilations[i] as number) + 1,
  );
}

/**
 * Attributes of a ConvTranspose that scatters from this window's output back to its input. Cells past the last window
 * get no gradient: they are made up by output_padding; cells that windows reach beyond the padding (ceil_mode) are cut
 * off by a larger end pad.
 */
export function scatterAttributes(window: Window): Record<string, readonly number[]> {
  const { strides, dilations, padsBegin, padsEnd, input } = window;
  const reach = reachOf(window);
  const rest = input.map((size, i) => size + (padsBegin[i] as number) + (padsEnd[i] as number) - (reach[i] as number));
  const output_padding = rest.map((r) => Math.max(0, r));
  const ends = padsEnd.map((p, i) => p + Math.max(0, -(rest[i] as number)));
  return { strides, dilations, pads: [...padsBegin, ...ends], output_padding };
}

/** All kernel positions, last axis fastest. */
export function offsets(kernel: readonly number[]): number[][] {
  return kernel.reduce<number[][]>(
    (all, k) => all.flatMap((head) => Array.from({ length: k }, (_, i) => [...head, i])),
    [[]],
  );
}

/** The group attribute. */
export function groupOf(node: Node): number {
  return intAttribute(node, 'group', 1);
}
