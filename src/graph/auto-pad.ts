import { intsAttribute, stringAttribute } from '../ir/access.ts';
import type { NodeForm } from './node-form.ts';

/**
 * Why a pooling by SAME_UPPER or SAME_LOWER is not what the standard says: where strides pass the kernel, onnxruntime pads by less
 * than nothing, and begins behind the first element or does not run. Convolutions are not concerned.
 */
export function skippedByAutoPad({ node, shape, outShape }: NodeForm): string | undefined {
  const auto = stringAttribute(node, 'auto_pad', 'NOTSET');
  if (!auto.startsWith('SAME')) return undefined;
  const kernel = intsAttribute(node, 'kernel_shape') ?? [];
  const strides = intsAttribute(node, 'strides') ?? kernel.map(() => 1);
  const dilations = intsAttribute(node, 'dilations') ?? kernel.map(() => 1);
  const begins = kernel.map((k, i) => {
    const reach =
      ((outShape(0)[i + 2] as number) - 1) * (strides[i] as number) + (k - 1) * (dilations[i] as number) + 1;
    const total = reach - (shape(0)[i + 2] as number);
    return Math.trunc((auto === 'SAME_LOWER' ? total + 1 : total) / 2);
  });
  return begins.some((begin) => begin < 0)
    ? `strides must not pass the kernel by 2 or more where auto_pad is "${auto}", current strides are [${strides}]`
    : undefined;
}
