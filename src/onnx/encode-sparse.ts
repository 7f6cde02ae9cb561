import { create } from '@bufbuild/protobuf';
import type { Constant } from '../ir/model.ts';
import { sizeOf } from '../tensor/tensor.ts';
import { dataTypeNumber } from './data-types.ts';
import { type SparseTensorProto, SparseTensorProtoSchema, TensorProtoSchema } from './onnx_pb.ts';
import type { SparseOrigin } from './origin.ts';

const INT64 = dataTypeNumber('int64');

/**
 * The sparse form of a constant that the file had in sparse form: the file's own message while nothing changed, else a
 * new one with linear indices where that takes fewer bytes than the dense tensor. Undefined = to be written dense.
 */
export function sparseFormOf(name: string, constant: Constant): SparseTensorProto | undefined {
  const origin = constant.origin as Partial<SparseOrigin> | undefined;
  const { raw, dims, type } = constant;
  if (origin?.sparse === undefined || !(raw instanceof Uint8Array) || raw.byteLength === 0) return undefined;
  const { sparse } = origin;
  const unchanged = raw === origin.raw && type === origin.type && String(dims) === String(origin.dims);
  if (unchanged && (sparse.values?.name ?? '') === name) return sparse;
  return written(name, { raw, dims, type });
}

function written(
  name: string,
  { raw, dims, type }: Pick<Constant, 'dims' | 'type'> & { raw: Uint8Array },
): SparseTensorProto | undefined {
  const each = raw.byteLength / sizeOf(dims);
  // Two elements of four bits share a byte; and bytes that do not fit the shape are for the reader to refuse.
  if (!(Number.isInteger(each) && each > 0)) return undefined;
  const places: number[] = [];
  let bytes = 0;
  for (let place = 0; place * each < raw.byteLength; place++) {
    if (isZero(raw, place * each, each)) continue;
    places.push(place);
    bytes += each + bytesOfIndex(place);
    if (bytes >= raw.byteLength) return undefined;
  }
  const rawData = new Uint8Array(places.length * each);
  for (const [i, place] of places.entries()) rawData.set(raw.subarray(place * each, (place + 1) * each), i * each);
  const count = [BigInt(places.length)];
  return create(SparseTensorProtoSchema, {
    dims: dims.map(BigInt),
    values: create(TensorProtoSchema, { name, dims: count, dataType: dataTypeNumber(type), rawData }),
    indices: create(TensorProtoSchema, { dims: count, dataType: INT64, int64Data: places.map(BigInt) }),
  });
}

/** Seven bits a byte. */
function bytesOfIndex(place: number): number {
  return Math.max(1, Math.ceil(Math.log2(place + 1) / 7));
}

function isZero(raw: Uint8Array, start: number, bytes: number): boolean {
  for (let i = 0; i < bytes; i++) if (raw[start + i] !== 0) return false;
  return true;
}
