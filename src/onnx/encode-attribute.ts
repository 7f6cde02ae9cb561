import { create } from '@bufbuild/protobuf';
import type { Attribute, Constant, Graph } from '../ir/model.ts';
import { encodeTensor } from './encode-tensor.ts';
import {
  type AttributeProto,
  AttributeProtoSchema,
  type GraphProto,
  AttributeProto_AttributeType as Kind,
} from './onnx_pb.ts';
import type { AttributeOrigin } from './origin.ts';

/** Writes a subgraph. */
export type GraphEncoder = (graph: Graph) => GraphProto;

/** Turns an attribute into an AttributeProto: the file's own message as it was, unless the attribute was changed. */
export function encodeAttribute(name: string, attribute: Attribute, encodeGraph: GraphEncoder): AttributeProto {
  const { proto, kind, value } = (attribute.origin ?? {}) as Partial<AttributeOrigin>;
  const old = proto !== undefined && kind === attribute.kind ? named(proto, name) : undefined;
  switch (attribute.kind) {
    case 'tensor':
      if (old?.sparseTensor !== undefined) return value === attribute.value ? old : denseTensor(name, attribute.value);
      return { ...(old ?? base(name, Kind.TENSOR)), t: encodeTensor(old?.t?.name ?? '', attribute.value) };
    case 'graph':
      return { ...(old ?? base(name, Kind.GRAPH)), g: encodeGraph(attribute.value) };
    case 'graphs':
      return { ...(old ?? base(name, Kind.GRAPHS)), graphs: attribute.value.map((graph) => encodeGraph(graph)) };
    default:
      return old !== undefined && Object.is(value, attribute.value) ? old : encodePlain(name, attribute);
  }
}

function denseTensor(name: string, value: Constant): AttributeProto {
  return { ...base(name, Kind.TENSOR), t: encodeTensor('', value) };
}

function named(proto: AttributeProto, name: string): AttributeProto {
  return (proto.name ?? '') === name ? proto : { ...proto, name };
}

function base(name: string, type: Kind): AttributeProto {
  return create(AttributeProtoSchema, { name, type });
}

function encodePlain(
  name: string,
  attribute: Exclude<Attribute, { kind: 'tensor' | 'graph' | 'graphs' }>,
): AttributeProto {
  switch (attribute.kind) {
    case 'float':
      return create(AttributeProtoSchema, { name, type: Kind.FLOAT, f: attribute.value });
    case 'int':
      return create(AttributeProtoSchema, { name, type: Kind.INT, i: BigInt(attribute.value) });
    case 'string':
      return create(AttributeProtoSchema, { name, type: Kind.STRING, s: bytesOf(attribute.value) });
    case 'floats':
      return create(AttributeProtoSchema, { name, type: Kind.FLOATS, floats: [...attribute.value] });
    case 'ints':
      return create(AttributeProtoSchema, {
        name,
        type: Kind.INTS,
        ints: attribute.value.map((value) => BigInt(value)),
      });
    case 'strings':
      return create(AttributeProtoSchema, { name, type: Kind.STRINGS, strings: attribute.value.map(bytesOf) });
    default:
      return base(name, Kind.UNDEFINED);
  }
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
