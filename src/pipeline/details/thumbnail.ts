import type { BytePicture } from '../../report/png.ts';

/** Thumbnails are at most so many pixels wide and high. */
const MOST = 48;
/** A flat row of at least so many values that is a square number is taken for a grey picture. */
const LEAST_FLAT = 64;

/** How the values of a picture were normalised: value = (stored - mean) / std. */
export interface Normalised {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/**
 * A sample as a small picture: [C, H, W] or [H, W, C] with one or three channels, [H, W], or a flat square. Null for others.
 * Values outside 0 to 1 (or 0 to 255) after undoing the normalisation are stretched to fit.
 */
export function pictureOf(
  values: Float32Array,
  dims: readonly number[],
  { mean, std }: Normalised,
): BytePicture | null {
  const form = formOf(dims);
  if (form === null) return null;
  const { height, width, channels, at } = form;
  const step = Math.max(1, Math.ceil(Math.max(height, width) / MOST));
  const [rows, columns] = [Math.floor(height / step), Math.floor(width / step)];
  const light = new Float32Array(rows * columns * channels);
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let i = 0; i < step * step; i++)
          sum += values[at(c, y * step + Math.floor(i / step), x * step + (i % step))] as number;
        const [m, s] = [mean[c % mean.length] ?? 0, std[c % std.length] ?? 1];
        light[(y * columns + x) * channels + c] = (sum / step ** 2) * s + m;
      }
    }
  }
  return { height: rows, width: columns, channels, pixels: toBytes(light) };
}

interface Form {
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
  at(channel: number, y: number, x: number): number;
}

function formOf(dims: readonly number[]): Form | null {
  const [a = 0, b = 0, c = 0] = dims;
  if (dims.length === 3 && (a === 1 || a === 3) && b > 3 && c > 3)
    return { channels: a, height: b, width: c, at: (channel, y, x) => (channel * b + y) * c + x };
  if (dims.length === 3 && (c === 1 || c === 3) && a > 3 && b > 3)
    return { channels: c, height: a, width: b, at: (channel, y, x) => (y * b + x) * c + channel };
  if (dims.length === 2 && a > 3 && b > 3) return { channels: 1, height: a, width: b, at: (_, y, x) => y * b + x };
  const side = Math.sqrt(a);
  if (dims.length === 1 && a >= LEAST_FLAT && Number.isInteger(side))
    return { channels: 1, height: side, width: side, at: (_, y, x) => y * side + x };
  return null;
}

/** Rounding takes values a little outside their range. */
const SLACK = 0.02;

function toBytes(light: Float32Array): Uint8Array {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const x of light) [low, high] = [Math.min(low, x), Math.max(high, x)];
  const isUnit = low >= -SLACK && high <= 1 + SLACK;
  const isByte = low >= -255 * SLACK && high <= 255 * (1 + SLACK);
  const [from, to] = isUnit ? [0, 1] : isByte ? [0, 255] : [low, high];
  const scale = to > from ? 255 / (to - from) : 0;
  return Uint8Array.from(light, (x) => Math.max(0, Math.min(255, Math.round((x - from) * scale))));
}
