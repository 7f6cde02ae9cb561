import { create } from '@bufbuild/protobuf';
import type { Dimension, Graph, Model, Node, ValueInfo } from '../ir/model.ts';
import { dataTypeNumber } from './data-types.ts';
import { encodeAttribute } from './encode-attribute.ts';
import { joined, modelParts } from './encode-parts.ts';
import { sparseFormOf } from './encode-sparse.ts';
import { type ExternalPlacer, encodeTensor } from './encode-tensor.ts';
import { functionsOf } from './functions.ts';
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
import { domainName, type ModelOrigin, type ValueInfoOrigin } from './origin.ts';

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
  return joined(encodeParts(model, options));
}

/** The same file in parts, one behind another; long initializers are not copied. */
export function encodeParts(model: Model, options: EncodeOptions = {}): Uint8Array[] {
  return modelParts(modelProto(model, options.external));
}

function modelProto(given: Model, external: ExternalPlacer | undefined): ModelProto {
  const origin = given.origin as ModelOrigin | undefined;
  const proto = origin?.proto ?? create(ModelProtoSchema, { producerName: given.producer });
  const model = withCalls(given);
  return {
    ...proto,
    irVersion: BigInt(model.irVersion),
    opsetImport: saysOpsets(proto, model) ? proto.opsetImport : [...model.opsets].map(opsetProto),
    graph: graphProto(model.graph, external),
    functions: model === given && origin?.calls !== undefined ? neverCalled(proto) : proto.functions,
  };
}

/** The model with its calls of functions where they were, if what replaced them differs in nothing but constants. */
function withCalls(model: Model): Model {
  const { graph } = model;
  const calls = (model.origin as ModelOrigin | undefined)?.calls;
  if (calls === undefined) return model;
  const { inlined, graph: file, opsets } = calls;
  const same =
    graph.nodes === inlined.nodes &&
    graph.inputs === inlined.inputs &&
    graph.outputs === inlined.outputs &&
    graph.constants.size === inlined.constants.size &&
    [...graph.constants.keys()].every((name) => inlined.constants.has(name));
  return same ? { ...model, opsets, graph: { ...file, constants: graph.constants } } : model;
}

/** Functions of the standard domain, which no call means (see `functionLibrary`). */
function neverCalled({ functions }: ModelProto): Uint8Array[] {
  const names = functionsOf(functions);
  return functions.filter((_, i) => names[i]?.domain === '');
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
    ...constantProtos(graph.constants, external),
    input: graph.inputs.map(valueInfoProto),
    output: graph.outputs.map(valueInfoProto),
    valueInfo: graph.valueInfo.map(valueInfoProto),
  };
}

/** What the file had in sparse form stays so while that is the shorter one. */
function constantProtos(
  constants: Graph['constants'],
  external: ExternalPlacer | undefined,
): Pick<GraphProto, 'initializer' | 'sparseInitializer'> {
  const initializer: GraphProto['initializer'] = [];
  const sparseInitializer: GraphProto['sparseInitializer'] = [];
  for (const [name, constant] of constants) {
    const { raw } = constant;
    const isOutside = raw instanceof Uint8Array && external?.(name, raw) !== undefined;
    const sparse = isOutside ? undefined : sparseFormOf(name, constant);
    if (sparse === undefined) initializer.push(encodeTensor(name, constant, external));
    else sparseInitializer.push(sparse);
  }
  return { initializer, sparseInitializer };
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
