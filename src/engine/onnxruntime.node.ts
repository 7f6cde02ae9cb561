import type { InferenceSession, Tensor as RuntimeTensor } from 'onnxruntime-node';
import { EngineError, messageOf } from '../errors/errors.ts';
import { GraphBuilder } from '../graph/builder.ts';
import type { Model } from '../ir/model.ts';
import { encodeModel } from '../onnx/encode.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Engine, Held, Session, SessionOptions } from './engine.ts';
import { fedModel, feeding } from './fed-weights.ts';
import { loadRuntime, runtimeVersion } from './load-runtime.node.ts';
import type { Device } from './provider.ts';
import { refusedModel, sessionHere, told } from './runtime.ts';
import { CORES, sessionInWorkers } from './workers.node.ts';

type Settings = InferenceSession.SessionOptions;

/** onnxruntime in Node, CPU provider. */
export const onnxruntimeNode: Engine = {
  name: 'onnxruntime-node',
  get version() {
    return runtimeVersion();
  },
  cores: CORES,
  async createSession(model: Model | Uint8Array, options: SessionOptions = {}): Promise<Session> {
    const { workers, holdsWeights } = options;
    const fed = model instanceof Uint8Array || workers !== undefined || holdsWeights === true ? null : fedModel(model);
    const bytes = bytesOf(fed?.model ?? model);
    const threads =
      workers !== undefined && workers > 1
        ? Math.max(1, Math.floor((options.threads ?? CORES) / workers))
        : options.threads;
    const settings = settingsOf('cpu', { ...options, ...(threads !== undefined && { threads }) });
    const ort = await loadRuntime();
    try {
      if (workers !== undefined) return told(await sessionInWorkers(bytes, { workers, options: settings }));
      const session = sessionHere(await ort.InferenceSession.create(bytes, settings), ort.Tensor);
      return told(fed === null ? session : feeding(session, fed.weights));
    } catch (cause) {
      throw refusedModel(cause);
    }
  },
};

/**
 * onnxruntime in Node on another device. Operators that the provider does not have run on the processor. Copies of a session in
 * workers are not made: the device is one.
 *
 * Whether the device is there shows with the first session; see {@link openProvider}, which asks before.
 */
export function onnxruntimeOn(device: Exclude<Device, 'cpu'>): Engine {
  const engine: Engine = {
    name: `onnxruntime-node (${device})`,
    get version() {
      return runtimeVersion();
    },
    cores: CORES,
    host: onnxruntimeNode,
    async createSession(model, options = {}) {
      const ort = await loadRuntime();
      try {
        return told(
          sessionHere(await ort.InferenceSession.create(bytesOf(model), settingsOf(device, options)), ort.Tensor),
        );
      } catch (cause) {
        throw refusedModel(cause);
      }
    },
  };
  return device === 'webgpu' ? { ...engine, hold: holder() } : engine;
}

/** Tensors stay on the device where a session leaves its output there: one that does nothing. The binding knows no such place for CUDA. */
function holder(): (tensor: Tensor) => Promise<Held> {
  let session: Promise<InferenceSession> | undefined;
  return async ({ type, data, dims }) => {
    const ort = await loadRuntime();
    session ??= ort.InferenceSession.create(encodeModel(passing()), {
      ...settingsOf('webgpu', {}),
      preferredOutputLocation: 'gpu-buffer',
    });
    try {
      const feeds = { x: new ort.Tensor(type as 'float32', data as Float32Array, dims) };
      const held = (await (await session).run(feeds)).y as RuntimeTensor;
      return { held, dims, release: () => held.dispose() };
    } catch (cause) {
      throw new EngineError(`Cannot take ${dims.join(' x ')} numbers to the device: ${messageOf(cause)}`, { cause });
    }
  };
}

/** y = x, of any matrix. */
function passing(): Model {
  const builder = new GraphBuilder();
  const x = builder.input({ name: 'x', type: 'float32', shape: [null, null] });
  builder.output(builder.emit('Identity', [x]), 'y');
  return builder.build();
}

function bytesOf(model: Model | Uint8Array): Uint8Array {
  return model instanceof Uint8Array ? model : encodeModel(model);
}

function settingsOf(device: Device, { optimization, threads }: SessionOptions): Settings {
  return {
    executionProviders: [device],
    graphOptimizationLevel: optimization === 'none' ? 'disabled' : (optimization ?? 'all'),
    logSeverityLevel: 4,
    ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
  };
}
