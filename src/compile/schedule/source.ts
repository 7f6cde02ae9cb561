import type { ConvOperation } from '../operation.ts';
import { axisTaps, isPhased } from './convolution-form.ts';
import type { Buffer, TileLoop } from './step.ts';
import type { View } from './view.ts';

/** Where pictures lie that convolutions read and make: elements between rows, channels, pictures of a batch, and phases. */
export interface Source {
  readonly buffer: Buffer;
  readonly offset: number;
  readonly row: number;
  /** Rows that lie together, and elements from the first of them to the first of the next. */
  readonly block: { readonly rows: number; readonly stride: number };
  readonly channel: number;
  readonly image: number;
  readonly phase: number;
}

/** Pictures as they lie. */
export function sourceOf({ buffer, offset, strides }: View): Source {
  const [image = 0, channel = 0, row = 0] = strides;
  return { buffer, offset, row, block: { rows: 1, stride: row }, channel, image, phase: 0 };
}

/** Elements from an output's own place to what each weight of a plane reads, row by row. */
export function tapsOf(conv: ConvOperation, { row, phase }: Source): number[] {
  const strides: readonly [number, number] = isPhased(conv) ? conv.strides : [1, 1];
  const [rows, columns] = [axisTaps({ ...conv, strides }, 0), axisTaps({ ...conv, strides }, 1)];
  return rows.flatMap((y) => columns.map((x) => phase * (y.phase * strides[1] + x.phase) + y.shift * row + x.shift));
}

/** How the blocks of two pictures of one size run on, of which one or none has its rows in blocks; for a single row each where none has. */
export function blocksOf(from: Source, to: Source): TileLoop {
  const count = Math.max(from.block.rows, to.block.rows);
  const stride = ({ block, row }: Source): number => (block.rows === count ? block.stride : count * row);
  return { count, from: stride(from), to: stride(to) };
}
