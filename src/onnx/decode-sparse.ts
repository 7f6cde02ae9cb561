import { OnnxDecodeError } from '../errors/errors.ts';
import { tensorOf } from '../ir/access.ts';
import type { Constant } from '../ir/model.ts';
import { sizeOf } from '../tensor/tensor.ts';
import { byteLengthOf, decodeTensor, type ExternalReader } from './decode-tensor.ts';
import type { SparseTensorProto } from './onnx_pb.ts';
import type { SparseOrigin } from './origin.ts';

/** How many bytes the sparse tensors of a file may fill when they are dense, and how many of these are left. */
export interface SparseRoom {
  readonly all: number;
  bytes: number;
}

/** What one protobuf message may hold. */
const MOST_BYTES = 2 ** 31 - 1;
/** Bytes that any file may ask for; a larger one so many times its own. */
const LEAST_BYTES = 2 ** 26;
const GROWTH = 2 ** 14;

/** The room that a file of so many bytes has: a few bytes can name any shape, and cost the memory and time of it. */
export function sparseRoom(fileBytes: number): SparseRoom {
  const all = Math.min(MOST_BYTES, Math.max(LEAST_BYTES, GROWTH * fileBytes));
  return { all, bytes: all };
}

const WHOLE = new Set(['int64', 'int32', 'int16', 'int8']);

/**
 * Turns a SparseTensorProto, with linear indices [n] or one index for each axis [n, rank], into a dense constant.
 *
 * @throws OnnxDecodeError if an index lies outside the shape or comes twice, or values, indices and shape disagree
 * Cost: the dense bytes, taken off the room.
 */
export function decodeSparse(
  proto: SparseTensorProto,
  external: ExternalReader | undefined,
  room: SparseRoom,
): Constant {
  const name = proto.values?.name ?? '';
  if (proto.values === undefined) throw problem(name, 'it has no values');
  const values = decodeTensor(proto.values, external);
  if (!(values.raw instanceof Uint8Array) || (byteLengthOf(values.type, [1]) as number) < 1 || values.type === 'int4')
    throw problem(name, `its values are ${values.type}; wanted numbers of whole bytes`);
  const dims = proto.dims.map((dimension) => dimensionOf(dimension, name));
  const raw = new Uint8Array(takeRoom(byteLengthOf(values.type, dims) as number, room, name, dims));
  scatter(raw, values.raw, { name, dims, places: placesOf(proto, { name, dims, values }, external) });
  return {
    type: values.type,
    dims,
    raw,
    origin: { sparse: proto, type: values.type, dims, raw } satisfies SparseOrigin,
  };
}

function problem(name: string, what: string): OnnxDecodeError {
  return new OnnxDecodeError(`Cannot read sparse tensor "${name}": ${what}`, { fields: { tensor: name } });
}

function dimensionOf(value: bigint, name: string): number {
  if (value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER)) throw problem(name, `a dimension is ${value}`);
  return Number(value);
}

function takeRoom(bytes: number, room: SparseRoom, name: string, dims: readonly number[]): number {
  if (bytes > room.bytes)
    throw problem(
      name,
      `a shape of [${dims}] is ${bytes} bytes when dense; all such tensors of this file together may have ${room.all}`,
    );
  room.bytes -= bytes;
  return bytes;
}

interface Parts {
  readonly name: string;
  readonly dims: readonly number[];
  readonly values: Constant;
}

/** Where each value lies in the dense tensor. */
function placesOf(
  { indices: proto }: SparseTensorProto,
  { name, dims, values }: Parts,
  external: ExternalReader | undefined,
): Float64Array {
  const count = sizeOf(values.dims);
  if (proto === undefined) {
    if (count === 0) return new Float64Array();
    throw problem(name, 'it has no indices');
  }
  const indices = decodeTensor(proto, external);
  if (!WHOLE.has(indices.type)) throw problem(name, `its indices are ${indices.type}; wanted int64`);
  const isLinear = indices.dims.length < 2;
  const axes = isLinear ? [sizeOf(dims)] : dims;
  const wanted = isLinear ? [count] : [count, dims.length];
  if (String(indices.dims) !== String(wanted) || values.dims.length > 1)
    throw problem(name, `wanted ${count} values with indices [${wanted}], got indices [${indices.dims}]`);
  const data = tensorOf(indices).data as BigInt64Array | Int32Array;
  return Float64Array.from({ length: count }, (_, i) => placeOf(data, i, axes, name));
}

function placeOf(data: BigInt64Array | Int32Array, i: number, axes: readonly number[], name: string): number {
  let place = 0;
  for (const [axis, length] of axes.entries()) {
    const index = Number(data[i * axes.length + axis]);
    if (index < 0 || index >= length) throw problem(name, `index ${index} lies outside an axis of ${length}`);
    place = place * length + index;
  }
  return place;
}

function scatter(
  into: Uint8Array,
  values: Uint8Array,
  { name, dims, places }: { name: string; dims: readonly number[]; places: Float64Array },
): void {
  const each = into.byteLength / Math.max(sizeOf(dims), 1);
  const seen = new Set<number>();
  for (const [i, place] of places.entries()) {
    if (seen.has(place)) throw problem(name, `element ${place} is there twice`);
    seen.add(place);
    into.set(values.subarray(i * each, (i + 1) * each), place * each);
  }
}
