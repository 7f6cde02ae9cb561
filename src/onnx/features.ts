import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import type { Graph, Model } from '../ir/model.ts';
import { type GraphProto, type ModelProto, TensorProto_DataLocation } from './onnx_pb.ts';
import type { TensorOrigin } from './origin.ts';

/** What a file has that the representation only carries along: to be shown to users, and written back untouched. */
export interface FileFeatures {
  /** Names of functions that the file defines itself, as `domain:name`; '' stands for ai.onnx. */
  readonly localFunctions: readonly string[];
  /** Names of initializers in sparse form, of the graph and its subgraphs. They are not among the constants. */
  readonly sparseInitializers: readonly string[];
  /** Constants of the main graph whose elements lie in other files. */
  readonly externalTensors: readonly string[];
  readonly producerVersion: string;
  /** Key and value pairs that the exporter left. */
  readonly metadata: readonly (readonly [key: string, value: string])[];
}

/** Looks up what a model's file has besides its graph; all empty for a model that was built in memory. */
export function fileFeatures(model: Model): FileFeatures {
  const proto = model.origin as ModelProto | undefined;
  return {
    localFunctions: (proto?.functions ?? []).map(functionName),
    sparseInitializers: everySparse(model.graph),
    externalTensors: [...model.graph.constants].filter(([, { origin }]) => isExternal(origin)).map(([name]) => name),
    producerVersion: proto?.producerVersion ?? '',
    metadata: (proto?.metadataProps ?? []).map(({ key, value }) => [key ?? '', value ?? '']),
  };
}

/** Names of a graph's own sparse initializers; its nodes may read them. */
export function sparseInitializers(graph: Graph): string[] {
  const proto = graph.origin as GraphProto | undefined;
  return (proto?.sparseInitializer ?? []).map(({ values }) => values?.name ?? '');
}

function everySparse(graph: Graph): string[] {
  const inner = graph.nodes.flatMap(({ attributes }) =>
    [...attributes.values()].flatMap((attribute) => {
      if (attribute.kind === 'graph') return everySparse(attribute.value);
      return attribute.kind === 'graphs' ? attribute.value.flatMap(everySparse) : [];
    }),
  );
  return [...sparseInitializers(graph), ...inner];
}

function isExternal(origin: unknown): boolean {
  return (origin as TensorOrigin | undefined)?.proto.dataLocation === TensorProto_DataLocation.EXTERNAL;
}

/** Field numbers of FunctionProto in the ONNX standard. */
const FUNCTION_NAME = 1;
const FUNCTION_DOMAIN = 10;

function functionName(bytes: Uint8Array): string {
  const found = new Map<number, string>();
  try {
    const reader = new BinaryReader(bytes);
    while (reader.pos < reader.len) {
      const [field, type] = reader.tag();
      const wanted = (field === FUNCTION_NAME || field === FUNCTION_DOMAIN) && type === WireType.LengthDelimited;
      if (wanted) found.set(field, reader.string());
      else reader.skip(type, field);
    }
  } catch {
    // A broken function is carried along like any other; onnxruntime will say what is wrong with it.
  }
  return `${found.get(FUNCTION_DOMAIN) ?? ''}:${found.get(FUNCTION_NAME) ?? ''}`;
}
