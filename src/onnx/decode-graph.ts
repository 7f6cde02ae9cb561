import { OnnxDecodeError } from '../errors/errors.ts';
import type { Attribute, Constant, Dimension, Graph, Node, ValueInfo } from '../ir/model.ts';
import { dataTypeName } from './data-types.ts';
import { decodeAttribute } from './decode-attribute.ts';
import { decodeSparse, type SparseRoom } from './decode-sparse.ts';
import { decodeTensor, type ExternalReader } from './decode-tensor.ts';
import type { GraphProto, NodeProto, SparseTensorProto, ValueInfoProto } from './onnx_pb.ts';
import { domainName, type ValueInfoOrigin } from './origin.ts';

/** What lies around the messages of one file while they are decoded. */
export interface Surroundings {
  /** Reads external tensor data; absent = a model that has some is refused. */
  readonly external: ExternalReader | undefined;
  /** Bytes that sparse tensors may still fill when they are dense. */
  readonly room: SparseRoom;
}

/** Turns a GraphProto into a graph. @throws OnnxDecodeError if something in it is broken */
export function decodeGraph(proto: GraphProto, around: Surroundings): Graph {
  return {
    name: proto.name ?? '',
    nodes: proto.node.map((node) => decodeNode(node, around)),
    inputs: proto.input.map(decodeValueInfo),
    outputs: proto.output.map(decodeValueInfo),
    valueInfo: proto.valueInfo.map(decodeValueInfo),
    constants: decodeConstants(proto, around),
    origin: proto,
  };
}

function decodeConstants(proto: GraphProto, around: Surroundings): Map<string, Constant> {
  const constants = new Map<string, Constant>();
  const add = (name: string, read: () => Constant): void => {
    if (constants.has(name)) throw new OnnxDecodeError(`Cannot read the model: two initializers are named "${name}"`);
    constants.set(name, read());
  };
  for (const tensor of proto.initializer) add(tensor.name ?? '', () => decodeTensor(tensor, around.external));
  for (const sparse of proto.sparseInitializer) add(sparse.values?.name ?? '', () => sparseConstant(sparse, around));
  return constants;
}

function sparseConstant(proto: SparseTensorProto, { external, room }: Surroundings): Constant {
  return decodeSparse(proto, external, room);
}

/** Turns a NodeProto into a node. @throws OnnxDecodeError if an attribute is broken, or there twice */
export function decodeNode(proto: NodeProto, around: Surroundings): Node {
  const attributes = new Map<string, Attribute>();
  const readers = {
    tensor: (tensor: Parameters<typeof decodeTensor>[0]) => decodeTensor(tensor, around.external),
    sparse: (sparse: SparseTensorProto) => sparseConstant(sparse, around),
    graph: (graph: GraphProto) => decodeGraph(graph, around),
  };
  for (const attribute of proto.attribute) {
    const name = attribute.name ?? '';
    if (attributes.has(name)) {
      const node = `node "${proto.name || proto.output[0] || ''}" (${proto.opType ?? ''})`;
      throw new OnnxDecodeError(`Cannot read the model: ${node} has two attributes named "${name}"`);
    }
    attributes.set(name, decodeAttribute(attribute, readers));
  }
  return {
    name: proto.name ?? '',
    op: proto.opType ?? '',
    domain: domainName(proto.domain),
    inputs: proto.input,
    outputs: proto.output,
    attributes,
    origin: proto,
  };
}

function decodeValueInfo(proto: ValueInfoProto): ValueInfo {
  const name = proto.name ?? '';
  const tensor = proto.type?.value.case === 'tensorType' ? proto.type.value.value : undefined;
  const declared = dataTypeName(tensor?.elemType ?? 0);
  const type = declared === 'undefined' ? null : declared;
  const shape = type === null ? null : (tensor?.shape?.dim.map((dim) => dimensionOf(dim.value, name)) ?? null);
  return { name, type, shape, origin: { proto, type, shape } satisfies ValueInfoOrigin };
}

/** Some exporters write -1 for a dimension that they do not know. */
function dimensionOf(value: { case: string | undefined; value?: bigint | string }, name: string): Dimension {
  if (typeof value.value !== 'bigint') return value.value === undefined || value.value === '' ? null : value.value;
  if (value.value > BigInt(Number.MAX_SAFE_INTEGER))
    throw new OnnxDecodeError(`Cannot read the model: a dimension of "${name}" is ${value.value}`);
  return value.value < 0n ? null : Number(value.value);
}
