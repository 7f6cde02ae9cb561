import type { Sharp, SharpOptions } from 'sharp';
import { DataError, messageOf } from '../errors/errors.ts';
import { framing } from './framing.ts';
import { LARGEST_PICTURE, type Picture, type PictureCodec, type RawPicture } from './pictures.ts';
import type { Preprocess } from './preprocess.ts';

const KERNELS = { nearest: 'nearest', bilinear: 'linear', bicubic: 'cubic', lanczos: 'lanczos3' } as const;

/** Pictures by sharp. */
export const sharpPictures: PictureCodec = { sizeOf: pictureSize, decode: decodePicture, scale: scalePicture };

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
 * As torchvision's loader: the first frame, colours as they are in the file (no colour profile), no turning by EXIF,
 * transparency dropped, gray made rgb, 16 bits cut to 8. A file with damage that a decoder would paint gray is refused.
 */
async function decodePicture(bytes: Uint8Array, options: Preprocess, name: string): Promise<Picture> {
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

async function pictureSize(bytes: Uint8Array, name: string): Promise<readonly [number, number]> {
  try {
    const { height, width } = await (await sharpOn(bytes, { limitInputPixels: false })).metadata();
    return [height, width];
  } catch (cause) {
    throw cause instanceof DataError ? cause : notReadable(name, cause);
  }
}

async function scalePicture(picture: RawPicture, options: Preprocess, name: string): Promise<Picture> {
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
