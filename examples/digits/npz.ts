import { zipSync } from 'fflate';

/** An array to be written: elements of one byte, row-major. */
export interface ByteArray {
  readonly dims: readonly number[];
  readonly data: Uint8Array;
}

/**
 * Packs arrays of unsigned bytes as a compressed .npz file: a zip of .npy files, format version 1.0.
 *
 * The file is the same for the same arrays: no time of day goes into it.
 */
export function npz(arrays: Readonly<Record<string, ByteArray>>): Uint8Array {
  const files = Object.entries(arrays).map(([name, array]) => [`${name}.npy`, npy(array)] as const);
  return zipSync(Object.fromEntries(files), { level: 9, mtime: '1980-01-01T00:00:00' });
}

/** Length of the magic word, the version and the header's length. */
const PREAMBLE = 10;
/** The elements start at a multiple of this. */
const ALIGNMENT = 64;

function npy({ dims, data }: ByteArray): Uint8Array {
  const shape = dims.length === 1 ? `${dims[0]},` : dims.join(', ');
  const text = `{'descr': '|u1', 'fortran_order': False, 'shape': (${shape}), }`;
  const length = ALIGNMENT * Math.ceil((PREAMBLE + text.length + 1) / ALIGNMENT) - PREAMBLE;
  const header = new TextEncoder().encode(`${text.padEnd(length - 1)}\n`);
  const file = new Uint8Array(PREAMBLE + length + data.length);
  file.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, length & 0xff, length >> 8]);
  file.set(header, PREAMBLE);
  file.set(data, PREAMBLE + length);
  return file;
}
