import type { ConvOperation } from '../operation.ts';
import type { Border } from './geometry.ts';
import type { Halving } from './step.ts';

/** Rows and columns of the kernels that are kept in registers. */
const KERNEL = 3;

/** Share of weights from which on all are multiplied: nine products from registers take the time of five and a half entries of a table. */
const LEAST_SHARE = 0.6;

/** Whether a convolution moves by two over single planes with kernels that are kept in registers, and full enough to multiply by zeros too. */
export function isHalving({ kernel, strides, dilations, groups, x, out, weights }: ConvOperation): boolean {
  const [, channels, height, width] = out.dims as [number, number, number, number];
  const isOfPlanes = groups === x.dims[1] && groups === channels;
  const isSmall = kernel.every((k) => k === KERNEL) && dilations.every((d) => d === 1) && strides.every((s) => s === 2);
  if (!isOfPlanes || !isSmall || height * width === 1) return false;
  return weights.reduce((count, w) => (w === 0 ? count : count + 1), 0) >= LEAST_SHARE * weights.length;
}

/** The border that a halving convolution reads around its input. */
export function halvingBorder({ x, out, pads }: ConvOperation): Border {
  const behind = (axis: 0 | 1): number => {
    const reach = 2 * ((out.dims[axis + 2] as number) - 1) + KERNEL - pads[axis];
    return Math.max(0, reach - (x.dims[axis + 2] as number));
  };
  return { top: pads[0], left: pads[1], bottom: behind(0), right: behind(1) };
}

/** The step of a halving convolution. */
export function halvingStep({ out }: ConvOperation, ends: Omit<Halving, 'kind' | 'height' | 'width'>): Halving {
  const [, , height, width] = out.dims as [number, number, number, number];
  return { kind: 'halving', ...ends, height, width };
}
