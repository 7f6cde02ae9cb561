import { DataError } from '../errors/errors.ts';
import type { Preprocess } from './preprocess.ts';

/** How a picture gets its output size: scaled to `scaled` (height, width), then the window cut out. */
export interface Framing {
  readonly scaled: readonly [number, number];
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/** Room left around the crop by default: 256 for 224, the usual protocol for ImageNet. */
const MARGIN = 256 / 224;

/**
 * Plans scaling and cropping of one picture. With an output size of h x w:
 *
 * - no `size`: the picture as it is, scaled to `resize` where given; nothing is cropped;
 * - the picture is h x w already: as it is;
 * - `resize` of one number: shorter side to that, proportions kept, then the centre h x w;
 * - `resize` of two numbers: to exactly that, then the centre h x w;
 * - no `resize`: scaled down until it just covers 8/7 of h x w (256 for 224), proportions kept; a smaller picture is not
 *   scaled up for that, only to just cover h x w; then the centre h x w.
 *
 * So 256 x 256 with size 224 is the centre crop alone. Odd margins leave the smaller half above and to the left.
 *
 * @param picture  [height, width]
 * @throws DataError  if the scaled picture is smaller than `size`
 */
export function framing(picture: readonly [number, number], options: Preprocess, name: string): Framing {
  const [h, w] = options.size ?? picture;
  const asIs = options.size !== undefined && h === picture[0] && w === picture[1];
  const scaled = asIs ? picture : scaledSize(picture, options);
  const [height, width] = options.size ?? scaled;
  if (scaled[0] < height || scaled[1] < width) {
    throw new DataError(
      `Cannot crop "${name}" to ${height} x ${width}: scaled by resize it is ${scaled[0]} x ${scaled[1]}; ` +
        `give a larger resize, or none`,
    );
  }
  const top = Math.floor((scaled[0] - height) / 2);
  return { scaled, top, left: Math.floor((scaled[1] - width) / 2), height, width };
}

function scaledSize(picture: readonly [number, number], options: Preprocess): readonly [number, number] {
  const [height, width] = picture;
  const { size, resize } = options;
  if (resize?.length === 2) return [resize[0] as number, resize[1] as number];
  if (resize !== undefined) return scaledBy(picture, (resize[0] as number) / Math.min(height, width), [1, 1]);
  if (size === undefined) return picture;
  const cover = Math.max(size[0] / height, size[1] / width);
  const roomy = Math.max(Math.round(size[0] * MARGIN) / height, Math.round(size[1] * MARGIN) / width);
  return scaledBy(picture, Math.min(roomy, Math.max(1, cover)), size);
}

function scaledBy(
  [height, width]: readonly [number, number],
  factor: number,
  least: readonly [number, number],
): readonly [number, number] {
  return [Math.max(least[0], Math.round(height * factor)), Math.max(least[1], Math.round(width * factor))];
}
