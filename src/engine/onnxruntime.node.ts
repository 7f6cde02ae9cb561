import * as ort from 'onnxruntime-node';
import type { Model } from '../ir/model.ts';
import { encodeModel } from '../onnx/encode.ts';
import type { Engine, Session, SessionOptions } from './engine.ts';
import { refusedModel, sessionHere, told } from './runtime.ts';
import { CORES, sessionInWorkers } from './workers.node.ts';

/** onnxruntime in Node, CPU provider. */
export const onnxruntimeNode: Engine = {
  name: 'onnxruntime-node',
  version: ort.env.versions.common,
  cores: CORES,
  async createSession(model: Model | Uint8Array, options: SessionOptions = {}): Promise<Session> {
    const bytes = model instanceof Uint8Array ? model : encodeModel(model);
    const { workers } = options;
    const threads =
      workers !== undefined && workers > 1
        ? Math.max(1, Math.floor((options.threads ?? CORES) / workers))
        : options.threads;
    const settings: ort.InferenceSession.SessionOptions = {
      executionProviders: ['cpu'],
      graphOptimizationLevel: options.optimization === 'none' ? 'disabled' : (options.optimization ?? 'all'),
      logSeverityLevel: 4,
      ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
    };
    try {
      const session = await ort.InferenceSession.create(bytes, settings);
      if (workers === undefined) return told(sessionHere(session, ort.Tensor));
      const names = { inputs: session.inputNames, outputs: session.outputNames };
      await session.release();
      return told(sessionInWorkers(bytes, { workers, options: settings, names }));
    } catch (cause) {
      throw refusedModel(cause);
    }
  },
};
