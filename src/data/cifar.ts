import { DataError } from '../errors/errors.ts';
import { type RowRange, resolveRange } from './address.ts';
import { heading } from './array-source.ts';
import type { ByteSource } from './byte-source.ts';
import { looksLike } from './looks-like.ts';
import type { Grid, RowSource } from './rows.ts';

/** Files of CIFAR-10, and which of their rows are wanted. */
export interface CifarFiles {
  readonly kind: 'cifar10';
  /** As an address lists them, laid end to end. */
  readonly files: readonly ByteSource[];
  readonly range: RowRange;
  /** For messages. */
  readonly address: string;
}

const PIXELS = 3 * 32 * 32;
const ROW = 1 + PIXELS;
const CLASSES = 10;
const PICTURE: Grid = { channels: 3, height: 32, width: 32, planar: true };
/** Rows that are read together where all are wanted. */
const ROWS_AT_ONCE = 1024;

/** Rows in one CIFAR-10 binary file. @throws DataError if it is empty or not a whole number of rows */
export async function cifar10Rows({ name, size, read }: ByteSource): Promise<number> {
  if (size === 0 || size % ROW !== 0) {
    const why = size < ROW ? looksLike(await read(0, size)) : 'it is cut off or not CIFAR-10 binary';
    throw new DataError(
      `Cannot read "${name}" as CIFAR-10 binary: wanted a multiple of ${ROW} bytes ` +
        `(1 label, 3072 pixels a row), got ${size}: ${why}`,
    );
  }
  return size / ROW;
}

/** Where rows lie. */
interface Place {
  readonly file: ByteSource;
  readonly row: number;
}

/**
 * Rows of CIFAR-10 binary files laid end to end: one label byte, then the red, green and blue plane of a 32 x 32 picture.
 * Labels are read at once, pictures when they are wanted.
 *
 * @throws DataError  if a file is not a whole number of rows, a label is above 9, or the range selects no rows
 * Cost: one pass over the files, 4 bytes a row in memory; then each row read anew.
 */
export async function cifar10Source({ files, range, address }: CifarFiles): Promise<RowSource> {
  const counts: number[] = [];
  for (const file of files) counts.push(await cifar10Rows(file));
  const firsts = counts.map((_, i) => counts.slice(0, i).reduce((sum, count) => sum + count, 0));
  const total = counts.reduce((sum, count) => sum + count, 0);
  const { start, end } = resolveRange(range, total, address);
  const count = end - start;
  const placeOf = (index: number): Place => {
    const at = firsts.findLastIndex((first) => first <= start + index);
    return { file: files[at] as ByteSource, row: start + index - (firsts[at] as number) };
  };

  /** The selected rows in order, some at a time. */
  async function* blocks(): AsyncGenerator<Place & { index: number; count: number; bytes: Uint8Array }> {
    for (let index = 0; index < count; ) {
      const place = placeOf(index);
      const left = place.file.size / ROW - place.row;
      const some = Math.min(ROWS_AT_ONCE, left, count - index);
      const bytes = await place.file.read(place.row * ROW, (place.row + some) * ROW);
      yield { ...place, index, count: some, bytes };
      index += some;
    }
  }

  const labels = new Int32Array(count);
  for await (const { file, row, index, count: some, bytes } of blocks())
    for (let i = 0; i < some; i++) labels[index + i] = checkedLabel(file, row + i, bytes[i * ROW] as number);

  const dims = [PICTURE.channels, PICTURE.height, PICTURE.width];
  return {
    count,
    dims,
    picture: PICTURE,
    bytes: true,
    labels,
    rows: (indices) =>
      Promise.all(
        Array.from(indices, (index) => {
          const { file, row } = placeOf(index);
          return file.read(row * ROW + 1, (row + 1) * ROW);
        }),
      ),
    async *pieces() {
      yield heading('x', 'uint8', [count, ...dims]);
      for await (const { count: some, bytes } of blocks())
        for (let i = 0; i < some; i++) yield bytes.subarray(i * ROW + 1, (i + 1) * ROW);
      yield heading('labels', 'int32', [count]);
      yield new Uint8Array(labels.buffer);
    },
  };
}

function checkedLabel(file: ByteSource, row: number, label: number): number {
  if (label < CLASSES) return label;
  throw new DataError(
    `Cannot read "${file.name}" as CIFAR-10 binary: the label of row ${row} is ${label}, wanted 0 to ${CLASSES - 1}; ` +
      `is it another format?`,
  );
}
