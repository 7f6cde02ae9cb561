import { DataError } from '../errors/errors.ts';
import { heading } from './array-source.ts';
import { framing } from './framing.ts';
import { fileHash, type ImageFolder } from './image-folder.node.ts';
import { decodePicture, type Picture, pictureSize, type RawPicture, scalePicture } from './pictures.node.ts';
import type { Preprocess } from './preprocess.ts';
import { readBytes } from './read-bytes.node.ts';
import type { Grid, RowSource } from './rows.ts';

/** Pictures unpacked at the same time: sharp has four threads, the rest waits for the disk. */
const AT_ONCE = 8;

/**
 * Rows out of picture files, read when they are asked for and not kept. Without a `size` all must have the size of the
 * first.
 *
 * @throws DataError  if the first picture cannot be read
 */
export async function imageSource(images: ImageFolder, options: Preprocess): Promise<RowSource> {
  const { files, labels } = images;
  const [height, width] = options.size ?? (await firstSize(files[0] as string, options));
  const read = async (index: number): Promise<Uint8Array> => {
    const name = files[index] as string;
    const picture = await decodePicture(await readBytes(name), options, name);
    return sameSize(picture, [height, width], name);
  };
  return {
    count: files.length,
    dims: [height, width, 3],
    picture: { channels: 3, height, width, planar: false },
    bytes: true,
    ...(labels && { labels }),
    rows: (indices) => inTurn(indices, read),
    pieces: () => imagePieces(images),
  };
}

/** The same rows scaled and cropped to `options.size`; one-channel pictures become rgb unless gray is asked for. */
export function scaledSource(
  source: RowSource & { readonly picture: Grid },
  options: Preprocess,
  name: string,
): RowSource {
  const { height, width } = source.picture;
  const plan = framing([height, width], options, name);
  if (plan.height === height && plan.width === width && plan.scaled[0] === height && plan.scaled[1] === width)
    return source;
  const gray = source.picture.channels === 1;
  const scale = async (index: number): Promise<Uint8Array> => {
    const [row] = await source.rows([index]);
    const raw = interleaved(row as Uint8Array, source.picture);
    const { data } = await scalePicture(raw, options, `${name}, row ${index}`);
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

async function firstSize(file: string, options: Preprocess): Promise<readonly [number, number]> {
  const { height, width } = framing(await pictureSize(await readBytes(file), file), options, file);
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
async function* imagePieces({ files, labels }: ImageFolder): AsyncIterable<string | Uint8Array> {
  yield `pictures ${files.length}\n`;
  for (const file of files) yield `${await fileHash(file)}\n`;
  if (labels === undefined) return;
  yield heading('labels', 'int32', [labels.length]);
  yield new Uint8Array(labels.buffer, labels.byteOffset, labels.byteLength);
}
