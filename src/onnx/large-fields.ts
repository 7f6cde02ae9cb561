import { dataTypeNumber } from './data-types.ts';
import type { GraphProto } from './onnx_pb.ts';

/** Messages that tensors lie in, with the fields that hold the next. onnx.proto. */
type Place = 'model' | 'graph' | 'node' | 'attribute' | 'sparse' | 'tensor';
const INSIDE: Readonly<Record<Exclude<Place, 'tensor'>, Readonly<Record<number, Place>>>> = {
  model: { 7: 'graph' },
  graph: { 1: 'node', 5: 'tensor', 15: 'sparse' },
  node: { 5: 'attribute' },
  attribute: { 5: 'tensor', 6: 'graph', 10: 'tensor', 11: 'graph', 22: 'sparse', 23: 'sparse' },
  sparse: { 1: 'tensor' },
};
/** Fields of TensorProto: the type, the elements as floats, as doubles, and as bytes. */
const DATA_TYPE = 2;
const FLOAT_DATA = 4;
const DOUBLE_DATA = 10;
const RAW_DATA = 9;
const FLOAT = dataTypeNumber('float32');
/** The types whose elements those fields hold. */
const TYPES: Readonly<Record<number, readonly number[]>> = {
  [FLOAT_DATA]: [FLOAT, dataTypeNumber('complex64')],
  [DOUBLE_DATA]: [dataTypeNumber('float64'), dataTypeNumber('complex128')],
};

const VARINT = 0;
const FIXED64 = 1;
const DELIMITED = 2;
const FIXED32 = 5;

/** Bytes from which on a field is large. */
const LARGE = 2 ** 24;

/**
 * Finds the large fields of floats in a file, of which a decoder makes arrays of boxed numbers: none of them can have more than 2^27.
 * Packed, they are little-endian elements as `raw_data` has them.
 *
 * @returns where their tags lie; empty where the bytes are no messages, which the decoder says better
 * Cost: a look at every field of messages that are large.
 */
export function largeFloatFields(bytes: Uint8Array, least = LARGE): number[] {
  const found: number[] = [];
  walk(bytes, { place: 'model', from: 0, to: bytes.length }, { least, found });
  return found;
}

/** Gives those fields the tag of `raw_data`, in place. */
export function asRawData(bytes: Uint8Array, tags: readonly number[]): void {
  for (const at of tags) bytes[at] = (RAW_DATA << 3) | DELIMITED;
}

interface Message {
  readonly place: Place;
  readonly from: number;
  readonly to: number;
}

/** What is looked for in a file, and what was found. */
interface Search {
  readonly least: number;
  readonly found: number[];
}

/** @returns whether the message could be read to its end */
function walk(bytes: Uint8Array, { place, from, to }: Message, search: Search): boolean {
  const own: { tag: number; types: readonly number[] }[] = [];
  let [elements, type] = [0, 0]; // fields with elements: a tensor with several of them is the decoder's to put together
  let at = from;
  while (at < to) {
    const field = fieldAt(bytes, at, to);
    if (field === null) return false;
    const { number, start, end, wire } = field;
    const isLarge = wire === DELIMITED && end - start >= search.least;
    if (place === 'tensor') {
      const types = TYPES[number];
      if (types !== undefined || number === RAW_DATA) elements++;
      if (types !== undefined && isLarge) own.push({ tag: at, types });
      if (number === DATA_TYPE) type = varintAt(bytes, start, to)?.value ?? 0;
    } else if (isLarge) {
      const inner = INSIDE[place][number];
      if (inner !== undefined && !walk(bytes, { place: inner, from: start, to: end }, search)) return false;
    }
    at = end;
  }
  for (const { tag, types } of own) if (elements === 1 && types.includes(type)) search.found.push(tag);
  return true;
}

/** A field whose tag lies at `at`: where its contents start and end; null if there is none that ends before `to`. */
function fieldAt(
  bytes: Uint8Array,
  at: number,
  to: number,
): { number: number; wire: number; start: number; end: number } | null {
  const tag = varintAt(bytes, at, to);
  if (tag === null) return null;
  const [wire, number] = [tag.value % 8, Math.floor(tag.value / 8)];
  let [start, end] = [tag.end, -1];
  if (wire === DELIMITED) {
    const length = varintAt(bytes, start, to);
    if (length === null) return null;
    start = length.end;
    end = start + length.value;
  } else if (wire === VARINT) end = varintAt(bytes, start, to)?.end ?? -1;
  else if (wire === FIXED64) end = start + 8;
  else if (wire === FIXED32) end = start + 4;
  return end < start || end > to ? null : { number, wire, start, end };
}

function varintAt(bytes: Uint8Array, at: number, to: number): { value: number; end: number } | null {
  let [value, scale] = [0, 1];
  for (let i = at; i < to && i < at + 10; i++) {
    const byte = bytes[i] as number;
    value += (byte & 127) * scale;
    scale *= 128;
    if (byte < 128) return { value, end: i + 1 };
  }
  return null;
}

/** A Float32Array can start there. */
const ALIGNMENT = 4;

/**
 * Moves the bytes of large float32 initializers, in place, to where a typed array can start: over the end of their own tag and length,
 * which were read by now. Their elements can then be looked at without a copy.
 *
 * Cost: a move within memory of those that lie otherwise, three of four.
 */
export function alignLarge({ initializer }: GraphProto, bytes: Uint8Array, least = LARGE): void {
  for (const tensor of initializer) {
    const { rawData, dataType } = tensor;
    if (dataType !== FLOAT || rawData === undefined || rawData.byteLength < least) continue;
    const by = rawData.byteOffset % ALIGNMENT;
    if (by === 0 || rawData.buffer !== bytes.buffer || rawData.byteLength < LEAST_MOVED) continue;
    const start = rawData.byteOffset - by;
    const all = new Uint8Array(bytes.buffer);
    all.copyWithin(start, rawData.byteOffset, rawData.byteOffset + rawData.byteLength);
    tensor.rawData = all.subarray(start, start + rawData.byteLength);
  }
}

/** Contents of so many bytes have a length of two bytes at least before them, and a tag before that. */
const LEAST_MOVED = 128;
