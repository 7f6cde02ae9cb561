import { fromBinary } from '@bufbuild/protobuf';
import { messageOf, OnnxDecodeError } from '../errors/errors.ts';
import type { Attribute, Constant, Dimension, Graph, Model, Node, ValueInfo } from '../ir/model.ts';
import { dataTypeName } from './data-types.ts';
import { decodeAttribute } from './decode-attribute.ts';
import { decodeTensor, type ExternalReader } from './decode-tensor.ts';
import { type GraphProto, type ModelProto, ModelProtoSchema, type NodeProto, type ValueInfoProto } from './onnx_pb.ts';
import { domainName, type ValueInfoOrigin } from './origin.ts';
import { refuseForeignFile } from './signature.ts';

/** What {@link decodeModel} may need besides the bytes. */
export interface DecodeOptions {
  /** Reads external tensor data; without it a model that has some is refused. */
  readonly external?: ExternalReader;
}

/** Files of these first IR versions name no operator set: they mean the first. */
const LAST_IR_WITHOUT_OPSETS = 2;

/**
 * Decodes an ONNX file. Tensor bytes are views on the input, which must not change afterwards.
 * Whether the graph is sound (every input defined, no cycle) is `validateGraph`'s to say.
 *
 * @throws OnnxDecodeError with one sentence that says what the bytes are instead, or what is broken
 * Cost: one pass over the bytes; weights are not copied.
 */
export function decodeModel(bytes: Uint8Array, options: DecodeOptions = {}): Model {
  refuseForeignFile(bytes);
  const proto = parse(bytes);
  if (proto.graph === undefined) throw new OnnxDecodeError('Cannot read the model: the file holds no ONNX graph');
  return {
    irVersion: Number(proto.irVersion ?? 0n),
    opsets: opsetsOf(proto),
    producer: proto.producerName ?? '',
    graph: decodeGraph(proto.graph, options.external),
    origin: proto,
  };
}

function parse(bytes: Uint8Array): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    const reason = `the file is not valid ONNX, or is cut short (${messageOf(cause)})`;
    throw new OnnxDecodeError(`Cannot read the model: ${reason}`, { cause });
  }
}

function opsetsOf(proto: ModelProto): Map<string, number> {
  const opsets = new Map<string, number>();
  for (const { domain, version } of proto.opsetImport) {
    const [name, number] = [domainName(domain), Number(version ?? 0n)];
    if ((opsets.get(name) ?? number) !== number) {
      throw new OnnxDecodeError(
        `Cannot read the model: it names two versions of the operator set "${name || 'ai.onnx'}"`,
      );
    }
    opsets.set(name, number);
  }
  if (opsets.size > 0) return opsets;
  const version = Number(proto.irVersion ?? 0n);
  if (version < 1 || version > LAST_IR_WITHOUT_OPSETS)
    throw new OnnxDecodeError('Cannot read the model: the file names no operator set');
  return opsets.set('', 1);
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
  for (const attribute of proto.attribute) {
    const name = attribute.name ?? '';
    if (attributes.has(name)) {
      const node = `node "${proto.name || proto.output[0] || ''}" (${proto.opType ?? ''})`;
      throw new OnnxDecodeError(`Cannot read the model: ${node} has two attributes named "${name}"`);
    }
    attributes.set(
      name,
      decodeAttribute(attribute, (graph) => decodeGraph(graph, external), external),
    );
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
  const shape = type === null ? null : (tensor?.shape?.dim.map((dim) => dimensionOf(dim.value)) ?? null);
  return { name, type, shape, origin: { proto, type, shape } satisfies ValueInfoOrigin };
}

/** Some exporters write -1 for a dimension that they do not know. */
function dimensionOf(value: { case: string | undefined; value?: bigint | string }): Dimension {
  if (typeof value.value === 'bigint') return value.value < 0n ? null : Number(value.value);
  return value.value === undefined || value.value === '' ? null : value.value;
}
