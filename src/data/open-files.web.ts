import { DataError, messageOf } from '../errors/errors.ts';
import type { AddressKind } from './address.ts';
import { type ByteSource, bytesInMemory, type NamedBytes } from './byte-source.ts';
import type { Dataset } from './dataset.ts';
import { hashBytes, hashRows } from './hash.web.ts';
import { isClutter, LABELS_FILE } from './image-folder.ts';
import { isGzip } from './looks-like.ts';
import { parseNpy } from './npy.ts';
import { type ImageRows, type OpenOptions, openRows, type RowTools } from './open-rows.ts';
import { browserPictures } from './pictures.web.ts';
import { HEAD_BYTES, imagesAmong, recogniseFiles } from './recognise-files.ts';

/** A file that a user gave to a page. */
export interface GivenFile {
  /** With the folders above it as far as they were given, parted by slashes. */
  readonly path: string;
  readonly blob: Blob;
}

const TOOLS: RowTools = { codec: browserPictures, sha256: hashBytes, hashRows };
const WHOLE = { start: undefined, end: undefined };

/**
 * Opens files that a user gave to a page, whatever kind of data they are: what an address says elsewhere is told from the
 * files. Arrays are read whole, pictures (those of CIFAR-10 too) when they are asked for. Nothing leaves the page.
 *
 * @throws DataError    if they are of no known kind or mixed, damaged, or do not fit the model
 * @throws OptionError  if the preprocessing cannot be carried out
 */
export async function openFiles(given: readonly GivenFile[], options: OpenOptions = {}): Promise<Dataset> {
  const files = given.filter(({ path }) => !isClutter(path));
  const heads = await Promise.all(
    files.map(async ({ path, blob }) => ({ path, head: await bytesOf(path, blob.slice(0, HEAD_BYTES)) })),
  );
  const kind = recogniseFiles(heads);
  if (kind === 'images') return openRows(await imageRows(files), options, TOOLS);
  if (kind === 'cifar10') {
    const batches = (await Promise.all(files.map(pieces))).toSorted((a, b) => (a.name < b.name ? -1 : 1));
    return openRows({ kind, files: batches, range: WHOLE, address: addressOf(kind, batches) }, options, TOOLS);
  }
  const read: NamedBytes[] = [];
  for (const file of files) read.push({ name: file.path, bytes: await unzipped(file) });
  const ordered = inOrder(kind, read);
  return openRows({ kind, files: ordered, range: WHOLE, address: addressOf(kind, ordered) }, options, TOOLS);
}

function addressOf(kind: AddressKind, files: readonly { readonly name: string }[]): string {
  return `${kind}:${files.map(({ name }) => name).join(',')}`;
}

/** A file to be read piece by piece; one that is packed is unpacked at once. */
async function pieces(file: GivenFile): Promise<ByteSource> {
  const { path, blob } = file;
  if (isGzip(await bytesOf(path, blob.slice(0, 2)))) return bytesInMemory(path, await unzipped(file));
  return { name: path, size: blob.size, read: (start, end) => bytesOf(path, blob.slice(start, end)) };
}

async function bytesOf(path: string, blob: Blob): Promise<Uint8Array> {
  try {
    return new Uint8Array(await blob.arrayBuffer());
  } catch (cause) {
    throw new DataError(`Cannot read "${path}": ${messageOf(cause)}; give it to the page again`, { cause });
  }
}

async function unzipped({ path, blob }: GivenFile): Promise<Uint8Array> {
  const bytes = await bytesOf(path, blob);
  if (bytes.length === 0) throw new DataError(`Cannot read "${path}": it is empty`);
  if (!isGzip(bytes)) return bytes;
  try {
    return new Uint8Array(await new Response(blob.stream().pipeThrough(new DecompressionStream('gzip'))).arrayBuffer());
  } catch (cause) {
    throw new DataError(`Cannot unzip "${path}": it is cut off or damaged, fetch it again`, { cause });
  }
}

/** Samples before labels: the array of more dimensions. */
function inOrder(kind: AddressKind, files: readonly NamedBytes[]): NamedBytes[] {
  if (files.length < 2) return [...files];
  const rank = ({ name, bytes }: NamedBytes): number =>
    kind === 'idx' ? (bytes[3] ?? 0) : parseNpy(bytes, name).dims.length;
  return files.toSorted((a, b) => rank(b) - rank(a));
}

async function imageRows(files: readonly GivenFile[]): Promise<ImageRows> {
  const blobs = new Map(files.map(({ path, blob }) => [path, blob]));
  const table = files.find(({ path }) => path.endsWith(`/${LABELS_FILE}`) || path === LABELS_FILE);
  const images = imagesAmong([...blobs.keys()], await table?.blob.text());
  const folder = images.files[0]?.split('/')[0] ?? '';
  return {
    kind: 'images',
    files: images.files.map((name) => ({ name, read: () => bytesOf(name, blobs.get(name) as Blob) })),
    ...(images.labels && { labels: images.labels }),
    range: WHOLE,
    address: `images:${folder}`,
  };
}
