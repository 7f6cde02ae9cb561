import type { Graph, Model } from '../ir/model.ts';
import { withSubgraphs } from '../ir/subgraphs.ts';
import { functionsOf } from './functions.ts';
import { TensorProto_DataLocation } from './onnx_pb.ts';
import type { ModelOrigin, SparseOrigin, TensorOrigin } from './origin.ts';

/** What a file has besides what the representation says: to be shown to users. */
export interface FileFeatures {
  /** Names of functions that the file defines itself, as `domain:name`; '' stands for ai.onnx. Calls of them are written out. */
  readonly localFunctions: readonly string[];
  /** Names of initializers that the file has in sparse form, of the graph and its subgraphs. */
  readonly sparseInitializers: readonly string[];
  /** Constants of the main graph whose elements lie in other files. */
  readonly externalTensors: readonly string[];
  readonly producerVersion: string;
  /** Key and value pairs that the exporter left. */
  readonly metadata: readonly (readonly [key: string, value: string])[];
}

/** Looks up what a model's file has besides its graph; all empty for a model that was built in memory. */
export function fileFeatures(model: Model): FileFeatures {
  const proto = (model.origin as ModelOrigin | undefined)?.proto;
  return {
    localFunctions: functionsOf(proto?.functions ?? []).map(({ domain, name }) => `${domain}:${name}`),
    sparseInitializers: withSubgraphs(model.graph).flatMap(sparseOf),
    externalTensors: [...model.graph.constants].filter(([, { origin }]) => isExternal(origin)).map(([name]) => name),
    producerVersion: proto?.producerVersion ?? '',
    metadata: (proto?.metadataProps ?? []).map(({ key, value }) => [key ?? '', value ?? '']),
  };
}

function sparseOf({ constants }: Graph): string[] {
  return [...constants]
    .filter(([, { origin }]) => (origin as Partial<SparseOrigin> | undefined)?.sparse !== undefined)
    .map(([name]) => name);
}

/** Whether a constant's elements lie in another file, by its origin. */
export function isExternal(origin: unknown): boolean {
  return (origin as Partial<TensorOrigin> | undefined)?.proto?.dataLocation === TensorProto_DataLocation.EXTERNAL;
}
