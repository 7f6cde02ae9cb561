import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError } from '../errors/errors.ts';
import { type LabelledFile, parseLabelsCsv } from './labels-csv.ts';
import { fileError, readBytes } from './read-bytes.node.ts';

/** The pictures of a folder, in their order. */
export interface ImageFolder {
  readonly files: readonly string[];
  /** One for each file; absent where the folder has neither classes nor a labels.csv. */
  readonly labels?: Int32Array;
}

const PICTURE = /\.(jpe?g|png|webp|gif|tiff?|avif)$/i;
const LABELS = 'labels.csv';

/**
 * Lists the pictures of a folder. With a labels.csv: those that it names, in its order. Else, with sub-folders: each one
 * is a class, numbered in the order of their names (by code unit, as Python sorts), its pictures at any depth, sorted.
 * Else: the pictures themselves, sorted, without labels. Files that are not pictures by their extension are passed over.
 *
 * @throws DataError  if there is no such folder, no picture in it, pictures lie beside class folders, or labels.csv is
 *                    damaged
 */
export async function listImages(folder: string): Promise<ImageFolder> {
  const names = (await listed(folder)).filter((name) => !name.startsWith('.'));
  const images = names.includes(LABELS) ? await listedIn(folder) : await found(folder, names).catch(rethrow(folder));
  if (images.files.length === 0) {
    throw new DataError(`Cannot use "${folder}": wanted pictures (jpg, png, webp, gif, tiff, avif) in it, found none`);
  }
  return images;
}

/** Anything that the file system refused, as a DataError. */
function rethrow(path: string): (cause: unknown) => never {
  return (cause) => {
    throw fileError(path, cause);
  };
}

async function listed(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOTDIR') throw fileError(folder, cause);
    throw new DataError(`Cannot list "${folder}": wanted a folder of pictures, it is a file`, { cause });
  }
}

async function listedIn(folder: string): Promise<ImageFolder> {
  const path = join(folder, LABELS);
  const text = new TextDecoder().decode(await readBytes(path));
  const rows: readonly LabelledFile[] = parseLabelsCsv(text, path);
  return { files: rows.map(({ file }) => join(folder, file)), labels: Int32Array.from(rows, ({ label }) => label) };
}

async function found(folder: string, names: readonly string[]): Promise<ImageFolder> {
  const loose = names.filter((name) => PICTURE.test(name));
  const classes: string[] = [];
  for (const name of names) if ((await stat(join(folder, name))).isDirectory()) classes.push(name);
  if (classes.length === 0) return { files: loose.map((name) => join(folder, name)) };
  if (loose.length > 0) {
    throw new DataError(
      `Cannot use "${folder}": it has class folders (${classes[0]}, ...) and loose pictures (${loose[0]}, ...); ` +
        `wanted one or the other, or a ${LABELS} with the columns file,label`,
    );
  }
  const files: string[] = [];
  const labels: number[] = [];
  for (const [label, name] of classes.entries()) {
    const inside = (await readdir(join(folder, name), { recursive: true })).filter((file) => PICTURE.test(file)).sort();
    files.push(...inside.map((file) => join(folder, name, file)));
    labels.push(...inside.map(() => label));
  }
  return { files, labels: Int32Array.from(labels) };
}

/** SHA-256 (hex) of a file's bytes. */
export async function fileHash(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readBytes(path))
    .digest('hex');
}
