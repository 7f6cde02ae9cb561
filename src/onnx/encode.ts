import { create, toBinary } from '@bufbuild/protobuf';
import type { Attribute, Constant, Graph, Model, Node, ValueInfo } from '../ir/model.ts';
import { dataTypeNumber } from './data-types.ts';
import {
  type AttributeProto,
  AttributeProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  AttributeProto_AttributeType as Kind,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from './onnx_pb.ts';

/** Places a tensor's bytes outside the model file, or returns undefined to keep them inside. */
export type ExternalPlacer = (
  name: string,
  raw: Uint8Array,
) => { location: string; offset: number; length: number } | undefined;

/** What {@link encodeModel} may do besides encoding. */
export interface EncodeOptions {
  readonly external?: ExternalPlacer;
}

/**
 * Encodes a model as an ONNX file. What was decoded and not replaced is written as it was, unknown fields included.
 *
 * Cost: one copy of the weights.
 */
export function encodeModel(model: Model, options: EncodeOptions = {}): Uint8Array {
  return toBinary(ModelProtoSchema, modelProto(model, options.external));
}

function modelProto(model: Model, external: ExternalPlacer | undefined): ModelProto {
  const proto = from(model.origin) ?? create(ModelProtoSchema, { producerName: model.producer });
  const same =
    proto.opsetImport.length === model.opsets.size &&
    proto.opsetImport.every(
      (o) => model.opsets.get(o.domain === 'ai.onnx' ? '' : (o.domain ?? '')) === Number(o.version ?? 0n),
    );
  return {
    ...proto,
    irVersion: BigInt(model.irVersion),
    opsetImport: same
      ? proto.opsetImport
      : [...model.opsets].map(([domain, version]) =>
          create(OperatorSetIdProtoSchema, { domain, version: BigInt(version) }),
        ),
    graph: graphProto(model.graph, external),
  };

  function from(origin: unknown): ModelProto | undefined {
    return origin as ModelProto | undefined;
  }
}

function graphProto(graph: Graph, external: ExternalPlacer | undefined): GraphProto {
  const proto = (graph.origin as GraphProto | undefined) ?? create(GraphProtoSchema, { name: graph.name });
  return {
    ...proto,
    node: graph.nodes.map((node) => nodeProto(node, external)),
    initializer: [...graph.constants].map(([name, constant]) => tensorProto(name, constant, external)),
    input: graph.inputs.map(valueInfoProto),
    output: graph.outputs.map(valueInfoProto),
    valueInfo: graph.valueInfo.map(valueInfoProto),
  };
}

function nodeProto(node: Node, external: ExternalPlacer | undefined): NodeProto {
  const proto = (node.origin as NodeProto | undefined) ?? create(NodeProtoSchema);
  return {
    ...proto,
    ...(node.name === '' && proto.name === undefined ? {} : { name: node.name }),
    opType: node.op,
    ...(node.domain === '' ? {} : { domain: node.domain }),
    input: [...node.inputs],
    output: [...node.outputs],
    attribute: [...node.attributes].map(([name, attribute]) => attributeProto(name, attribute, external)),
  };
}

function attributeProto(name: string, attribute: Attribute, external: ExternalPlacer | undefined): AttributeProto {
  const { origin } = attribute;
  if (attribute.kind === 'graph' || attribute.kind === 'graphs') return graphAttribute(name, attribute, external);
  if (attribute.kind === 'tensor')
    return { ...base(name, Kind.TENSOR, origin), t: tensorProto('', attribute.value, external) };
  if (origin !== undefined) return origin as AttributeProto;
  switch (attribute.kind) {
    case 'float':
      return create(AttributeProtoSchema, { name, type: Kind.FLOAT, f: attribute.value });
    case 'int':
      return create(AttributeProtoSchema, { name, type: Kind.INT, i: BigInt(attribute.value) });
    case 'string':
      return create(AttributeProtoSchema, { name, type: Kind.STRING, s: new TextEncoder().encode(attribute.value) });
    case 'floats':
      return create(AttributeProtoSchema, { name, type: Kind.FLOATS, floats: [...attribute.value] });
    case 'ints':
      return create(AttributeProtoSchema, { name, type: Kind.INTS, ints: attribute.value.map((v) => BigInt(v)) });
    case 'strings':
      return create(AttributeProtoSchema, {
        name,
        type: Kind.STRINGS,
        strings: attribute.value.map((v) => new TextEncoder().encode(v)),
      });
    default:
      return base(name, Kind.UNDEFINED, origin);
  }
}

function graphAttribute(
  name: string,
  attribute: Extract<Attribute, { kind: 'graph' | 'graphs' }>,
  external: ExternalPlacer | undefined,
): AttributeProto {
  if (attribute.kind === 'graph')
    return { ...base(name, Kind.GRAPH, attribute.origin), g: graphProto(attribute.value, external) };
  return {
    ...base(name, Kind.GRAPHS, attribute.origin),
    graphs: attribute.value.map((graph) => graphProto(graph, external)),
  };
}

function base(name: string, type: Kind, origin: unknown): AttributeProto {
  return (origin as AttributeProto | undefined) ?? create(AttributeProtoSchema, { name, type });
}

function tensorProto(name: string, constant: Constant, external: ExternalPlacer | undefined): TensorProto {
  const origin = constant.origin as TensorProto | undefined;
  const raw = constant.raw instanceof Uint8Array ? constant.raw : undefined;
  const place = raw === undefined ? undefined : external?.(name, raw);
  if (place !== undefined) return externalTensor(name, constant, place);
  if (origin !== undefined && origin.dataLocation !== TensorProto_DataLocation.EXTERNAL) return origin;
  return {
    ...header(name, constant),
    ...(raw === undefined
      ? { stringData: (constant.raw as readonly string[]).map((s) => new TextEncoder().encode(s)) }
      : { rawData: raw }),
  };
}

function externalTensor(
  name: string,
  constant: Constant,
  place: { location: string; offset: number; length: number },
): TensorProto {
  const entries = { location: place.location, offset: String(place.offset), length: String(place.length) };
  return {
    ...header(name, constant),
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: Object.entries(entries).map(([key, value]) => create(StringStringEntryProtoSchema, { key, value })),
  };
}

function header(name: string, constant: Constant): TensorProto {
  return create(TensorProtoSchema, {
    ...(name === '' ? {} : { name }),
    dims: constant.dims.map((d) => BigInt(d)),
    dataType: dataTypeNumber(constant.type),
  });
}

function valueInfoProto(info: ValueInfo): ValueInfoProto {
  if (info.origin !== undefined) return info.origin as ValueInfoProto;
  if (info.type === null) return create(ValueInfoProtoSchema, { name: info.name });
  const shape =
    info.shape === null
      ? undefined
      : create(TensorShapeProtoSchema, {
          dim: info.shape.map((d) =>
            create(TensorShapeProto_DimensionSchema, {
              value:
                typeof d === 'number' ? { case: 'dimValue', value: BigInt(d) } : { case: 'dimParam', value: d ?? '' },
            }),
          ),
        });
  const tensorType = create(TypeProto_TensorSchema, {
    elemType: dataTypeNumber(info.type),
    ...(shape === undefined ? {} : { shape }),
  });
  return create(ValueInfoProtoSchema, {
    name: info.name,
    type: create(TypeProtoSchema, { value: { case: 'tensorType', value: tensorType } }),
  });
}
