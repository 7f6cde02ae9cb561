import * as ort from 'onnxruntime-node';
import { EngineError, messageOf } from '../errors/errors.ts';
import type { Model } from '../ir/model.ts';
import { encodeModel } from '../onnx/encode.ts';
import type { DataType, Tensor } from '../tensor/tensor.ts';
import type { Engine, Session, SessionOptions, Tensors } from './engine.ts';
import { CORES, sessionInWorkers } from './workers.node.ts';

/** onnxruntime in Node, CPU provider. */
export const onnxruntimeNode: Engine = {
  name: 'onnxruntime-node',
  version: ort.env.versions.common,
  cores: CORES,
  async createSession(model: Model | Uint8Array, options: SessionOptions = {}): Promise<Session> {
    const bytes = model instanceof Uint8Array ? model : encodeModel(model);
    const workers = options.workers ?? 1;
    const threads = workers > 1 ? Math.max(1, Math.floor((options.threads ?? CORES) / workers)) : options.threads;
    const settings: ort.InferenceSession.SessionOptions = {
      executionProviders: ['cpu'],
      graphOptimizationLevel: options.optimization === 'none' ? 'disabled' : (options.optimization ?? 'all'),
      logSeverityLevel: 4,
      ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
    };
    try {
      const session = await ort.InferenceSession.create(bytes, settings);
      if (workers === 1) return told(here(session));
      const names = { inputs: session.inputNames, outputs: session.outputNames };
      await session.release();
      return told(sessionInWorkers(bytes, { workers, options: settings, names }));
    } catch (cause) {
      throw new EngineError(`onnxruntime refuses the model: ${reason(cause)}`, { cause });
    }
  },
};

/** A session in this thread. */
function here(session: ort.InferenceSession): Session {
  return {
    inputs: session.inputNames,
    outputs: session.outputNames,
    parallel: 1,
    async run(feeds: Tensors, fetches?: readonly string[]): Promise<Map<string, Tensor>> {
      const inputs: Record<string, ort.Tensor> = {};
      for (const [name, tensor] of feeds) inputs[name] = toRuntime(tensor);
      const outputs = fetches === undefined ? await session.run(inputs) : await session.run(inputs, [...fetches]);
      return new Map(Object.entries(outputs).map(([name, value]) => [name, fromRuntime(value)]));
    },
    release: () => session.release(),
  };
}

/** The same session with the errors of runs as ours. */
function told(session: Session): Session {
  return {
    ...session,
    run: async (feeds, fetches) => {
      try {
        return await session.run(feeds, fetches);
      } catch (cause) {
        throw new EngineError(`onnxruntime failed while running the model: ${reason(cause)}`, { cause });
      }
    },
  };
}

function toRuntime(tensor: Tensor): ort.Tensor {
  return new ort.Tensor(tensor.type as 'float32', tensor.data as Float32Array, tensor.dims);
}

function fromRuntime(value: ort.OnnxValue): Tensor {
  const tensor = value as ort.Tensor;
  return { type: tensor.type as DataType, dims: tensor.dims, data: tensor.data as Tensor['data'] };
}

/** The runtime's message without its source positions. */
function reason(cause: unknown): string {
  return messageOf(cause)
    .replace(/\/\S+\.(?:cc|h):\d+\s+/g, '')
    .replace(/\s+/g, ' ')
    .trim();
}
