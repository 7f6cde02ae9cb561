import { type Address, parseAddress } from './address.ts';
import type { NamedBytes } from './byte-source.ts';
import type { Dataset } from './dataset.ts';
import { hashBytes, hashRows } from './hash.node.ts';
import { listImages } from './image-folder.node.ts';
import { type OpenOptions, openRows, type RowTools } from './open-rows.ts';
import { sharpPictures } from './pictures.node.ts';
import { resolvePreprocess } from './preprocess.ts';
import { expandHome, fileBytes, readBytes, readUnzipped } from './read-bytes.node.ts';

export type { OpenOptions } from './open-rows.ts';

const TOOLS: RowTools = { codec: sharpPictures, sha256: hashBytes, hashRows };

/**
 * Opens the data behind an address:
 *
 *   idx:IMAGES[,LABELS]   cifar10:FILE.bin[,...]   npz:FILE (arrays x, y)   npy:X.npy[,Y.npy]   images:FOLDER
 *
 * then perhaps `[start:end]` or `[start:end:step]`, rows as Python slices. Arrays are read whole (idx also as .gz), CIFAR-10 and folders of
 * pictures row by row. A whole-number y is classes, a float one regression targets.
 *
 * @throws DataError    if the address, a file or a shape is wrong; the message says which and what to do
 * @throws OptionError  if the preprocessing cannot be carried out
 */
export async function openDataset(address: string, options: OpenOptions = {}): Promise<Dataset> {
  const { modelInput: _, sides: __, ...preprocess } = options;
  resolvePreprocess(preprocess); // refused before anything is read
  const { kind, paths, range } = parseAddress(address);
  const expanded = paths.map(expandHome);
  if (kind === 'cifar10')
    return openRows({ kind, files: await Promise.all(expanded.map(fileBytes)), range, address }, options, TOOLS);
  if (kind !== 'images')
    return openRows({ kind, files: await readFiles(kind, expanded), range, address }, options, TOOLS);
  const { files, labels } = await listImages(expanded[0] as string);
  const images = files.map((name) => ({ name, read: () => readBytes(name) }));
  return openRows({ kind, files: images, ...(labels && { labels }), range, address }, options, TOOLS);
}

async function readFiles(kind: Address['kind'], paths: readonly string[]): Promise<NamedBytes[]> {
  const read = kind === 'idx' ? readUnzipped : readBytes;
  const files: NamedBytes[] = [];
  for (const name of paths) files.push({ name, bytes: await read(name) });
  return files;
}
