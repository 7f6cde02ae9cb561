import { fromBinary } from '@bufbuild/protobuf';
import { messageOf, OnnxDecodeError } from '../errors/errors.ts';
import type { Attribute, Constant, Dimension, Graph, Model, Node, ValueInfo } from '../ir/model.ts';
import { dataTypeName } from './data-types.ts';
import { decodeTensor, type ExternalReader } from './decode-tensor.ts';
import {
  type AttributeProto,
  type GraphProto,
  AttributeProto_AttributeType as Kind,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type ValueInfoProto,
} from './onnx_pb.ts';
import { refuseForeignFile } from './signature.ts';

/** What {@link decodeModel} may need besides the bytes. */
export interface DecodeOptions {
  /** Reads external tensor data; without it a model that has some is refused. */
  readonly external?: ExternalReader;
}

/**
 * Decodes an ONNX file. Tensor bytes are views on the input, which must not change afterwards.
 *
 * @throws OnnxDecodeError with one sentence that says what the bytes are instead, or what is broken
 * Cost: one pass over the bytes; weights are not copied.
 */
export function decodeModel(bytes: Uint8Array, options: DecodeOptions = {}): Model {
  refuseForeignFile(bytes);
  let proto: ModelProto;
  try {
    proto = fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    throw new OnnxDecodeError(
      `Cannot read the model: the file is not valid ONNX, or is cut short (${messageOf(cause)})`,
      { cause },
    );
  }
  if (proto.graph === undefined || proto.opsetImport.length === 0) {
    throw new OnnxDecodeError('Cannot read the model: the file holds no ONNX graph or names no operator set');
  }
  const opsets = new Map(
    proto.opsetImport.map((entry) => [domainName(entry.domain ?? ''), Number(entry.version ?? 0n)]),
  );
  return {
    irVersion: Number(proto.irVersion ?? 0n),
    opsets,
    producer: proto.producerName ?? '',
    graph: decodeGraph(proto.graph, options.external),
    origin: proto,
  };
}

/** 'ai.onnx' and '' are the same domain. */
function domainName(domain: string): string {
  return domain === 'ai.onnx' ? '' : domain;
}

function decodeGraph(proto: GraphProto, external: ExternalReader | undefined): Graph {
  const constants = new Map<string, Constant>();
  for (const tensor of proto.initializer) {
    const name = tensor.name ?? '';
    if (constants.has(name)) throw new OnnxDecodeError(`Cannot read the model: two initializers are named "${name}"`);
    constants.set(name, decodeTensor(tensor, external));
  }
  return {
    name: proto.name ?? '',
    nodes: proto.node.map((node) => decodeNode(node, external)),
    inputs: proto.input.map(decodeValueInfo),
    outputs: proto.output.map(decodeValueInfo),
    valueInfo: proto.valueInfo.map(decodeValueInfo),
    constants,
    origin: proto,
  };
}

function decodeNode(proto: NodeProto, external: ExternalReader | undefined): Node {
  const attributes = new Map<string, Attribute>();
  for (const attribute of proto.attribute) attributes.set(attribute.name ?? '', decodeAttribute(attribute, external));
  return {
    name: proto.name ?? '',
    op: proto.opType ?? '',
    domain: domainName(proto.domain ?? ''),
    inputs: proto.input,
    outputs: proto.output,
    attributes,
    origin: proto,
  };
}

function decodeAttribute(proto: AttributeProto, external: ExternalReader | undefined): Attribute {
  const origin = proto;
  switch (kindOf(proto)) {
    case Kind.FLOAT:
      return { kind: 'float', value: proto.f ?? 0, origin };
    case Kind.INT:
      return { kind: 'int', value: narrow(proto.i ?? 0n), origin };
    case Kind.STRING:
      return { kind: 'string', value: new TextDecoder().decode(proto.s ?? new Uint8Array()), origin };
    case Kind.TENSOR:
      return proto.t === undefined
        ? { kind: 'other', value: null, origin }
        : { kind: 'tensor', value: decodeTensor(proto.t, external), origin };
    case Kind.GRAPH:
      return proto.g === undefined
        ? { kind: 'other', value: null, origin }
        : { kind: 'graph', value: decodeGraph(proto.g, external), origin };
    case Kind.FLOATS:
      return { kind: 'floats', value: proto.floats, origin };
    case Kind.INTS:
      return { kind: 'ints', value: proto.ints.map(narrow), origin };
    case Kind.STRINGS:
      return { kind: 'strings', value: proto.strings.map((s) => new TextDecoder().decode(s)), origin };
    case Kind.GRAPHS:
      return { kind: 'graphs', value: proto.graphs.map((graph) => decodeGraph(graph, external)), origin };
    default:
      return { kind: 'other', value: null, origin };
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

function decodeValueInfo(proto: ValueInfoProto): ValueInfo {
  const name = proto.name ?? '';
  const tensor = proto.type?.value.case === 'tensorType' ? proto.type.value.value : undefined;
  if (tensor === undefined) return { name, type: null, shape: null, origin: proto };
  const shape = tensor.shape?.dim.map((dim): Dimension => {
    if (dim.value.case === 'dimValue') return Number(dim.value.value);
    return dim.value.case === 'dimParam' && dim.value.value !== '' ? dim.value.value : null;
  });
  return { name, type: dataTypeName(tensor.elemType ?? 0), shape: shape ?? null, origin: proto };
}
