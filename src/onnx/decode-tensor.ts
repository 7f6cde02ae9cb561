import { OnnxDecodeError } from '../errors/errors.ts';
import type { Constant } from '../ir/model.ts';
import { type DataType, sizeOf } from '../tensor/tensor.ts';
import { dataTypeName } from './data-types.ts';
import { type TensorProto, TensorProto_DataLocation } from './onnx_pb.ts';
import type { TensorOrigin } from './origin.ts';

const UTF8 = new TextDecoder();

/** Where a tensor's bytes lie outside the model file. */
export interface ExternalReference {
  readonly location: string;
  readonly offset: number;
  /** As many bytes as the tensor's type and shape want. */
  readonly length: number;
}

/** Returns the bytes that a reference names; the tensor's name is for messages. */
export type ExternalReader = (reference: ExternalReference, tensor: string) => Uint8Array;

/** The dimensions that a file may state: what a number holds exactly. */
const LARGEST_DIMENSION = BigInt(Number.MAX_SAFE_INTEGER);

const BYTES: Partial<Record<DataType, number>> = {
  float32: 4,
  float64: 8,
  float16: 2,
  bfloat16: 2,
  int8: 1,
  int16: 2,
  int32: 4,
  int64: 8,
  uint8: 1,
  uint16: 2,
  uint32: 4,
  uint64: 8,
  bool: 1,
  complex64: 8,
  complex128: 16,
  float8e4m3fn: 1,
  float8e4m3fnuz: 1,
  float8e5m2: 1,
  float8e5m2fnuz: 1,
  float8e8m0: 1,
  int4: 0.5,
  uint4: 0.5,
  float4e2m1: 0.5,
};

/** Bytes that a tensor of this type and shape fills; undefined for strings and unknown types. */
export function byteLengthOf(type: DataType, dims: readonly number[]): number | undefined {
  const each = BYTES[type];
  return each === undefined ? undefined : Math.ceil(sizeOf(dims) * each);
}

/**
 * Turns a TensorProto into a constant, whichever of its fields holds the elements.
 *
 * @throws OnnxDecodeError if shape and bytes disagree, a dimension is negative or absurd, or external data is missing
 */
export function decodeTensor(proto: TensorProto, external: ExternalReader | undefined): Constant {
  const type = dataTypeName(proto.dataType ?? 0);
  if (type === 'undefined') throw problem(proto, `its element type ${proto.dataType ?? 0} is not known`);
  if (proto.segment !== undefined) throw problem(proto, 'it is split into segments, which no runtime reads');
  const dims = proto.dims.map((dimension) => dimensionOf(dimension, proto));
  const raw = type === 'string' ? strings(proto, dims) : bytes(proto, type, dims, external);
  return { type, dims, raw, origin: { proto, type, dims, raw } satisfies TensorOrigin };
}

function problem(proto: TensorProto, what: string): OnnxDecodeError {
  return new OnnxDecodeError(`Cannot read tensor "${proto.name ?? ''}": ${what}`, {
    fields: { tensor: proto.name ?? '' },
  });
}

function dimensionOf(value: bigint, proto: TensorProto): number {
  if (value < 0n || value > LARGEST_DIMENSION) throw problem(proto, `a dimension is ${value}`);
  return Number(value);
}

function strings(proto: TensorProto, dims: readonly number[]): string[] {
  const [wanted, got] = [sizeOf(dims), proto.stringData.length];
  if (got !== wanted) throw problem(proto, `a shape of [${dims}] wants ${wanted} strings, the file has ${got}`);
  return proto.stringData.map((text) => UTF8.decode(text));
}

function bytes(
  proto: TensorProto,
  type: DataType,
  dims: readonly number[],
  external: ExternalReader | undefined,
): Uint8Array {
  const wanted = byteLengthOf(type, dims) as number;
  const outside = proto.dataLocation === TensorProto_DataLocation.EXTERNAL;
  const raw = outside ? externalBytes(proto, wanted, external) : embeddedBytes(proto, type);
  if (raw.byteLength === wanted) return raw;
  throw problem(proto, `${type} of shape [${dims}] wants ${wanted} bytes, the file has ${raw.byteLength}`);
}

function externalBytes(proto: TensorProto, wanted: number, external: ExternalReader | undefined): Uint8Array {
  const entries = new Map(proto.externalData.map((entry) => [entry.key, entry.value]));
  const location = entries.get('location');
  if (location === undefined || location === '') throw problem(proto, 'its data lies in a file that is not named');
  if (external === undefined) throw problem(proto, `its data lies in "${location}", which was not given`);
  const offset = whole(entries.get('offset') ?? '0', proto);
  const length = whole(entries.get('length') ?? String(wanted), proto);
  if (length !== wanted)
    throw problem(proto, `its type and shape want ${wanted} bytes, its entry in "${location}" has ${length}`);
  if (!Number.isSafeInteger(offset + length)) throw problem(proto, `its range in "${location}" is absurd`);
  return wanted === 0 ? new Uint8Array() : external({ location, offset, length }, proto.name ?? '');
}

function whole(text: string, proto: TensorProto): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value))
    throw problem(proto, `its external offset or length "${text}" is not a whole number`);
  return value;
}

/** Each element type has one field of its own besides the raw bytes. */
function embeddedBytes(proto: TensorProto, type: DataType): Uint8Array {
  if (proto.rawData !== undefined && proto.rawData.byteLength > 0) return proto.rawData;
  switch (type) {
    case 'float32':
    case 'complex64':
      return bytesOf(Float32Array.from(proto.floatData));
    case 'float64':
    case 'complex128':
      return bytesOf(Float64Array.from(proto.doubleData));
    case 'int64':
      return bytesOf(BigInt64Array.from(proto.int64Data));
    case 'uint64':
      return bytesOf(BigUint64Array.from(proto.uint64Data));
    case 'uint32':
      return bytesOf(Uint32Array.from(proto.uint64Data, Number));
    case 'int32':
      return bytesOf(Int32Array.from(proto.int32Data));
    default:
      return BYTES[type] === 2 ? bytesOf(Uint16Array.from(proto.int32Data)) : Uint8Array.from(proto.int32Data);
  }
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}
