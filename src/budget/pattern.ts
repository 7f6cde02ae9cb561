import { OptionError } from '../errors/errors.ts';
import type { KernelOrder } from '../graph/weight-matrix.ts';

/** How the inputs of a convolution follow on each other: `channels-last` = [kernel, channels], `channels-first` = [channels, kernel]. */
export const KERNEL_ORDERS = ['channels-last', 'channels-first'] as const;
/** What sparse matrix units and sparse kernels read: all channels at one place of the kernel, then the next place. */
export const KERNEL_ORDER_DEFAULT: KernelOrder = 'channels-last';

/** What a pattern asks: at most n of every m neighbouring inputs of an output; or whole tiles of outputs x inputs. */
export type Pattern =
  | { readonly kind: 'n:m'; readonly n: number; readonly m: number }
  | { readonly kind: 'block'; readonly height: number; readonly width: number };

/**
 * Reads a pattern: `2:4`, `block:4x1` (outputs x inputs).
 *
 * @throws OptionError if it is none
 */
export function patternOf(text: string): Pattern {
  const [, n, m] = /^(\d+):(\d+)$/.exec(text.trim())?.map(Number) ?? [];
  if (n !== undefined && m !== undefined) {
    if (n < 1 || n >= m)
      throw new OptionError(
        `Cannot keep ${n} of every ${m} weights: wanted N:M with N from 1 and below M, such as 2:4`,
      );
    return { kind: 'n:m', n, m };
  }
  const [, height, width] = /^block:(\d+)x(\d+)$/.exec(text.trim())?.map(Number) ?? [];
  if (height === undefined || width === undefined)
    throw new OptionError(
      `Cannot prune in the pattern "${text}": wanted N:M, such as 2:4, or block:HxW (outputs x inputs), such as block:4x1`,
    );
  if (height * width < 2)
    throw new OptionError(`Cannot prune in blocks of ${height}x${width}: wanted at least two weights in a block`);
  return { kind: 'block', height, width };
}

/** Share of the weights that a pattern removes by itself, where the groups divide evenly. */
export function patternShare(text: string | undefined): number {
  const pattern = text === undefined ? undefined : patternOf(text);
  return pattern?.kind === 'n:m' ? 1 - pattern.n / pattern.m : 0;
}
