import { DataError } from '../errors/errors.ts';
import { heading } from './array-source.ts';
import { framing } from './framing.ts';
import type { Picture, PictureCodec, RawPicture } from './pictures.ts';
import type { Preprocess } from './preprocess.ts';
import type { Grid, RowSource } from './rows.ts';

/** A picture's file, wherever it lies. */
export interface PictureFile {
  /** For messages. */
  readonly name: string;
  readonly read: () => Promise<Uint8Array>;
}

/** The pictures of a folder, in their order. */
export interface ImageFiles {
  readonly files: readonly PictureFile[];
  /** One for each file; absent where the folder has neither classes nor a labels.csv. */
  readonly labels?: Int32Array;
}

/** What works on pictures: a codec, and SHA-256 in hexadecimal. */
export interface PictureTools {
  readonly codec: PictureCodec;
  readonly sha256: (bytes: Uint8Array) => Promise<string>;
}

/** Pictures unpacked at the same time: sharp has four threads, the rest waits for the disk. */
const AT_ONCE = 8;

/**
 * Rows out of picture files, read when they are asked for and not kept. Without a `size` all must have the size of the
 * first.
 *
 * @throws DataError  if the first picture cannot be read
 */
export async function imageSource(images: ImageFiles, options: Preprocess, tools: PictureTools): Promise<RowSource> {
  const { files, labels } = images;
  const { codec, sha256 } = tools;
  const [height, width] = options.size ?? (await firstSize(files[0] as PictureFile, options, codec));
  const read = async (index: number): Promise<Uint8Array> => {
    const file = files[index] as PictureFile;
    const picture = await codec.decode(await file.read(), options, file.name);
    return sameSize(picture, [height, width], file.name);
  };
  return {
    count: files.length,
    dims: [height, width, 3],
    picture: { channels: 3, height, width, planar: false },
    bytes: true,
    ...(labels && { labels }),
    rows: (indices) => inTurn(indices, read),
    pieces: () => imagePieces(images, sha256),
  };
}

/** The same rows scaled and cropped to `options.size`; one-channel pictures become rgb unless gray is asked for. */
export function scaledSource(
  source: RowSource & { readonly picture: Grid },
  options: Preprocess,
  { name, codec }: { name: string; codec: PictureCodec },
): RowSource {
  const { height, width } = source.picture;
  const plan = framing([height, width], options, name);
  if (plan.height === height && plan.width === width && plan.scaled[0] === height && plan.scaled[1] === width)
    return source;
  const gray = source.picture.channels === 1;
  const scale = async (index: number): Promise<Uint8Array> => {
    const [row] = await source.rows([index]);
    const raw = interleaved(row as Uint8Array, source.picture);
    const { data } = await codec.scale(raw, options, `${name}, row ${index}`);
    return gray ? data.filter((_, i) => i % 3 === 0) : data;
  };
  const channels = gray ? 1 : 3;
  return {
    ...source,
    dims: [plan.height, plan.width, channels],
    picture: { channels, height: plan.height, width: plan.width, planar: false },
    rows: (indices) => inTurn(indices, scale),
  };
}

async function firstSize(
  { name, read }: PictureFile,
  options: Preprocess,
  codec: PictureCodec,
): Promise<readonly [number, number]> {
  const { height, width } = framing(await codec.sizeOf(await read(), name), options, name);
  return [height, width];
}

function sameSize(picture: Picture, [height, width]: readonly [number, number], name: string): Uint8Array {
  if (picture.height === height && picture.width === width) return picture.data;
  throw new DataError(
    `Cannot put "${name}" into a batch: it is ${picture.height} x ${picture.width}, the first picture is ` +
      `${height} x ${width}; set size`,
  );
}

/** Every index through `read`, a few at a time, results in order. */
async function inTurn(indices: ArrayLike<number>, read: (index: number) => Promise<Uint8Array>): Promise<Uint8Array[]> {
  const out = new Array<Uint8Array>(indices.length);
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < indices.length) {
      const k = next++;
      out[k] = await read(indices[k] as number);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, indices.length) }, work));
  return out;
}

function interleaved(row: Uint8Array, { channels, height, width, planar }: Grid): RawPicture {
  const size = height * width;
  const data = planar && channels > 1 ? new Uint8Array(row.length) : row;
  if (data !== row) row.forEach((value, i) => (data[(i % size) * channels + Math.floor(i / size)] = value));
  return { data, height, width, channels: channels as 1 | 3 };
}

/** A digest of every file, so that the hash of the data changes with any byte of any picture. */
async function* imagePieces(
  { files, labels }: ImageFiles,
  sha256: PictureTools['sha256'],
): AsyncIterable<string | Uint8Array> {
  yield `pictures ${files.length}\n`;
  for (const file of files) yield `${await sha256(await file.read())}\n`;
  if (labels === undefined) return;
  yield heading('labels', 'int32', [labels.length]);
  yield new Uint8Array(labels.buffer, labels.byteOffset, labels.byteLength);
}
