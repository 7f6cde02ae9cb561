import { readdir, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { DataError } from '../errors/errors.ts';
import { arrangeImages, type ImageFolder, isClutter, LABELS_FILE, listedImages } from './image-folder.ts';
import { parseLabelsCsv } from './labels-csv.ts';
import { fileError, readBytes } from './read-bytes.node.ts';

/**
 * Lists the pictures of a folder: with a labels.csv those that it names, in its order, else as {@link arrangeImages}
 * says. Files that are not pictures by their extension are passed over, and so is {@link isClutter | clutter}.
 *
 * @returns  their full paths
 * @throws DataError  if there is no such folder, no picture in it or in one of its class folders, pictures lie beside class
 *                    folders, or labels.csv is damaged
 */
export async function listImages(folder: string): Promise<ImageFolder> {
  const names = (await listed(folder)).filter((name) => !isClutter(name));
  const images = names.includes(LABELS_FILE)
    ? await listedIn(folder)
    : await found(folder, names).catch(rethrow(folder));
  return { ...images, files: images.files.map((name) => join(folder, name)) };
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
  const path = join(folder, LABELS_FILE);
  return listedImages(parseLabelsCsv(new TextDecoder().decode(await readBytes(path)), path), folder);
}

/** The files below a folder, by paths with slashes. */
async function below(folder: string): Promise<string[]> {
  return (await readdir(folder, { recursive: true })).map((path) => path.replaceAll(sep, '/'));
}

async function found(folder: string, names: readonly string[]): Promise<ImageFolder> {
  const classes = new Map<string, readonly string[]>();
  for (const name of names) {
    const path = join(folder, name);
    if ((await stat(path)).isDirectory()) classes.set(name, await below(path));
  }
  return arrangeImages({ loose: names.filter((name) => !classes.has(name)), classes }, folder);
}
