import type { AttributeLike } from '../../ir/access.ts';
import { sizeOf } from '../../tensor/tensor.ts';

/** onnxruntime's own operators on blocked tensors. */
export const NCHWC = 'com.microsoft.nchwc';

/** A convolution over blocked tensors, in onnxruntime's words. */
export interface BlockedConv {
  /** Blocked [n, C, H, W]; plain where a group has fewer channels than a block. */
  readonly x: string;
  /** In the order that {@link filterOrder} makes. */
  readonly filter: string;
  /** [out] */
  readonly bias?: string | undefined;
  /** Blocked and shaped like the result, which it is added to. */
  readonly plus?: string | undefined;
  readonly relu?: boolean;
  readonly group: number;
  readonly kernel: readonly number[];
  readonly strides?: readonly number[];
  readonly dilations?: readonly number[];
  /** Begins of both axes, then ends. */
  readonly pads?: readonly number[];
}

/** Words for blocked tensors: declared [n, C, H, W], elements in the order [n, C / block, H, W, block]. */
export interface BlockedWords {
  /** Plain to blocked. C: a multiple of 4. */
  readonly blocked: (value: string) => string;
  readonly reshape: (value: string, dims: readonly number[]) => string;
  readonly transpose: (value: string, perm: readonly number[]) => string;
  /** The blocked result. */
  readonly conv: (conv: BlockedConv) => string;
  /**
   * [n, C]: for each sample and channel the sum over cells of a b, both blocked. One pass over both: a convolution of each
   * plane of a by the same plane of b, which has one cell.
   */
  readonly dots: (a: string, b: string, dims: readonly number[]) => string;
  /** [n, C]: means over cells. */
  readonly means: (value: string, dims: readonly number[]) => string;
}

/** What the words are written with; a GraphBuilder is one. */
export interface Emitter {
  emit(op: string, inputs: readonly string[], values?: Readonly<Record<string, AttributeLike>>): string;
  ints(values: readonly number[]): string;
}

/** The words over a builder. */
export function blockedWords(builder: Emitter): BlockedWords {
  const reshape = (value: string, dims: readonly number[]): string =>
    builder.emit('Reshape', [value, builder.ints(dims)], { allowzero: 1 });
  const transpose = (value: string, perm: readonly number[]): string => builder.emit('Transpose', [value], { perm });
  const conv = (c: BlockedConv): string => {
    const inputs = [c.x, c.filter, c.bias ?? '', c.plus ?? ''];
    while (inputs.at(-1) === '') inputs.pop();
    return builder.emit(`${NCHWC}::Conv`, inputs, {
      group: c.group,
      kernel_shape: c.kernel,
      strides: c.strides ?? [1, 1],
      dilations: c.dilations ?? [1, 1],
      pads: c.pads ?? [0, 0, 0, 0],
      ...(c.relu ? { activation: 'Relu' } : {}),
    });
  };
  return {
    blocked: (value) => builder.emit(`${NCHWC}::ReorderInput`, [value]),
    reshape,
    transpose,
    conv,
    dots: (a, b, dims) => {
      const [n, c, ...cells] = dims as [number, number, ...number[]];
      const planes = n * c;
      const x = reshape(a, [1, planes, ...cells]);
      const filter = reshape(b, [planes, 1, ...cells]);
      return reshape(conv({ x, filter, group: planes, kernel: cells }), [n, c]);
    },
    means: (value, dims) =>
      reshape(builder.emit(`${NCHWC}::GlobalAveragePool`, [value]), [dims[0] as number, dims[1] as number]),
  };
}

/**
 * A filter [out, in, ...kernel] in the order of blocked convolutions: [out / block, in / block, cells, in block, out block],
 * or without blocks of `in` where a group has fewer channels than that. Its declared shape stays.
 */
export function filterOrder(
  { reshape, transpose }: Pick<BlockedWords, 'reshape' | 'transpose'>,
  filter: string,
  { dims, block }: { dims: readonly number[]; block: number },
): string {
  const [out, inner, ...kernel] = dims as [number, number, ...number[]];
  const cells = sizeOf(kernel);
  const inBlock = inner < block ? 1 : block;
  if (inner * cells === 1) return filter;
  const split = reshape(filter, [out / block, block, inner / inBlock, inBlock, cells]);
  return reshape(transpose(split, [0, 2, 4, 3, 1]), dims);
}
