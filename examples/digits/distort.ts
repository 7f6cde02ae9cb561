import type { Random } from '../../src/tensor/random.ts';
import { blurred, type Field, type Move, type Point, SIZE } from './plane.ts';
import { between, type Range } from './range.ts';

/** How far the placing of a digit may stray; see DrawOptions for the units. */
export interface AffineRanges {
  readonly height: number;
  readonly rotation: number;
  readonly shear: number;
  readonly scale: Range;
  readonly shift: number;
}

/** From glyph units to pixels: scale, shear, rotation, shift. */
export function affine(rng: Random, { height, rotation, shear, scale, shift }: AffineRanges): Move {
  const angle = between(rng, [-rotation, rotation]);
  const slant = between(rng, [-shear, shear]);
  const [sx, sy] = [height * between(rng, scale), height * between(rng, scale)];
  const [dx, dy] = [between(rng, [-shift, shift]), between(rng, [-shift, shift])];
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return ({ x, y }) => {
    const v = sy * (y - 0.5);
    const u = sx * x - slant * v;
    return { x: SIZE / 2 + dx + cos * u - sin * v, y: SIZE / 2 + dy + sin * u + cos * v };
  };
}

/** A random displacement of each pixel, smoothed by a Gaussian and brought to the deviation asked for. */
export function elastic(rng: Random, deviation: number, smoothness: number): Move {
  const [right, down] = [field(rng, smoothness, deviation), field(rng, smoothness, deviation)];
  return (point) => ({ x: point.x + sample(right, point), y: point.y + sample(down, point) });
}

function field(rng: Random, smoothness: number, deviation: number): Field {
  const noise = Float32Array.from({ length: SIZE * SIZE }, () => rng.normal());
  const smooth = blurred(noise, smoothness);
  // white noise under a Gaussian of deviation s keeps the variance 1 / (4 pi s^2)
  const factor = deviation * 2 * Math.sqrt(Math.PI) * smoothness;
  return smooth.map((value) => factor * value);
}

/** Bilinear interpolation, the border continued outwards. */
function sample(values: Field, { x, y }: Point): number {
  const u = Math.min(Math.max(x, 0), SIZE - 1.001);
  const v = Math.min(Math.max(y, 0), SIZE - 1.001);
  const at = Math.floor(v) * SIZE + Math.floor(u);
  const [s, t] = [u % 1, v % 1];
  const top = (1 - s) * (values[at] as number) + s * (values[at + 1] as number);
  const bottom = (1 - s) * (values[at + SIZE] as number) + s * (values[at + SIZE + 1] as number);
  return (1 - t) * top + t * bottom;
}
