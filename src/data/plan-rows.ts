import { OptionError } from '../errors/errors.ts';
import { sizeOf } from '../tensor/tensor.ts';
import { lineWriter } from './normalize.ts';
import type { Preprocess } from './preprocess.ts';
import type { RawData } from './raw-array.ts';
import type { Grid, RowSource } from './rows.ts';
import { type RowWriter, rowWriter } from './write-rows.ts';

/** A writer, and the shape in which it writes a row. */
export interface RowPlan {
  readonly dims: readonly number[];
  /** Size of the picture that a row is seen as. */
  readonly picture: { readonly height: number; readonly width: number };
  readonly write: RowWriter;
}

/**
 * Plans how rows of a source become a model's input: colours, layout, normalisation, augmentation.
 *
 * Pictures come out as [channels, height, width] or, for nhwc, [height, width, channels]; arrays keep their shape.
 *
 * @throws OptionError  if mean or std has neither one number nor one for each channel, or something that only pictures
 *                      have is asked of other rows
 */
export function planRows(source: RowSource, options: Preprocess): RowPlan {
  const stored = source.picture ?? arrayGrid(source.dims, options);
  if (source.picture === undefined) checkArray(source.dims, options);
  const toGray = options.channels === 'gray' && stored.channels === 3;
  const grid = toGray ? { ...stored, channels: 1 } : stored;
  const from = channelOrder(grid.channels, options);
  const planar = source.picture === undefined ? stored.planar : options.layout === 'nchw';
  const write = rowWriter(grid, { from, planar, write: lineWriter(options, from.length, source.bytes) });
  const { height, width } = stored;
  const dims = planar ? [from.length, height, width] : [height, width, from.length];
  return {
    dims: source.picture === undefined ? source.dims : dims,
    picture: { height, width },
    write: toGray ? (out, at, row, view) => write(out, at, luma(row, stored), view) : write,
  };
}

/** How an array's row is seen: [C,H,W] or [H,W,C] by layout, [H,W] with one channel, else channels of features. */
function arrayGrid(dims: readonly number[], options: Preprocess): Grid {
  const planar = options.layout === 'nchw';
  const [a = 1, b = 1, c = 1] = dims;
  if (dims.length === 3) return { channels: planar ? a : c, height: planar ? b : a, width: planar ? c : b, planar };
  if (dims.length === 2) return { channels: 1, height: a, width: b, planar: true };
  const single = options.mean.length === 1 && options.std.length === 1;
  const channels = single ? 1 : ((planar ? dims[0] : dims.at(-1)) ?? 1);
  return { channels, height: 1, width: sizeOf(dims) / channels, planar };
}

function checkArray(dims: readonly number[], { channels, size, augment }: Preprocess): void {
  const refuse = (option: string, value: unknown, wanted: string) => {
    throw new OptionError(`Cannot set ${option} to ${value}: ${wanted}, the data's rows are arrays of shape [${dims}]`);
  };
  if (channels !== 'stored') refuse('channels', channels, 'it is for pictures');
  if (size !== undefined) refuse('size', size.join('x'), 'it is for pictures');
  const flat = dims.length < 2 || dims.length > 3;
  if (flat && (augment.crop > 0 || augment.flip))
    refuse('augment', 'crop or flip', 'it wants [C,H,W], [H,W,C] or [H,W]');
}

/** The stored channel that each output channel is read from. */
function channelOrder(stored: number, { channels }: Preprocess): readonly number[] {
  if (stored === 1 && (channels === 'rgb' || channels === 'bgr')) return [0, 0, 0];
  const order = Array.from({ length: stored }, (_, c) => c);
  return channels === 'bgr' ? order.reverse() : order;
}

/** ITU-R 601 luma of rgb bytes, rounded as PIL's `convert("L")` rounds it: one channel, planar either way. */
function luma(row: RawData, grid: Grid): RawData {
  const size = grid.height * grid.width;
  const [step, next] = grid.planar ? [1, size] : [3, 1];
  const out = new Uint8Array(size);
  for (let p = 0, i = 0; p < size; p++, i += step) {
    const [r, g, b] = [row[i], row[i + next], row[i + 2 * next]] as [number, number, number];
    out[p] = (r * 19595 + g * 38470 + b * 7471 + 32768) >> 16;
  }
  return out;
}
