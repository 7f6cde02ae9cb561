import type { Manifest } from '../compile/runtime/manifest.ts';
import { makeRuntime, type StartedModel } from '../compile/runtime/start.ts';
import type { FeedSource } from '../data/feeds.ts';
import type { Engine, Feeds, Session } from '../engine/engine.ts';
import { EngineError, OnnxDecodeError } from '../errors/errors.ts';
import type { Model } from '../ir/model.ts';
import { halvesAsNumbers } from '../tensor/half.ts';
import type { DataType, Tensor, TensorData } from '../tensor/tensor.ts';

/** A compiled model, to be measured by what measures ONNX models. */
export interface Program {
  /** Runs the program, whatever model it is asked for. */
  readonly engine: Engine;
  /** Inputs and outputs alone: what a compiled model tells of the model that it was. */
  readonly model: Model;
  /** Samples of a run. */
  readonly batch: number;
  /** Weights of its layers that are kept, and all; null where the file does not say. */
  readonly kept: number | null;
  readonly weights: number | null;
}

/**
 * Opens a compiled model.
 *
 * @param wasm  bytes of its WebAssembly module
 * @throws OnnxDecodeError  if the bytes are no compiled model
 * @throws EngineError      if it cannot be run here
 * Cost: the module is compiled, its tables are expanded.
 */
export async function openProgram(wasm: Uint8Array): Promise<Program> {
  if (!isModule(wasm)) throw new OnnxDecodeError('Cannot open the compiled model: it is no WebAssembly module');
  const started = await makeRuntime()
    .start(wasm)
    .catch((cause: unknown) => {
      throw failed(cause);
    });
  const model = interfaceOf(started);
  const session = sessionOf(started);
  const { kept = null, weights = null } = manifestOf(wasm);
  return {
    engine: {
      name: 'compiled',
      version: '1',
      cores: 1,
      createSession: () => Promise.resolve(session),
    },
    model,
    batch: started.inputs[0]?.dims[0] ?? 1,
    kept,
    weights,
  };
}

/** Samples in the batches that a program takes. */
export function programFeeds({ batch, model }: Pick<Program, 'batch' | 'model'>, source: FeedSource): FeedSource {
  const { flat: _, ...rows } = source.flat ?? source;
  const outputs = new Map(model.graph.outputs.map(({ name, shape }) => [name, shape?.[0] === batch ? 0 : null]));
  const remark = source.tested?.remark ?? null;
  return { ...rows, fixedBatch: batch, tested: { run: batch, rows: 1, outputs, remark } };
}

/** The numbers of a tensor as compiled models take and give them: half floats as floats. */
export function programArray(tensor: Tensor): Float32Array | BigInt64Array {
  return halvesAsNumbers(tensor) ?? (tensor.data as Float32Array);
}

/** Whether bytes begin as WebAssembly modules do. */
export function isModule(bytes: Uint8Array): boolean {
  return bytes[0] === 0 && bytes[1] === 0x61 && bytes[2] === 0x73 && bytes[3] === 0x6d;
}

function failed(cause: unknown): Error {
  const { code, message } = cause as { readonly code?: string; readonly message: string };
  return code === 'memory' || code === 'environment'
    ? new EngineError(message, { cause })
    : new OnnxDecodeError(`Cannot open the compiled model: ${message}`, { cause });
}

/** What is written in the module of what it was made from. */
function manifestOf(wasm: Uint8Array): Partial<Manifest> {
  const [section] = WebAssembly.Module.customSections(new WebAssembly.Module(wasm as BufferSource), 'coppice');
  if (section === undefined) return {};
  const length = new DataView(section).getUint32(0, true);
  return JSON.parse(new TextDecoder().decode(new Uint8Array(section, 4, length))) as Manifest;
}

function interfaceOf({ inputs, outputs }: StartedModel): Model {
  const info = ({ name, type, dims }: StartedModel['inputs'][number]) => ({
    name,
    type: type as DataType,
    shape: [...dims],
  });
  const graph = {
    name: 'compiled',
    nodes: [],
    inputs: inputs.map(info),
    outputs: outputs.map(info),
    valueInfo: [],
    constants: new Map(),
  };
  return { irVersion: 8, opsets: new Map([['', 17]]), producer: 'coppice', graph };
}

function sessionOf(started: StartedModel): Session {
  const outputs = started.outputs.map(({ name }) => name);
  const run = (feeds: Feeds, fetches: readonly string[]): Map<string, Tensor> => {
    const given = started.run(
      Object.fromEntries([...feeds].map(([name, feed]) => [name, programArray(fedTensor(feed))])),
    );
    return new Map(
      started.outputs
        .filter(({ name }) => fetches.includes(name))
        .map(({ name, type, dims }) => [
          name,
          { type: (isFloat(type) ? 'float32' : type) as DataType, dims, data: given[name] as unknown as TensorData },
        ]),
    );
  };
  return {
    inputs: started.inputs.map(({ name }) => name),
    outputs,
    parallel: 1,
    run: async (feeds, fetches = outputs) => {
      try {
        return run(feeds, fetches);
      } catch (cause) {
        throw new EngineError((cause as Error).message, { cause });
      }
    },
    release: () => Promise.resolve(),
  };
}

function fedTensor(feed: unknown): Tensor {
  if ((feed as { readonly held?: unknown }).held !== undefined)
    throw new EngineError('Cannot run the compiled model: its inputs are arrays, not tensors of a device');
  return feed as Tensor;
}

function isFloat(type: string): boolean {
  return type === 'float16' || type === 'bfloat16' || type === 'double' || type === 'float64';
}
