import { DataError } from '../errors/errors.ts';

/** Arrays that a file of states can hold. */
export type NamedArrays = ReadonlyMap<string, Float32Array | Float64Array>;

const TYPES = { F32: Float32Array, F64: Float64Array } as const;

interface Entry {
  readonly dtype: keyof typeof TYPES;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [from: number, to: number];
}

/**
 * Arrays in the safetensors layout: the length of a header in 8 bytes, the header as JSON, padded so that the numbers
 * begin at a multiple of 8, then the numbers, little-endian.
 *
 * @returns the file's parts in order; the arrays are not copied
 */
export function encodeArrays(arrays: NamedArrays): Uint8Array[] {
  const header: Record<string, Entry> = {};
  // f64 first: every array then begins at a multiple of its element's size.
  const ordered = [...arrays].sort(([, a], [, b]) => b.BYTES_PER_ELEMENT - a.BYTES_PER_ELEMENT);
  let offset = 0;
  for (const [name, array] of ordered) {
    const dtype = array instanceof Float64Array ? 'F64' : 'F32';
    header[name] = { dtype, shape: [array.length], data_offsets: [offset, offset + array.byteLength] };
    offset += array.byteLength;
  }
  const text = JSON.stringify(header);
  const json = new TextEncoder().encode(text + ' '.repeat((8 - (new TextEncoder().encode(text).length % 8)) % 8));
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(json.length), true);
  return [length, json, ...ordered.map(([, a]) => new Uint8Array(a.buffer, a.byteOffset, a.byteLength))];
}

/**
 * Reads what {@link encodeArrays} wrote.
 *
 * @throws DataError if the bytes are cut off, or not such a file
 */
export function decodeArrays(bytes: Uint8Array): Map<string, Float32Array | Float64Array> {
  const bad = (why: string): DataError => new DataError(`Cannot read the arrays of a state: ${why}`);
  if (bytes.length < 8) throw bad('the file is cut off');
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (!(length <= bytes.length - 8)) throw bad('the file is cut off');
  let header: Record<string, Entry>;
  try {
    header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  } catch (cause) {
    throw new DataError('Cannot read the arrays of a state: the header is no JSON', { cause });
  }
  const found = new Map<string, Float32Array | Float64Array>();
  for (const [name, { dtype, data_offsets }] of Object.entries(header)) {
    const [from, to] = data_offsets ?? [0, -1];
    const Type = TYPES[dtype];
    if (Type === undefined || !(from >= 0 && to >= from && (to - from) % Type.BYTES_PER_ELEMENT === 0))
      throw bad(`entry "${name}" makes no sense`);
    if (8 + length + to > bytes.length) throw bad('the file is cut off');
    // Not slice(): that of Node's Buffer copies nothing.
    found.set(name, new Type(Uint8Array.from(bytes.subarray(8 + length + from, 8 + length + to)).buffer));
  }
  return found;
}
