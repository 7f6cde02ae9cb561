import { create, toBinary } from '@bufbuild/protobuf';
import type { Dimension, Graph, Model, Node, ValueInfo } from '../ir/model.ts';
import { dataTypeNumber } from './data-types.ts';
import { encodeAttribute } from './encode-attribute.ts';
import { type ExternalPlacer, encodeTensor } from './encode-tensor.ts';
import {
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  type TypeProto,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from './onnx_pb.ts';
import { domainName, type ValueInfoOrigin } from './origin.ts';

/** What {@link encodeModel} may do besides encoding. */
export interface EncodeOptions {
  /** Moves initializers of the main graph out of the file; without it everything is inside. */
  readonly external?: ExternalPlacer;
}

/**
 * Encodes a model as an ONNX file. What was decoded and not replaced is written as it was, unknown fields included.
 *
 * @throws RangeError if the encoded file passes what one buffer can hold; `writeModel` avoids that by external data
 * Cost: one copy of the weights.
 */
export function encodeModel(model: Model, options: EncodeOptions = {}): Uint8Array {
  return toBinary(ModelProtoSchema, modelProto(model, options.external));
}

function modelProto(model: Model, external: ExternalPlacer | undefined): ModelProto {
  const proto = (model.origin as ModelProto | undefined) ?? create(ModelProtoSchema, { producerName: model.producer });
  return {
    ...proto,
    irVersion: BigInt(model.irVersion),
    opsetImport: saysOpsets(proto, model) ? proto.opsetImport : [...model.opsets].map(opsetProto),
    graph: graphProto(model.graph, external),
  };
}

/** Whether the file's own list still holds; an empty one means opset 1 of ai.onnx. */
function saysOpsets({ opsetImport }: ModelProto, { opsets, irVersion }: Model): boolean {
  if (opsetImport.length === 0) return irVersion < 3 && opsets.size === 1 && opsets.get('') === 1;
  const listed = new Map(opsetImport.map(({ domain, version }) => [domainName(domain), Number(version ?? 0n)]));
  return listed.size === opsets.size && [...listed].every(([domain, version]) => opsets.get(domain) === version);
}

function opsetProto([domain, version]: readonly [string, number]): ModelProto['opsetImport'][number] {
  return create(OperatorSetIdProtoSchema, { domain, version: BigInt(version) });
}

function graphProto(graph: Graph, external?: ExternalPlacer): GraphProto {
  const proto = (graph.origin as GraphProto | undefined) ?? create(GraphProtoSchema);
  return {
    ...proto,
    ...((proto.name ?? '') === graph.name ? {} : { name: graph.name }),
    node: graph.nodes.map(nodeProto),
    initializer: [...graph.constants].map(([name, constant]) => encodeTensor(name, constant, external)),
    input: graph.inputs.map(valueInfoProto),
    output: graph.outputs.map(valueInfoProto),
    valueInfo: graph.valueInfo.map(valueInfoProto),
  };
}

function nodeProto(node: Node): NodeProto {
  const proto = (node.origin as NodeProto | undefined) ?? create(NodeProtoSchema);
  return {
    ...proto,
    ...((proto.name ?? '') === node.name ? {} : { name: node.name }),
    ...(domainName(proto.domain) === node.domain ? {} : { domain: node.domain }),
    opType: node.op,
    input: [...node.inputs],
    output: [...node.outputs],
    attribute: [...node.attributes].map(([name, attribute]) => encodeAttribute(name, attribute, graphProto)),
  };
}

function valueInfoProto(info: ValueInfo): ValueInfoProto {
  const { name, type, shape } = info;
  const origin = info.origin as ValueInfoOrigin | undefined;
  const proto = origin?.proto ?? create(ValueInfoProtoSchema);
  const renamed = (proto.name ?? '') === name ? proto : { ...proto, name };
  if (origin !== undefined && origin.type === type && origin.shape === shape) return renamed;
  if (type === null) return create(ValueInfoProtoSchema, { name });
  return {
    ...renamed,
    type: { ...(proto.type ?? create(TypeProtoSchema)), value: tensorType(dataTypeNumber(type), shape) },
  };
}

function tensorType(elemType: number, shape: readonly Dimension[] | null): TypeProto['value'] {
  const dim = shape?.map((dimension) => {
    const value =
      typeof dimension === 'number' ? dimValue(dimension) : ({ case: 'dimParam', value: dimension ?? '' } as const);
    return create(TensorShapeProto_DimensionSchema, { value });
  });
  const declared = dim === undefined ? {} : { shape: create(TensorShapeProtoSchema, { dim }) };
  return { case: 'tensorType', value: create(TypeProto_TensorSchema, { elemType, ...declared }) };
}

function dimValue(dimension: number): { case: 'dimValue'; value: bigint } {
  return { case: 'dimValue', value: BigInt(dimension) };
}
