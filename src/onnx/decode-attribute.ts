import type { Attribute, Graph } from '../ir/model.ts';
import { decodeTensor, type ExternalReader } from './decode-tensor.ts';
import { type AttributeProto, type GraphProto, AttributeProto_AttributeType as Kind } from './onnx_pb.ts';
import type { AttributeOrigin } from './origin.ts';

const UTF8 = new TextDecoder();

/** Reads a subgraph. */
export type GraphDecoder = (proto: GraphProto) => Graph;

/** Like a union's `Omit`, member by member. */
type Bare = Attribute extends infer A ? (A extends Attribute ? Omit<A, 'origin'> : never) : never;

/**
 * Turns an AttributeProto into an attribute; kinds that are only carried along become `other`.
 *
 * @throws OnnxDecodeError if a tensor in it is broken
 */
export function decodeAttribute(
  proto: AttributeProto,
  decodeGraph: GraphDecoder,
  external: ExternalReader | undefined,
): Attribute {
  const bare = decodeValue(proto, decodeGraph, external);
  return { ...bare, origin: { proto, kind: bare.kind, value: bare.value } satisfies AttributeOrigin } as Attribute;
}

function decodeValue(proto: AttributeProto, decodeGraph: GraphDecoder, external: ExternalReader | undefined): Bare {
  switch (kindOf(proto)) {
    case Kind.FLOAT:
      return { kind: 'float', value: proto.f ?? 0 };
    case Kind.INT:
      return { kind: 'int', value: narrow(proto.i ?? 0n) };
    case Kind.STRING:
      return { kind: 'string', value: textOf(proto.s ?? new Uint8Array()) };
    case Kind.TENSOR:
      return proto.t === undefined
        ? { kind: 'other', value: null }
        : { kind: 'tensor', value: decodeTensor(proto.t, external) };
    case Kind.GRAPH:
      return proto.g === undefined ? { kind: 'other', value: null } : { kind: 'graph', value: decodeGraph(proto.g) };
    case Kind.FLOATS:
      return { kind: 'floats', value: proto.floats };
    case Kind.INTS:
      return { kind: 'ints', value: proto.ints.map(narrow) };
    case Kind.STRINGS:
      return { kind: 'strings', value: proto.strings.map(textOf) };
    case Kind.GRAPHS:
      return { kind: 'graphs', value: proto.graphs.map(decodeGraph) };
    default:
      return { kind: 'other', value: null };
  }
}

/** Files of IR version 1 and 2 leave the type out; the field that is present tells it. */
function kindOf(proto: AttributeProto): Kind {
  if (proto.type !== undefined && proto.type !== Kind.UNDEFINED) return proto.type;
  const has = (field: keyof AttributeProto): boolean => Object.hasOwn(proto, field);
  if (has('f')) return Kind.FLOAT;
  if (has('i')) return Kind.INT;
  if (has('s')) return Kind.STRING;
  if (proto.t !== undefined) return Kind.TENSOR;
  if (proto.g !== undefined) return Kind.GRAPH;
  if (proto.floats.length > 0) return Kind.FLOATS;
  if (proto.ints.length > 0) return Kind.INTS;
  if (proto.strings.length > 0) return Kind.STRINGS;
  return proto.graphs.length > 0 ? Kind.GRAPHS : Kind.UNDEFINED;
}

function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function textOf(bytes: Uint8Array): string {
  return UTF8.decode(bytes);
}
