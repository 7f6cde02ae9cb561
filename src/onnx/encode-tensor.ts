import { create } from '@bufbuild/protobuf';
import type { Constant } from '../ir/model.ts';
import { dataTypeNumber } from './data-types.ts';
import {
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProtoSchema,
} from './onnx_pb.ts';
import type { TensorOrigin } from './origin.ts';

/** A range of a file beside the model. */
export interface ExternalPlace {
  readonly location: string;
  readonly offset: number;
  readonly length: number;
}

/** Places an initializer's bytes outside the model file, or returns undefined to keep them inside. */
export type ExternalPlacer = (name: string, raw: Uint8Array) => ExternalPlace | undefined;

/** Turns a constant into a TensorProto: the file's own message as it was, unless the constant was changed or is moved. */
export function encodeTensor(name: string, constant: Constant, external?: ExternalPlacer): TensorProto {
  const { raw } = constant;
  const place = raw instanceof Uint8Array ? external?.(name, raw) : undefined;
  const origin = tensorOrigin(constant);
  if (place === undefined && origin !== undefined && isAsRead(constant, origin)) return named(origin.proto, name);
  const blank = emptied(origin?.proto ?? create(TensorProtoSchema), name, constant);
  if (place !== undefined)
    return { ...blank, dataLocation: TensorProto_DataLocation.EXTERNAL, externalData: entriesOf(place) };
  if (raw instanceof Uint8Array) return { ...blank, rawData: raw };
  return { ...blank, stringData: raw.map((text) => new TextEncoder().encode(text)) };
}

/** The file's message of a dense tensor. */
function tensorOrigin({ origin }: Constant): TensorOrigin | undefined {
  const known = origin as Partial<TensorOrigin> | undefined;
  return known?.proto === undefined ? undefined : (known as TensorOrigin);
}

function isAsRead(constant: Constant, { proto, type, dims, raw }: TensorOrigin): boolean {
  const inside = proto.dataLocation !== TensorProto_DataLocation.EXTERNAL;
  return inside && constant.raw === raw && constant.type === type && String(constant.dims) === String(dims);
}

function named(proto: TensorProto, name: string): TensorProto {
  return (proto.name ?? '') === name ? proto : { ...proto, name };
}

/** A message with the constant's header and no elements; what else the file said about it stays. */
function emptied(proto: TensorProto, name: string, { type, dims }: Constant): TensorProto {
  const { rawData: _raw, dataLocation: _location, ...rest } = proto;
  const blank = create(TensorProtoSchema, { dims: dims.map(BigInt), dataType: dataTypeNumber(type) });
  const header = { ...rest, ...blank, ...(proto.$unknown === undefined ? {} : { $unknown: proto.$unknown }) };
  return (proto.name ?? '') === name ? header : { ...header, name };
}

function entriesOf({ location, offset, length }: ExternalPlace): TensorProto['externalData'] {
  const entries = { location, offset: String(offset), length: String(length) };
  return Object.entries(entries).map(([key, value]) => create(StringStringEntryProtoSchema, { key, value }));
}
