import { DataError, messageOf } from '../errors/errors.ts';
import { framing } from './framing.ts';
import { looksLike } from './looks-like.ts';
import { refuseCutOff, refuseInks, withoutOrientation } from './picture-bytes.ts';
import { LARGEST_PICTURE, type Picture, type PictureCodec, type RawPicture } from './pictures.ts';
import type { Preprocess } from './preprocess.ts';
import { resample } from './resample.ts';

/**
 * Pictures by the browser's decoders: the first frame, colours as they are in the file, no turning by EXIF. Differs from
 * Node in formats (whatever the browser reads), in the colours of half-transparent pixels, and by a level where a JPEG's
 * decoder rounds otherwise.
 */
export const browserPictures: PictureCodec = {
  sizeOf: async (bytes, name) => {
    const bitmap = await bitmapOf(bytes, name);
    const { height, width } = bitmap;
    bitmap.close();
    return [height, width];
  },
  decode: async (bytes, options, name) => scale(await unpack(bytes, name), options, name),
  scale,
};

async function bitmapOf(bytes: Uint8Array, name: string): Promise<ImageBitmap> {
  if (bytes.length === 0) throw new DataError(`Cannot read "${name}": it is empty`);
  refuseCutOff(bytes, name);
  refuseInks(bytes, name);
  try {
    const plain = new Blob([withoutOrientation(bytes) as Uint8Array<ArrayBuffer>]);
    return await createImageBitmap(plain, { colorSpaceConversion: 'none', premultiplyAlpha: 'none' });
  } catch (cause) {
    throw new DataError(
      `Cannot read the picture "${name}": this browser cannot unpack it (${looksLike(bytes)}; ${messageOf(cause)}); ` +
        'replace it or leave it out',
      { cause },
    );
  }
}

async function unpack(bytes: Uint8Array, name: string): Promise<RawPicture> {
  const bitmap = await bitmapOf(bytes, name);
  const { height, width } = bitmap;
  if (height * width > LARGEST_PICTURE) {
    bitmap.close();
    throw new DataError(
      `Cannot read "${name}": it is ${width} x ${height} pixels, wanted at most ${LARGEST_PICTURE}; make it smaller`,
      { fields: { width, height } },
    );
  }
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (context === null) throw new DataError(`Cannot read "${name}": this browser has no canvas to unpack it on`);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return { data: rgb(context.getImageData(0, 0, width, height).data), height, width, channels: 3 };
}

/** Transparency dropped. */
function rgb(rgba: Uint8ClampedArray): Uint8Array {
  const out = new Uint8Array((rgba.length / 4) * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    out[to] = rgba[from] as number;
    out[to + 1] = rgba[from + 1] as number;
    out[to + 2] = rgba[from + 2] as number;
  }
  return out;
}

async function scale(picture: RawPicture, options: Preprocess, name: string): Promise<Picture> {
  const { height, width, channels } = picture;
  const plan = framing([height, width], options, name);
  const whole = plan.height === height && plan.width === width && plan.top === 0 && plan.left === 0;
  const data = whole ? picture.data : resample(picture, plan, options.interpolation);
  return { data: channels === 3 ? data : tripled(data), height: plan.height, width: plan.width };
}

function tripled(gray: Uint8Array): Uint8Array {
  const out = new Uint8Array(gray.length * 3);
  gray.forEach((value, i) => out.fill(value, 3 * i, 3 * i + 3));
  return out;
}
