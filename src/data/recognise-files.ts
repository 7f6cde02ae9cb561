import { DataError } from '../errors/errors.ts';
import { ADDRESS_KINDS, type AddressKind } from './address.ts';
import { arrangeImages, type ImageFolder, isPicture, LABELS_FILE, listedImages } from './image-folder.ts';
import { parseLabelsCsv } from './labels-csv.ts';
import { looksLike } from './looks-like.ts';

/** A file as far as it has to be known to say what it is. */
export interface FileHead {
  /** With the folders above it as far as they were given, parted by slashes. */
  readonly path: string;
  /** Its first bytes. */
  readonly head: Uint8Array;
}

/** Bytes of a file that {@link recogniseFiles} looks at. */
export const HEAD_BYTES = 64;

/**
 * Says what files that were given without an address are.
 *
 * @param files  without {@link isClutter | clutter}
 * @throws DataError  if there is none, one is of no known format, formats are mixed, or there are too many
 */
export function recogniseFiles(files: readonly FileHead[]): AddressKind {
  const [first] = files;
  if (first === undefined) throw new DataError('Cannot open the data: there is no file in it');
  const pictures = files.filter(({ path }) => isPicture(path) || baseName(path) === LABELS_FILE);
  if (pictures.some(({ path }) => isPicture(path))) return 'images';
  const kind = kindOf(first);
  const other = files.find((file) => kindOf(file) !== kind);
  if (other !== undefined)
    throw new DataError(
      `Cannot open the data: "${first.path}" is ${kind}, "${other.path}" is ${kindOf(other)}; give files of one kind`,
    );
  const [, most] = ADDRESS_KINDS[kind].files;
  if (files.length <= most) return kind;
  throw new DataError(
    `Cannot open the data: wanted ${most === 1 ? 'one file' : `at most ${most} files`} for ${ADDRESS_KINDS[kind].form}, ` +
      `got ${files.length}; leave the others out`,
  );
}

function kindOf({ path, head }: FileHead): AddressKind {
  const starts = (...bytes: number[]): boolean => bytes.every((byte, i) => head[i] === byte);
  if (starts(0x50, 0x4b, 3, 4)) return 'npz';
  if (starts(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59)) return 'npy';
  if (/\.bin$/i.test(path)) return 'cifar10';
  if (starts(0x1f, 0x8b)) return 'idx';
  if (starts(0, 0) && (head[2] ?? 0) >= 8 && (head[2] ?? 0) <= 14 && (head[3] ?? 0) > 0) return 'idx';
  throw new DataError(
    `Cannot open "${path}": wanted npz, npy, idx (also .gz), CIFAR-10 (.bin) or pictures, but ${looksLike(head)}`,
  );
}

/**
 * The pictures among files that were given with their folders; see {@link arrangeImages}. A folder that holds all of them
 * is not a class.
 *
 * @param labels  the text of the labels.csv among them, if there is one
 * @returns  paths as they were given
 * @throws DataError  as arrangeImages, or if labels.csv is damaged or names a file that is not there
 */
export function imagesAmong(paths: readonly string[], labels: string | undefined): ImageFolder {
  const root = commonFolder(paths);
  const inside = paths.map((path) => path.slice(root.length));
  const name = root === '' ? 'the pictures' : root.slice(0, -1);
  const images = labels === undefined ? arrangeImages(listing(inside), name) : listed(labels, { inside, name });
  return { ...images, files: images.files.map((file) => root + file) };
}

function listed(text: string, { inside, name }: { inside: readonly string[]; name: string }): ImageFolder {
  const rows = parseLabelsCsv(text, LABELS_FILE).map((row) => ({ ...row, file: row.file.replaceAll('\\', '/') }));
  const known = new Set(inside);
  const missing = rows.find(({ file }) => !known.has(file));
  if (missing === undefined) return listedImages(rows, name);
  throw new DataError(`Cannot read "${missing.file}": ${LABELS_FILE} names it, there is no such file`);
}

/** The folders, with a slash at the end, that all paths begin with. */
function commonFolder(paths: readonly string[]): string {
  const [first = ''] = paths;
  let root = '';
  for (let slash = first.indexOf('/'); slash >= 0; slash = first.indexOf('/', slash + 1)) {
    const next = first.slice(0, slash + 1);
    if (!paths.every((path) => path.startsWith(next))) break;
    root = next;
  }
  return root;
}

function listing(paths: readonly string[]): { loose: string[]; classes: Map<string, string[]> } {
  const classes = new Map<string, string[]>();
  for (const path of paths.filter((path) => path.includes('/'))) {
    const slash = path.indexOf('/');
    const name = path.slice(0, slash);
    classes.set(name, [...(classes.get(name) ?? []), path.slice(slash + 1)]);
  }
  return { loose: paths.filter((path) => !path.includes('/')), classes };
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
