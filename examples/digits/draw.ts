import { type Random, random } from '../../src/tensor/random.ts';
import { affine, elastic } from './distort.ts';
import { GLYPHS, type GlyphPoint, type Stroke } from './glyphs.ts';
import { draw, pressure, trace } from './pen.ts';
import { blurred, SIZE } from './plane.ts';
import { between, type Range } from './range.ts';

/** How far a drawing may stray from its glyph. Lengths are in pixels of the picture unless another unit is named. */
export interface DrawOptions {
  /** Height of the written digit before scaling. */
  readonly height: number;
  /** Standard deviation of every glyph point, in digit heights: no two hands hold the pen alike. */
  readonly wobble: number;
  /** Largest rotation to either side, in radians. */
  readonly rotation: number;
  /** Largest shear to either side: a share of the height. */
  readonly shear: number;
  /** Range of the scale, drawn for x and y apart. */
  readonly scale: Range;
  /** Largest shift to any side. */
  readonly shift: number;
  /** Standard deviation of the elastic displacement. */
  readonly elastic: number;
  /** Reach of the elastic displacement: the standard deviation of the Gaussian that smooths it. */
  readonly smoothness: number;
  /** Range of the stroke's width. */
  readonly width: Range;
  /** Range of the blur: standard deviation of the Gaussian. */
  readonly blur: Range;
  /** Largest standard deviation of the ink's grain, as a share of full ink. */
  readonly grain: number;
}

/** What the shipped pictures were drawn with. */
export const DRAW_DEFAULTS: DrawOptions = {
  height: 18.5,
  wobble: 0.028,
  rotation: 0.32,
  shear: 0.35,
  scale: [0.7, 1.12],
  shift: 2.6,
  elastic: 1.15,
  smoothness: 4.2,
  width: [1.3, 3.4],
  blur: [0.3, 0.75],
  grain: 0.12,
};

/** Pictures with their classes. */
export interface DrawnDigits {
  /** [count, 1, 28, 28], 0 = paper, 255 = ink. */
  readonly pictures: Uint8Array;
  /** Digit of each picture. */
  readonly labels: Uint8Array;
}

/**
 * Draws digits, each class equally often, in random order.
 *
 * @param seed  picture i depends on the seed and i alone, so a longer set starts with the shorter one's drawings
 * Cost: about 1 ms a picture.
 */
export function drawDigits(seed: number | string, count: number, options: DrawOptions = DRAW_DEFAULTS): DrawnDigits {
  const pictures = new Uint8Array(count * SIZE * SIZE);
  const labels = new Uint8Array(count);
  const stream = random(seed);
  for (let i = 0; i < count; i++) {
    const rng = stream.fork(i);
    if (i % 10 === 0) labels.set(shuffledDigits(stream.fork(`order ${i}`)).subarray(0, count - i), i);
    pictures.set(drawDigit(rng, labels[i] as number, options), i * SIZE * SIZE);
  }
  return { pictures, labels };
}

function shuffledDigits(rng: Random): Uint8Array {
  const digits = Uint8Array.from({ length: 10 }, (_, i) => i);
  for (let i = 9; i > 0; i--) {
    const j = rng.integer(i + 1);
    const swap = digits[i] as number;
    digits[i] = digits[j] as number;
    digits[j] = swap;
  }
  return digits;
}

/**
 * Draws one digit: glyph, wobble, affine map, elastic displacement, pen, blur, grain.
 *
 * @returns [28 * 28], 0 = paper, 255 = ink
 */
export function drawDigit(rng: Random, digit: number, options: DrawOptions = DRAW_DEFAULTS): Uint8Array {
  const ways = GLYPHS[digit] as (typeof GLYPHS)[number];
  const glyph = ways[rng.integer(ways.length)] as readonly Stroke[];
  const place = affine(rng, options);
  const bend = elastic(rng, options.elastic, options.smoothness);
  const ink = new Float32Array(SIZE * SIZE);
  const width = between(rng, options.width);
  for (const stroke of glyph) {
    const path = trace(wobbled(stroke, rng, options.wobble)).map((point) => bend(place(point)));
    draw(ink, path, pressure(rng, width / 2));
  }
  return grained(blurred(ink, between(rng, options.blur)), rng, options.grain);
}

function wobbled(stroke: Stroke, rng: Random, deviation: number): GlyphPoint[] {
  return stroke.map(({ x, y, corner }) => ({
    x: x + deviation * rng.normal(),
    y: y + deviation * rng.normal(),
    corner,
  }));
}

/** Grey levels are multiples of this: nobody sees the difference, and the files become smaller. */
const GREY_STEP = 8;

/** Ink from 0 to 1 as grey levels from 0 to 255, with grain where there is ink. */
function grained(ink: Float32Array, rng: Random, largest: number): Uint8Array {
  const grain = largest * rng.uniform();
  return Uint8Array.from(ink, (value) => {
    const grey = 255 * value * (1 + grain * rng.normal());
    return Math.min(255, Math.max(0, GREY_STEP * Math.round(grey / GREY_STEP)));
  });
}
