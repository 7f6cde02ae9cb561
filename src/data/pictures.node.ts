import type { Sharp, SharpOptions } from 'sharp';
import { DataError, messageOf } from '../errors/errors.ts';
import { framing } from './framing.ts';
import type { Preprocess } from './preprocess.ts';

/** A picture ready for the model but for its values: rgb bytes, pixel after pixel. */
export interface Picture {
  readonly data: Uint8Array;
  readonly height: number;
  readonly width: number;
}

/** Pixels already unpacked: one or three bytes each, pixel after pixel. */
export interface RawPicture extends Picture {
  readonly channels: 1 | 3;
}

/** Larger pictures are refused: unpacked they would fill the memory. */
export const LARGEST_PICTURE = 64 * 2 ** 20;

const KERNELS = { nearest: 'nearest', bilinear: 'linear', bicubic: 'cubic', lanczos: 'lanczos3' } as const;

/** sharp is loaded when the first picture is read: it costs 50 ms that other data need not pay. */
async function sharpOn(input: Uint8Array, options: SharpOptions): Promise<Sharp> {
  const { default: sharp } = await import('sharp').catch((cause) => {
    throw new DataError(
      `Cannot read pictures: sharp does not load on this machine: ${messageOf(cause).split('\n')[0]}`,
      {
        cause,
      },
    );
  });
  return sharp(input, { failOn: 'error', ignoreIcc: true, ...options });
}

/**
 * Unpacks a picture file, scales and crops it as {@link framing} says.
 *
 * As torchvision's loader: the first frame, colours as they are in the file (no colour profile), no turning by EXIF,
 * transparency dropped, gray made rgb, 16 bits cut to 8. A file with damage that a decoder would paint gray is refused.
 *
 * @param name  of the file, for messages
 * @throws DataError  if it is no picture, damaged, larger than {@link LARGEST_PICTURE} pixels, or smaller than the crop
 */
export async function decodePicture(bytes: Uint8Array, options: Preprocess, name: string): Promise<Picture> {
  const [height, width] = await pictureSize(bytes, name);
  if (height * width > LARGEST_PICTURE) {
    throw new DataError(
      `Cannot read "${name}": it is ${width} x ${height} pixels, wanted at most ${LARGEST_PICTURE}; make it smaller`,
      { fields: { width, height } },
    );
  }
  const pipeline = await sharpOn(bytes, { limitInputPixels: LARGEST_PICTURE });
  return frame(pipeline, [height, width], options, name);
}

/** Height and width from a picture's header. @throws DataError if it is no picture */
export async function pictureSize(bytes: Uint8Array, name: string): Promise<readonly [number, number]> {
  try {
    const { height, width } = await (await sharpOn(bytes, { limitInputPixels: false })).metadata();
    return [height, width];
  } catch (cause) {
    throw cause instanceof DataError ? cause : notReadable(name, cause);
  }
}

/** Scales and crops pixels that are unpacked already; the result is rgb. */
export async function scalePicture(picture: RawPicture, options: Preprocess, name: string): Promise<Picture> {
  const { data, height, width, channels } = picture;
  const pipeline = await sharpOn(data, { raw: { height, width, channels } });
  return frame(pipeline, [height, width], options, name);
}

async function frame(
  pipeline: Sharp,
  size: readonly [number, number],
  options: Preprocess,
  name: string,
): Promise<Picture> {
  const { scaled, top, left, height, width } = framing(size, options, name);
  let framed = pipeline;
  if (scaled[0] !== size[0] || scaled[1] !== size[1]) {
    const kernel = KERNELS[options.interpolation];
    framed = framed.resize({ height: scaled[0], width: scaled[1], fit: 'fill', kernel, fastShrinkOnLoad: false });
  }
  if (scaled[0] !== height || scaled[1] !== width) framed = framed.extract({ top, left, height, width });
  try {
    const data = await framed.toColourspace('srgb').removeAlpha().raw({ depth: 'uchar' }).toBuffer();
    return { data, height, width };
  } catch (cause) {
    throw notReadable(name, cause);
  }
}

function notReadable(name: string, cause: unknown): DataError {
  return new DataError(`Cannot read the picture "${name}": ${messageOf(cause)}; replace it or leave it out`, { cause });
}
