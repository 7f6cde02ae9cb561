import type { InferenceSession } from 'onnxruntime-web/wasm';
import { EngineError, messageOf } from '../errors/errors.ts';
import type { Model } from '../ir/model.ts';
import { encodeModel } from '../onnx/encode.ts';
import type { Engine, Feeds, Session, SessionOptions } from './engine.ts';
import { refusedModel, sessionHere, told } from './runtime.ts';

/** What runs operators in a browser; operators that WebGPU does not have run in WASM. */
export type WebProvider = 'wasm' | 'webgpu';

/** How {@link onnxruntimeWeb} is set up. */
export interface WebEngineOptions {
  /** Default `wasm`. */
  readonly provider?: WebProvider;
  /** Threads of an operator, default 1; more need a page that is isolated from other origins. */
  readonly threads?: number;
  /**
   * Where the runtime's own files lie: the loader (.mjs) and the program (.wasm) of the provider. Default: where its import says, which
   * bundlers follow.
   */
  readonly files?: { readonly mjs: string; readonly wasm: string };
}

/** The part of onnxruntime-web that is used; each provider's build of it has the same. */
type Runtime = Pick<typeof import('onnxruntime-web/wasm'), 'InferenceSession' | 'Tensor' | 'env'>;

/** The runtime holds its thread while it runs; after this time messages (a wish to stop) are let through. */
const BREATH_MS = 30;

/**
 * onnxruntime in a browser, in the calling thread (which should be a worker) and threads of its own.
 *
 * @param options  may be set once a page or worker: the runtime cannot be set up again
 * @throws EngineError  if the runtime's files cannot be loaded
 * Cost: loads the program, 14 MB for WASM and 27 MB for WebGPU, when the first session is made.
 */
export async function onnxruntimeWeb({
  provider = 'wasm',
  threads = 1,
  files,
}: WebEngineOptions = {}): Promise<Engine> {
  const ort = await load(provider);
  ort.env.wasm.numThreads = threads;
  if (files !== undefined) ort.env.wasm.wasmPaths = { ...files };
  return {
    name: `onnxruntime-web (${provider})`,
    version: ort.env.versions.common,
    cores: threads,
    async createSession(model: Model | Uint8Array, options: SessionOptions = {}): Promise<Session> {
      const bytes = model instanceof Uint8Array ? model : encodeModel(model);
      try {
        const session = await inTurn(() => ort.InferenceSession.create(bytes, settingsOf(provider, options)));
        return oneAtATime(told(sessionHere(session, ort.Tensor)));
      } catch (cause) {
        throw notLoaded(cause) ?? refusedModel(cause);
      }
    },
  };
}

async function load(provider: WebProvider): Promise<Runtime> {
  try {
    return provider === 'webgpu' ? await import('onnxruntime-web/webgpu') : await import('onnxruntime-web/wasm');
  } catch (cause) {
    throw new EngineError(`Cannot load onnxruntime: ${messageOf(cause)}; load the page again`, { cause });
  }
}

/** Threads and copies in workers are not a session's to choose here. */
function settingsOf(provider: WebProvider, { optimization }: SessionOptions): InferenceSession.SessionOptions {
  return {
    executionProviders: provider === 'webgpu' ? ['webgpu', 'wasm'] : ['wasm'],
    graphOptimizationLevel: optimization === 'none' ? 'disabled' : (optimization ?? 'all'),
    logSeverityLevel: 4,
  };
}

/** The runtime says so where its files are missing or the browser cannot run them. */
function notLoaded(cause: unknown): EngineError | null {
  const reason = messageOf(cause);
  if (!reason.includes('no available backend found')) return null;
  return new EngineError(`Cannot start onnxruntime in this browser: ${reason.replace(/^.*?ERR: /s, '')}`, { cause });
}

let lastBreath = 0;
let turn: Promise<unknown> = Promise.resolve();

/** The runtime has one stack for all its sessions: calls that overlap overwrite each other's results. */
function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const mine = turn.then(work);
  turn = mine.catch(() => undefined);
  return mine;
}

/** The same session behind all others' calls, letting the thread's messages through now and then. */
function oneAtATime(session: Session): Session {
  return {
    ...session,
    run: async (feeds: Feeds, fetches?: readonly string[]) => {
      const outputs = await inTurn(() => session.run(feeds, fetches));
      if (performance.now() - lastBreath > BREATH_MS) await breathe();
      return outputs;
    },
    release: () => inTurn(() => session.release()),
  };
}

/** A turn of the event loop; timers would cost four milliseconds. */
async function breathe(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  await new Promise((resolve) => {
    port1.onmessage = resolve;
    port2.postMessage(null);
  });
  port1.close();
  lastBreath = performance.now();
}
