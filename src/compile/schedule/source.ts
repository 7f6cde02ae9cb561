import type { ConvOperation } from '../operation.ts';
import { axisTaps, isPhased } from './convolution-form.ts';
import type { Buffer } from './step.ts';
import type { View } from './view.ts';

/** Where a convolution reads: elements between rows, channels, pictures of a batch, and phases. */
export interface Source {
  readonly buffer: Buffer;
  readonly offset: number;
  readonly row: number;
  readonly channel: number;
  readonly image: number;
  readonly phase: number;
}

/** Pictures as they lie. */
export function sourceOf({ buffer, offset, strides }: View): Source {
  const [image = 0, channel = 0, row = 0] = strides;
  return { buffer, offset, row, channel, image, phase: 0 };
}

/** Elements from an output's own place to what each weight of a plane reads, row by row. */
export function tapsOf(conv: ConvOperation, { row, phase }: Source): number[] {
  const strides: readonly [number, number] = isPhased(conv) ? conv.strides : [1, 1];
  const [rows, columns] = [axisTaps({ ...conv, strides }, 0), axisTaps({ ...conv, strides }, 1)];
  return rows.flatMap((y) => columns.map((x) => phase * (y.phase * strides[1] + x.phase) + y.shift * row + x.shift));
}
