import { DataError } from '../errors/errors.ts';
import { type DataType, sizeOf } from '../tensor/tensor.ts';
import { looksLike } from './looks-like.ts';
import { type RawArray, type RawData, readElements } from './raw-array.ts';

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

const TYPES: Readonly<Record<string, DataType>> = {
  f2: 'float16',
  f4: 'float32',
  f8: 'float64',
  i1: 'int8',
  i2: 'int16',
  i4: 'int32',
  i8: 'int64',
  u1: 'uint8',
  u2: 'uint16',
  u4: 'uint32',
  u8: 'uint64',
  b1: 'bool',
};

interface Header {
  readonly descr: string;
  readonly fortran: boolean;
  readonly dims: readonly number[];
  /** Where the elements begin. */
  readonly offset: number;
}

/**
 * Reads a numpy array file, format versions 1 to 3, of either byte order and either memory order.
 *
 * Arrays of Python objects are pickles and are never read.
 *
 * @param name  of the file, for messages
 * @returns     row-major; a view on the bytes where they are aligned, little-endian and row-major already
 * @throws DataError  if the header cannot be read, the type is not a number, or the file is cut off
 */
export function parseNpy(bytes: Uint8Array, name: string): RawArray {
  const { descr, fortran, dims, offset } = readHeader(bytes, name);
  const type = TYPES[descr.slice(1)];
  if (descr.slice(1).startsWith('O')) {
    throw new DataError(
      `Cannot read "${name}": it holds Python objects (a pickle), which can run code and is never read; ` +
        `save the array with a number type, for example x.astype("float32")`,
    );
  }
  if (type === undefined || !'<>|='.includes(descr.charAt(0))) {
    throw new DataError(
      `Cannot read "${name}": wanted elements of type ${Object.keys(TYPES).join(' ')}, current type is "${descr}"`,
    );
  }
  const array = readElements(bytes, offset, { type, dims, bigEndian: descr.startsWith('>'), name });
  return fortran && dims.length > 1 ? { ...array, data: rowMajor(array.data, dims) } : array;
}

function readHeader(bytes: Uint8Array, name: string): Header {
  const major = bytes[6] ?? 0;
  const start = major === 1 ? 10 : 12;
  if (!MAGIC.every((byte, i) => bytes[i] === byte) || bytes.length < start) {
    throw new DataError(
      `Cannot read "${name}" as a numpy array: wanted the header "\\x93NUMPY", but ${looksLike(bytes)}`,
    );
  }
  if (major < 1 || major > 3) {
    throw new DataError(`Cannot read "${name}": wanted numpy format version 1, 2 or 3, current version is ${major}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const offset = start + (major === 1 ? view.getUint16(8, true) : view.getUint32(8, true));
  if (bytes.length < offset) throw new DataError(`Cannot read "${name}": it is cut off inside its header`);
  return { ...parseDict(new TextDecoder().decode(bytes.subarray(start, offset)), name), offset };
}

/** The header is a Python dict literal with the keys descr, fortran_order and shape. */
function parseDict(text: string, name: string): Omit<Header, 'offset'> {
  const descr = /'descr'\s*:\s*'([^']*)'/.exec(text)?.[1];
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(text)?.[1];
  const shape = /'shape'\s*:\s*\(([^)]*)\)/.exec(text)?.[1];
  if (/'descr'\s*:\s*\[/.test(text)) {
    throw new DataError(
      `Cannot read "${name}": it is a structured array with named fields; save one plain array instead`,
    );
  }
  const parts = (shape ?? '?').split(',').map((part) => part.trim().replace(/L$/, ''));
  const sizes = parts.filter((part, i) => part !== '' || i < parts.length - 1);
  if (descr === undefined || order === undefined || !sizes.every((size) => /^\d+$/.test(size))) {
    throw new DataError(
      `Cannot read "${name}": its numpy header is damaged: ${JSON.stringify(text.trim().slice(0, 80))}`,
    );
  }
  return { descr, fortran: order === 'True', dims: sizes.map(Number) };
}

/** Column-major elements in row-major order. */
function rowMajor(data: RawData, dims: readonly number[]): RawData {
  const out = data.slice();
  const strides: number[] = [];
  for (let d = 0, stride = 1; d < dims.length; d++) {
    strides.push(stride);
    stride *= dims[d] as number;
  }
  const at = dims.map(() => 0);
  for (let to = 0, from = 0; to < sizeOf(dims); to++) {
    out[to] = data[from] as number;
    for (let d = dims.length - 1; d >= 0; d--) {
      at[d] = (at[d] as number) + 1;
      from += strides[d] as number;
      if ((at[d] as number) < (dims[d] as number)) break;
      from -= (strides[d] as number) * (dims[d] as number);
      at[d] = 0;
    }
  }
  return out;
}
