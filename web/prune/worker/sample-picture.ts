import { type PreprocessOptions, resolvePreprocess } from '../../../src/data/preprocess.ts';
import type { Tensor } from '../../../src/tensor/tensor.ts';
import type { Compared } from '../protocol.ts';

/** Where the elements of a sample's picture are. */
interface Place {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  at(channel: number, pixel: number): number;
}

/** Smaller samples are no pictures that anybody could look at. */
const SMALLEST_SIDE = 4;

/**
 * A sample as a picture to look at: its values as they were stored, or stretched to what a screen can show where those are
 * no bytes.
 *
 * @param sample  [1, ...dims]
 * @returns       null if its shape is not that of a picture
 */
export function samplePicture(sample: Tensor, preprocess: PreprocessOptions): Compared['picture'] {
  const place = placeOf(sample.dims.slice(1));
  if (place === null) return null;
  const { channels, height, width } = place;
  const stored = storedValues(sample, place, preprocess);
  const [least, most] = rangeOf(stored);
  const data = new Uint8ClampedArray(height * width * 4).fill(255);
  const size = height * width;
  for (let pixel = 0; pixel < size; pixel++)
    for (let c = 0; c < 3; c++) {
      const value = stored[Math.min(c, channels - 1) * size + pixel] as number;
      data[4 * pixel + c] = ((value - least) * 255) / (most - least);
    }
  return { data, width, height };
}

function placeOf(dims: readonly number[]): Place | null {
  const [a = 0, b = 0, c = 0] = dims;
  const isSide = (side: number): boolean => side >= SMALLEST_SIDE;
  if (dims.length === 3 && (a === 1 || a === 3) && isSide(b) && isSide(c))
    return { channels: a, height: b, width: c, at: (channel, pixel) => channel * b * c + pixel };
  if (dims.length === 3 && (c === 1 || c === 3) && isSide(a) && isSide(b))
    return { channels: c, height: a, width: b, at: (channel, pixel) => pixel * c + channel };
  if (dims.length === 2 && isSide(a) && isSide(b)) return { channels: 1, height: a, width: b, at: (_, pixel) => pixel };
  const side = Math.sqrt(a);
  if (dims.length === 1 && Number.isInteger(side) && side >= 8)
    return { channels: 1, height: side, width: side, at: (_, pixel) => pixel };
  return null;
}

/** Channel after channel in the order red, green, blue, before scaling and normalisation. */
function storedValues(
  sample: Tensor,
  { channels, height, width, at }: Place,
  options: PreprocessOptions,
): Float64Array {
  const { scale, mean, std, channels: order } = resolvePreprocess(options);
  const size = height * width;
  const stored = new Float64Array(channels * size);
  for (let c = 0; c < channels; c++) {
    const from = order === 'bgr' ? channels - 1 - c : c;
    const [m, s] = [(mean[from] ?? mean[0]) as number, (std[from] ?? std[0]) as number];
    for (let pixel = 0; pixel < size; pixel++)
      stored[c * size + pixel] = (Number(sample.data[at(from, pixel)]) * s + m) / scale;
  }
  return stored;
}

/** Bytes keep their range, and so do shares of one; anything else is stretched. */
function rangeOf(values: Float64Array): readonly [number, number] {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  if (least > -0.5 && most > 1.01 && most < 255.5) return [0, 255];
  if (least > -0.01 && most <= 1.01) return [0, 1];
  return [least, most > least ? most : least + 1];
}
