import { DataError } from '../errors/errors.ts';
import type { DataType } from '../tensor/tensor.ts';
import { looksLike } from './looks-like.ts';
import { type RawArray, readElements } from './raw-array.ts';

const TYPES: Readonly<Record<number, DataType>> = {
  8: 'uint8',
  9: 'int8',
  11: 'int16',
  12: 'int32',
  13: 'float32',
  14: 'float64',
};

/**
 * Reads an IDX file (the format of MNIST), already unzipped: two zero bytes, element type, rank, dimensions as
 * big-endian int32, elements big-endian.
 *
 * @param name  of the file, for messages
 * @returns     an array of the file's shape; bytes are a view, no copy
 * @throws DataError  if the header is not IDX's or the elements do not fill the file exactly
 */
export function parseIdx(bytes: Uint8Array, name: string): RawArray {
  const type = TYPES[bytes[2] ?? 0];
  const rank = bytes[3] ?? 0;
  const header = 4 + 4 * rank;
  if (bytes[0] !== 0 || bytes[1] !== 0 || type === undefined || rank === 0 || bytes.length < header) {
    throw new DataError(
      `Cannot read "${name}" as IDX: wanted the header 00 00, type, rank and dimensions, but ${looksLike(bytes)}`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const dims = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  const array = readElements(bytes, header, { type, dims, bigEndian: true, name });
  const extra = bytes.length - header - array.data.byteLength;
  if (extra > 0) {
    throw new DataError(
      `Cannot read "${name}" as IDX: ${type} of shape [${dims}] is followed by ${extra} bytes, wanted none`,
    );
  }
  return array;
}
