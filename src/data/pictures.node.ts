import type { Metadata, Sharp, SharpOptions } from 'sharp';
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
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND';
    throw new DataError(
      isMissing
        ? 'Cannot read pictures: sharp is not installed; run "npm install sharp"'
        : `Cannot read pictures: sharp does not load on this machine: ${messageOf(cause).split('\n')[0]}`,
      { cause },
    );
  });
  return sharp(input, { failOn: 'error', ignoreIcc: true, ...options });
}

/**
 * As torchvision's loader: the first frame, colours as they are in the file (no colour profile), no turning by EXIF,
 * transparency dropped, gray and CMYK made rgb, 16 bits cut to 8. A file with damage that a decoder would paint gray is refused.
 */
async function decodePicture(bytes: Uint8Array, options: Preprocess, name: string): Promise<Picture> {
  const { height, width, space } = await headOf(bytes, name);
  if (height * width > LARGEST_PICTURE) {
    throw new DataError(
      `Cannot read "${name}": it is ${width} x ${height} pixels, wanted at most ${LARGEST_PICTURE}; make it smaller`,
      { fields: { width, height } },
    );
  }
  const pipeline = await sharpOn(bytes, { limitInputPixels: LARGEST_PICTURE });
  const isInks = space === 'cmyk';
  return frame(isInks ? await fromInks(pipeline, [height, width], name) : pipeline, [height, width], options, name);
}

/**
 * A picture in four inks as rgb by the plain formula that other readers have, not by a profile of some press:
 *
 *   r = (255 - k) - c (255 - k) / 255, rounded                and so for g of m and b of y
 */
async function fromInks(pipeline: Sharp, [height, width]: readonly [number, number], name: string): Promise<Sharp> {
  const inks = await pipeline
    .pipelineColourspace('cmyk')
    .toColourspace('cmyk')
    .raw({ depth: 'uchar' })
    .toBuffer()
    .catch((cause) => {
      throw notReadable(name, cause);
    });
  const each = inks.length / (height * width); // with a fifth number where there is transparency
  const data = new Uint8Array(3 * height * width);
  for (let from = 0, to = 0; to < data.length; from += each, to += 3) {
    const light = 255 - (inks[from + 3] as number);
    for (let i = 0; i < 3; i++) data[to + i] = light - Math.round(((inks[from + i] as number) * light) / 255);
  }
  return sharpOn(data, { raw: { height, width, channels: 3 } });
}

async function pictureSize(bytes: Uint8Array, name: string): Promise<readonly [number, number]> {
  const { height, width } = await headOf(bytes, name);
  return [height, width];
}

async function headOf(bytes: Uint8Array, name: string): Promise<Metadata> {
  try {
    return await (await sharpOn(bytes, { limitInputPixels: false })).metadata();
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
