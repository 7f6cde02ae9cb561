import { DataError } from '../errors/errors.ts';
import { looksLike } from './looks-like.ts';
import type { RawArray } from './raw-array.ts';

/** A file's bytes and its name for messages. */
export interface NamedBytes {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Pictures and their classes. */
export interface LabelledPictures {
  /** [rows, 3, 32, 32], bytes. */
  readonly pictures: RawArray;
  /** [rows] */
  readonly labels: Int32Array;
}

const PIXELS = 3 * 32 * 32;
const ROW = 1 + PIXELS;
const CLASSES = 10;

/** Rows in one CIFAR-10 binary file. @throws DataError if it is empty or not a whole number of rows */
export function cifar10Rows(file: NamedBytes): number {
  const { name, bytes } = file;
  const rest = bytes.length % ROW;
  if (bytes.length === 0 || rest !== 0) {
    const why = bytes.length < ROW ? looksLike(bytes) : 'it is cut off or not CIFAR-10 binary';
    throw new DataError(
      `Cannot read "${name}" as CIFAR-10 binary: wanted a multiple of ${ROW} bytes ` +
        `(1 label, 3072 pixels a row), got ${bytes.length}: ${why}`,
    );
  }
  return bytes.length / ROW;
}

/**
 * Reads rows [start, end) of CIFAR-10 binary files laid end to end: one label byte, then the red, green and blue plane
 * of a 32 x 32 picture.
 *
 * @throws DataError  if a file is not a whole number of rows, or a label is above 9
 * Cost: one copy of the selected rows.
 */
export function parseCifar10(files: readonly NamedBytes[], start: number, end: number): LabelledPictures {
  const data = new Uint8Array((end - start) * PIXELS);
  const labels = new Int32Array(end - start);
  let first = 0;
  for (const file of files) {
    const rows = cifar10Rows(file);
    for (let row = Math.max(start, first); row < Math.min(end, first + rows); row++) {
      const at = (row - first) * ROW;
      labels[row - start] = checkedLabel(file, row - first, file.bytes[at] as number);
      data.set(file.bytes.subarray(at + 1, at + ROW), (row - start) * PIXELS);
    }
    first += rows;
  }
  return { pictures: { type: 'uint8', dims: [end - start, 3, 32, 32], data }, labels };
}

function checkedLabel(file: NamedBytes, row: number, label: number): number {
  if (label < CLASSES) return label;
  throw new DataError(
    `Cannot read "${file.name}" as CIFAR-10 binary: the label of row ${row} is ${label}, wanted 0 to ${CLASSES - 1}; ` +
      `is it another format?`,
  );
}
