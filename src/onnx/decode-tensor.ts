import { OnnxDecodeError } from '../errors/errors.ts';
import type { Constant } from '../ir/model.ts';
import { type DataType, sizeOf } from '../tensor/tensor.ts';
import { dataTypeName } from './data-types.ts';
import { type TensorProto, TensorProto_DataLocation } from './onnx_pb.ts';

/** Where a tensor's bytes lie outside the model file. */
export interface ExternalReference {
  readonly location: string;
  readonly offset: number;
  /** Undefined = to the end of the file. */
  readonly length: number | undefined;
}

/** Returns the bytes that a reference names; the tensor's name is for messages. */
export type ExternalReader = (reference: ExternalReference, tensor: string) => Uint8Array;

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
  const name = proto.name ?? '';
  const type = dataTypeName(proto.dataType ?? 0);
  const dims = proto.dims.map((d) => dimension(d, name));
  if (type === 'undefined')
    throw new OnnxDecodeError(`Cannot read tensor "${name}": its element type ${proto.dataType ?? 0} is not known`);
  if (type === 'string') {
    if (proto.stringData.length !== sizeOf(dims))
      throw wrongLength(name, type, dims, sizeOf(dims), proto.stringData.length);
    return { type, dims, raw: proto.stringData.map((s) => new TextDecoder().decode(s)), origin: proto };
  }
  const raw =
    proto.dataLocation === TensorProto_DataLocation.EXTERNAL
      ? externalBytes(proto, external)
      : embeddedBytes(proto, type);
  const wanted = byteLengthOf(type, dims) as number;
  if (raw.byteLength !== wanted) throw wrongLength(name, type, dims, wanted, raw.byteLength);
  return { type, dims, raw, origin: proto };
}

function dimension(value: bigint, tensor: string): number {
  if (value < 0n || value > 0x1fffffffffffffn)
    throw new OnnxDecodeError(`Cannot read tensor "${tensor}": a dimension is ${value}`);
  return Number(value);
}

function wrongLength(
  name: string,
  type: DataType,
  dims: readonly number[],
  wanted: number,
  got: number,
): OnnxDecodeError {
  return new OnnxDecodeError(
    `Cannot read tensor "${name}": ${type} of shape [${dims}] wants ${wanted} bytes, the file has ${got}`,
  );
}

function externalBytes(proto: TensorProto, external: ExternalReader | undefined): Uint8Array {
  const name = proto.name ?? '';
  const entries = new Map(proto.externalData.map((entry) => [entry.key, entry.value]));
  const location = entries.get('location');
  if (location === undefined || external === undefined) {
    throw new OnnxDecodeError(
      `Cannot read tensor "${name}": its data lies in ${location === undefined ? 'an unnamed file' : `"${location}"`}, which was not given`,
    );
  }
  const length = entries.get('length');
  return external(
    {
      location,
      offset: whole(entries.get('offset') ?? '0', name),
      length: length === undefined ? undefined : whole(length, name),
    },
    name,
  );
}

function whole(text: string, tensor: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value))
    throw new OnnxDecodeError(
      `Cannot read tensor "${tensor}": external offset or length "${text}" is not a whole number`,
    );
  return value;
}

function embeddedBytes(proto: TensorProto, type: DataType): Uint8Array {
  if (proto.rawData !== undefined && proto.rawData.byteLength > 0) return proto.rawData;
  if (proto.floatData.length > 0) return bytesOf(Float32Array.from(proto.floatData));
  if (proto.doubleData.length > 0) return bytesOf(Float64Array.from(proto.doubleData));
  if (proto.int64Data.length > 0) return bytesOf(BigInt64Array.from(proto.int64Data));
  if (proto.uint64Data.length > 0) {
    return type === 'uint32'
      ? bytesOf(Uint32Array.from(proto.uint64Data, Number))
      : bytesOf(BigUint64Array.from(proto.uint64Data));
  }
  return narrowInts(proto.int32Data, type);
}

/** int32_data holds every type of 32 bits or fewer, one element an entry (half floats by their bits). */
function narrowInts(values: readonly number[], type: DataType): Uint8Array {
  const each = BYTES[type] ?? 4;
  if (each === 4) return bytesOf(Int32Array.from(values));
  if (each === 2) return bytesOf(Uint16Array.from(values));
  return Uint8Array.from(values);
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}
