import type { Framing } from './framing.ts';
import type { RawPicture } from './pictures.ts';
import type { Interpolation } from './preprocess.ts';

interface Kernel {
  /** Half its width, in source pixels where the picture grows. */
  readonly support: number;
  readonly at: (x: number) => number;
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

const KERNELS: Readonly<Record<Exclude<Interpolation, 'nearest'>, Kernel>> = {
  bilinear: { support: 1, at: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { support: 2, at: catmullRom },
  lanczos: { support: 3, at: (x) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

/** The cubic through its points with a = -1/2. Source: Keys 1981, eq. 15. */
function catmullRom(x: number): number {
  const t = Math.abs(x);
  if (t >= 2) return 0;
  return t < 1 ? (1.5 * t - 2.5) * t * t + 1 : ((-0.5 * t + 2.5) * t - 4) * t + 2;
}

/** What one pixel of an axis is made of: source pixels from `first` on, and their weights, which add up to one. */
interface Tap {
  readonly first: number;
  readonly weights: Float64Array;
}

/**
 * Scales a picture and cuts out its window, one axis after the other. Where the picture shrinks the kernel is widened, so
 * that nothing aliases.
 *
 * @returns  bytes of the window, pixel after pixel, as many channels as the picture has
 * Cost: window width x source height x kernel width, and half of that again for the other axis; f64.
 */
export function resample(
  picture: RawPicture,
  { scaled, ...window }: Framing,
  interpolation: Interpolation,
): Uint8Array {
  const { height, width } = picture;
  const across = taps(width, { to: scaled[1], from: window.left, count: window.width }, interpolation);
  const down = taps(height, { to: scaled[0], from: window.top, count: window.height }, interpolation);
  const narrow = resampleRows(picture, across);
  return resampleColumns(narrow, down, window.width * picture.channels);
}

function taps(
  length: number,
  { to, from, count }: { to: number; from: number; count: number },
  interpolation: Interpolation,
): Tap[] {
  const step = length / to;
  return Array.from({ length: count }, (_, i) => {
    const centre = (from + i + 0.5) * step;
    if (interpolation === 'nearest')
      return { first: Math.min(length - 1, Math.floor(centre)), weights: Float64Array.of(1) };
    return weighted(KERNELS[interpolation], { centre, stretch: Math.max(1, step), length });
  });
}

function weighted(
  kernel: Kernel,
  { centre, stretch, length }: { centre: number; stretch: number; length: number },
): Tap {
  const reach = kernel.support * stretch;
  const first = Math.max(0, Math.floor(centre - reach));
  const last = Math.min(length - 1, Math.ceil(centre + reach) - 1);
  const weights = Float64Array.from({ length: last - first + 1 }, (_, k) =>
    kernel.at((first + k + 0.5 - centre) / stretch),
  );
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return { first, weights: weights.map((weight) => weight / sum) };
}

/** [height, taps, channels] in f64. */
function resampleRows({ data, height, width, channels }: RawPicture, across: readonly Tap[]): Float64Array {
  const out = new Float64Array(height * across.length * channels);
  let at = 0;
  for (let y = 0; y < height; y++) {
    for (const { first, weights } of across) {
      const start = (y * width + first) * channels;
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let k = 0; k < weights.length; k++)
          sum += (weights[k] as number) * (data[start + k * channels + c] as number);
        out[at++] = sum;
      }
    }
  }
  return out;
}

function resampleColumns(rows: Float64Array, down: readonly Tap[], rowLength: number): Uint8Array {
  const out = new Uint8Array(down.length * rowLength);
  down.forEach(({ first, weights }, y) => {
    for (let x = 0; x < rowLength; x++) {
      let sum = 0;
      for (let k = 0; k < weights.length; k++)
        sum += (weights[k] as number) * (rows[(first + k) * rowLength + x] as number);
      out[y * rowLength + x] = Math.min(255, Math.max(0, Math.round(sum)));
    }
  });
  return out;
}
