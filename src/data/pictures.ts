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

/** What unpacks and scales pictures. */
export interface PictureCodec {
  /** Height and width as a file says them. @throws DataError if it is no picture */
  readonly sizeOf: (bytes: Uint8Array, name: string) => Promise<readonly [number, number]>;
  /**
   * Unpacks a picture file, scales and crops it as `framing` says.
   *
   * @throws DataError  if it is no picture, damaged, larger than {@link LARGEST_PICTURE} pixels, or smaller than the crop
   */
  readonly decode: (bytes: Uint8Array, options: Preprocess, name: string) => Promise<Picture>;
  /** Scales and crops pixels that are unpacked already; the result is rgb. */
  readonly scale: (picture: RawPicture, options: Preprocess, name: string) => Promise<Picture>;
}
