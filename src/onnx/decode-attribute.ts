import type { Attribute, Constant, Graph } from '../ir/model.ts';
import {
  type AttributeProto,
  type GraphProto,
  AttributeProto_AttributeType as Kind,
  type SparseTensorProto,
  type TensorProto,
} from './onnx_pb.ts';
import type { AttributeOrigin } from './origin.ts';

const UTF8 = new TextDecoder();

/** Read what an attribute may hold besides numbers and text. */
export interface AttributeReaders {
  readonly tensor: (proto: TensorProto) => Constant;
  readonly sparse: (proto: SparseTensorProto) => Constant;
  readonly graph: (proto: GraphProto) => Graph;
}

/** Like a union's `Omit`, member by member. */
type Bare = Attribute extends infer A ? (A extends Attribute ? Omit<A, 'origin'> : never) : never;

/**
 * Turns an AttributeProto into an attribute; kinds that are only carried along become `other`. A sparse tensor becomes a
 * dense one.
 *
 * @throws OnnxDecodeError if a tensor or a graph in it is broken
 */
export function decodeAttribute(proto: AttributeProto, readers: AttributeReaders): Attribute {
  const bare = decodeValue(proto, readers);
  return { ...bare, origin: { proto, kind: bare.kind, value: bare.value } satisfies AttributeOrigin } as Attribute;
}

const OTHER = { kind: 'other', value: null } as const;

function decodeValue(proto: AttributeProto, readers: AttributeReaders): Bare {
  switch (kindOf(proto)) {
    case Kind.FLOAT:
      return { kind: 'float', value: proto.f ?? 0 };
    case Kind.INT:
      return { kind: 'int', value: narrow(proto.i ?? 0n) };
    case Kind.STRING:
      return { kind: 'string', value: textOf(proto.s ?? new Uint8Array()) };
    case Kind.TENSOR:
      return proto.t === undefined ? OTHER : { kind: 'tensor', value: readers.tensor(proto.t) };
    case Kind.SPARSE_TENSOR:
      return proto.sparseTensor === undefined ? OTHER : { kind: 'tensor', value: readers.sparse(proto.sparseTensor) };
    case Kind.GRAPH:
      return proto.g === undefined ? OTHER : { kind: 'graph', value: readers.graph(proto.g) };
    case Kind.FLOATS:
      return { kind: 'floats', value: proto.floats };
    case Kind.INTS:
      return { kind: 'ints', value: proto.ints.map(narrow) };
    case Kind.STRINGS:
      return { kind: 'strings', value: proto.strings.map(textOf) };
    case Kind.GRAPHS:
      return { kind: 'graphs', value: proto.graphs.map((graph) => readers.graph(graph)) };
    default:
      return OTHER;
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
  if (proto.sparseTensor !== undefined) return Kind.SPARSE_TENSOR;
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
