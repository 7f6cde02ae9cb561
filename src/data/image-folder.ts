import { DataError } from '../errors/errors.ts';
import type { LabelledFile } from './labels-csv.ts';

/** The pictures of a folder by their paths, in their order. */
export interface ImageFolder {
  readonly files: readonly string[];
  /** One for each file; absent where the folder has neither classes nor a labels.csv. */
  readonly labels?: Int32Array;
}

/** What lies in a folder of pictures. */
export interface FolderListing {
  /** Pictures directly in it. */
  readonly loose: readonly string[];
  /** Sub-folders and the files in them at any depth, by paths within the sub-folder. */
  readonly classes: ReadonlyMap<string, readonly string[]>;
}

const FORMATS = 'jpg, png, webp, gif, tiff, avif';
const PICTURE = /\.(jpe?g|png|webp|gif|tiff?|avif)$/i;

/** The file that names the pictures of a folder and their classes. */
export const LABELS_FILE = 'labels.csv';

/** Whether a file is a picture, by its extension. */
export function isPicture(name: string): boolean {
  return PICTURE.test(name);
}

/** What systems leave in folders, in lower case; hidden files begin with a dot. */
const CLUTTER: ReadonlySet<string> = new Set([
  ...['__macosx', 'thumbs.db', 'ehthumbs.db', 'desktop.ini', '@eadir', 'lost+found'],
  ...['$recycle.bin', 'system volume information'],
]);

/** What nobody means to give: hidden files and what systems leave in folders, at any depth. Folders are parted by slashes. */
export function isClutter(path: string): boolean {
  return path.split('/').some((part) => part.startsWith('.') || CLUTTER.has(part.toLowerCase()));
}

/**
 * Pictures in their order: with sub-folders each one is a class, numbered in the order of their names (by code unit, as
 * Python sorts), its pictures sorted; else the pictures themselves, sorted, without labels. {@link isClutter | Clutter} is
 * passed over.
 *
 * @param folder  for messages
 * @throws DataError  if there is no picture, pictures lie beside class folders, or a class folder has none: the
 *                    numbers of those behind it would depend on whether it is a class
 */
export function arrangeImages(listing: FolderListing, folder: string): ImageFolder {
  const loose = listing.loose.filter((name) => !isClutter(name));
  const classes = new Map([...listing.classes].filter(([name]) => !isClutter(name)));
  if (classes.size === 0) return someImages({ files: loose.filter(isPicture).sort() }, folder);
  const [first] = [...classes.keys()].sort();
  const [picture] = loose.filter(isPicture).sort();
  if (picture !== undefined) {
    throw new DataError(
      `Cannot use "${folder}": it has class folders (${first}, ...) and loose pictures (${picture}, ...); ` +
        `wanted one or the other, or a ${LABELS_FILE} with the columns file,label`,
    );
  }
  const files: string[] = [];
  const labels: number[] = [];
  const empty: string[] = [];
  for (const [label, name] of [...classes.keys()].sort().entries()) {
    const inside = picturesOf(classes.get(name) as readonly string[]);
    if (inside.length === 0) empty.push(name);
    for (const file of inside) files.push(`${name}/${file}`);
    labels.push(...inside.map(() => label));
  }
  const images = someImages({ files, labels: Int32Array.from(labels) }, folder);
  if (empty.length === 0) return images;
  throw new DataError(
    `Cannot use "${folder}": wanted pictures (${FORMATS}) in each class folder, "${empty[0]}" has none` +
      `${empty.length === 1 ? '' : ` (and ${empty.length - 1} more)`}; take it away, or number the classes in a ${LABELS_FILE} with the columns file,label`,
  );
}

function picturesOf(paths: readonly string[]): string[] {
  return paths.filter((path) => isPicture(path) && !isClutter(path)).sort();
}

/** Pictures in the order of a labels.csv. @throws DataError if it names none */
export function listedImages(rows: readonly LabelledFile[], folder: string): ImageFolder {
  const files = rows.map(({ file }) => file);
  return someImages({ files, labels: Int32Array.from(rows, ({ label }) => label) }, folder);
}

function someImages(images: ImageFolder, folder: string): ImageFolder {
  if (images.files.length > 0) return images;
  throw new DataError(`Cannot use "${folder}": wanted pictures (${FORMATS}) in it, found none`);
}
