import { DataError } from '../errors/errors.ts';
import { halvesAsNumbers } from '../tensor/half.ts';
import { type DataType, sizeOf } from '../tensor/tensor.ts';

/** Elements as they are held in memory: 64-bit integers become float64, halves float32, booleans bytes. */
export type RawData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint16Array
  | Uint32Array;

/** An array out of a data file, row-major, before any preprocessing. */
export interface RawArray {
  /** The element type in the file. */
  readonly type: DataType;
  readonly dims: readonly number[];
  readonly data: RawData;
}

type ArrayClass = { new (buffer: ArrayBufferLike, byteOffset: number, length: number): RawData };

const BYTES: Partial<Record<DataType, number>> = {
  bool: 1,
  uint8: 1,
  int8: 1,
  uint16: 2,
  int16: 2,
  float16: 2,
  uint32: 4,
  int32: 4,
  float32: 4,
  uint64: 8,
  int64: 8,
  float64: 8,
};

const ARRAYS: Partial<Record<DataType, ArrayClass>> = {
  bool: Uint8Array,
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  uint32: Uint32Array,
  int32: Int32Array,
  float32: Float32Array,
  float64: Float64Array,
};

/** Bytes of one element in a file. @throws DataError for a type that data files do not hold */
export function elementBytes(type: DataType): number {
  const bytes = BYTES[type];
  if (bytes === undefined) throw new DataError(`Cannot read elements of type ${type} from a data file`);
  return bytes;
}

/** True for whole-number types, booleans included. */
export function isInteger(type: DataType): boolean {
  return type === 'bool' || type.startsWith('int') || type.startsWith('uint');
}

/**
 * Reads the elements of an array that begins at `offset`.
 *
 * Little-endian elements that lie aligned are a view on the bytes; everything else is one copy.
 *
 * @param spec  type, shape, byte order, and the file's name for messages
 * @throws DataError if the bytes end too early, or a 64-bit integer is beyond 2^53
 */
export function readElements(
  bytes: Uint8Array,
  offset: number,
  spec: { type: DataType; dims: readonly number[]; bigEndian: boolean; name: string },
): RawArray {
  const { type, dims, name } = spec;
  const each = elementBytes(type);
  const length = sizeOf(dims);
  const wanted = length * each;
  if (!Number.isSafeInteger(wanted) || bytes.length - offset < wanted) {
    throw new DataError(
      `Cannot read "${name}": ${type} of shape [${dims}] wants ${wanted} bytes after the header, ` +
        `the file has ${bytes.length - offset}; it is cut off, fetch it again`,
    );
  }
  const body = nativeOrder(bytes.subarray(offset, offset + wanted), each, spec.bigEndian);
  return { type, dims, data: elements(body, type, length, name) };
}

/** The bytes in the machine's order (little-endian), aligned for their element. */
function nativeOrder(bytes: Uint8Array, each: number, bigEndian: boolean): Uint8Array {
  if (each === 1 || (!bigEndian && bytes.byteOffset % each === 0)) return bytes;
  const copy = new Uint8Array(bytes); // slice() of a Buffer of Node is no copy
  if (!bigEndian) return copy;
  for (let start = 0; start < copy.length; start += each) copy.subarray(start, start + each).reverse();
  return copy;
}

function elements(body: Uint8Array, type: DataType, length: number, name: string): RawData {
  const { buffer, byteOffset } = body;
  const Class = ARRAYS[type];
  if (Class !== undefined) return new Class(buffer, byteOffset, length);
  const halves = type === 'float16' && halvesAsNumbers({ type, data: new Uint16Array(buffer, byteOffset, length) });
  if (halves) return halves;
  const wide =
    type === 'int64' ? new BigInt64Array(buffer, byteOffset, length) : new BigUint64Array(buffer, byteOffset, length);
  const data = new Float64Array(length);
  for (let i = 0; i < length; i++) {
    const value = Number(wide[i]);
    if (!Number.isSafeInteger(value)) {
      throw new DataError(`Cannot read "${name}": element ${i} is ${wide[i]}, wanted ${type} values within 2^53`);
    }
    data[i] = value;
  }
  return data;
}

/** Rows [start, end) of an array: a view, no copy. */
export function sliceRows(array: RawArray, start: number, end: number): RawArray {
  const row = sizeOf(array.dims.slice(1));
  return { ...array, dims: [end - start, ...array.dims.slice(1)], data: array.data.subarray(start * row, end * row) };
}

/** Index of the first element that is NaN or infinite; -1 where there is none. Cost: one pass over floats. */
export function firstNonFinite(array: RawArray): number {
  if (isInteger(array.type)) return -1;
  const { data } = array;
  for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i])) return i;
  return -1;
}
