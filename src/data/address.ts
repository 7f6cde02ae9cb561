import { DataError } from '../errors/errors.ts';

/** The readers, by the word before the colon, with how many files each takes. */
export const ADDRESS_KINDS = {
  idx: { files: [1, 2], form: 'idx:IMAGES[,LABELS]' },
  cifar10: { files: [1, Number.POSITIVE_INFINITY], form: 'cifar10:FILE.bin[,FILE.bin...]' },
  npz: { files: [1, 1], form: 'npz:FILE' },
  npy: { files: [1, 2], form: 'npy:X.npy[,Y.npy]' },
  images: { files: [1, 1], form: 'images:FOLDER' },
} as const;

/** The word before the colon of an address. */
export type AddressKind = keyof typeof ADDRESS_KINDS;

/** Rows from start to end as written, Python's way: negative counts from the end, undefined is open. */
export interface RowRange {
  readonly start: number | undefined;
  readonly end: number | undefined;
  /** Every so manyth of these rows; undefined = each. */
  readonly step?: number;
}

/** A parsed address. */
export interface Address {
  readonly kind: AddressKind;
  readonly paths: readonly string[];
  readonly range: RowRange;
}

const FORMS = Object.values(ADDRESS_KINDS)
  .map((kind) => kind.form)
  .join(' or ');

/**
 * Reads an address: `KIND:PATH[,PATH...]`, then perhaps `[start:end]` or `[start:end:step]`.
 *
 * Commas part the paths; a comma of a path itself is written `\,` and a bracket `\[`. Brackets that hold no colon
 * belong to the path (`scan[2].bin`).
 *
 * @throws DataError  if the kind is not known, the number of paths is wrong, or the range cannot be read
 */
export function parseAddress(text: string): Address {
  const colon = text.indexOf(':');
  const kind = text.slice(0, Math.max(colon, 0));
  if (!isKind(kind)) {
    throw new DataError(`Cannot open data "${text}": wanted ${FORMS}${suggestion(text)}`, {
      fields: { address: text },
    });
  }
  const { body, range } = splitRange(text.slice(colon + 1), text);
  const paths = splitPaths(body);
  const [least, most] = ADDRESS_KINDS[kind].files;
  if (paths.some((path) => path === '') || paths.length < least || paths.length > most) {
    throw new DataError(
      `Cannot open data "${text}": wanted ${ADDRESS_KINDS[kind].form}, got ${paths.filter((p) => p !== '').length} ` +
        `paths; write a comma inside a path as \\,`,
      { fields: { address: text } },
    );
  }
  return { kind, paths, range };
}

function isKind(word: string): word is AddressKind {
  return Object.hasOwn(ADDRESS_KINDS, word);
}

function suggestion(text: string): string {
  const [, , extension] = /^([^:[]*\.(npz|npy|bin))(\[[^\]]*\])?$/.exec(text) ?? [];
  if (extension !== undefined) return `; did you mean ${extension === 'bin' ? 'cifar10' : extension}:${text}?`;
  return text.includes(':') ? `; "${text.slice(0, text.indexOf(':'))}" is none of these` : '';
}

function splitRange(body: string, text: string): { body: string; range: RowRange } {
  const found = /(?<!\\)\[([^[\]]*:[^[\]]*)\]$/.exec(body);
  if (found === null) return { body, range: { start: undefined, end: undefined } };
  const bounds = /^\s*([+-]?\d+)?\s*:\s*([+-]?\d+)?\s*(?::\s*(\+?\d+)?\s*)?$/.exec(found[1] as string);
  const number = (digits: string | undefined) => (digits === undefined ? undefined : Number(digits));
  const step = number(bounds?.[3]);
  if (bounds === null || step === 0) {
    throw new DataError(
      `Cannot open data "${text}": wanted a row range [start:end] or [start:end:step] of whole numbers, the step 1 or more, ` +
        `current range is ${found[0]}`,
    );
  }
  const range = { start: number(bounds[1]), end: number(bounds[2]), ...(step !== undefined && { step }) };
  return { body: body.slice(0, found.index), range };
}

function splitPaths(body: string): string[] {
  return body.split(/(?<!\\),/).map((path) => path.replace(/\\([,[\]])/g, '$1').trim());
}

/**
 * The rows that a range means in data of `count` rows before its step, as Python slices: ends beyond the data are cut.
 *
 * @throws DataError  if no row is left
 */
export function resolveRange(range: RowRange, count: number, address: string): { start: number; end: number } {
  const bound = (value: number | undefined, open: number) =>
    value === undefined ? open : Math.min(count, Math.max(0, value < 0 ? count + value : value));
  const start = bound(range.start, 0);
  const end = bound(range.end, count);
  if (count === 0) throw new DataError(`Cannot open data "${address}": it has no rows`);
  if (end <= start) {
    throw new DataError(
      `Cannot open data "${address}": the range selects no rows; wanted start < end within the ${count} rows`,
      { fields: { count } },
    );
  }
  return { start, end };
}
