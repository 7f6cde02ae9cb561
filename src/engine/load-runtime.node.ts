import { createRequire } from 'node:module';
import { EngineError, messageOf } from '../errors/errors.ts';
import { isRuntimeQuiet } from '../executor/quiet-runtime.node.ts';

/** onnxruntime-node. */
export type Runtime = typeof import('onnxruntime-node');

const PACKAGE = 'onnxruntime-node';
let loading: Promise<Runtime> | undefined;

/**
 * Loads onnxruntime when the first model is run: it costs 100 ms that reading or writing a model need not pay, and who runs models elsewhere
 * need not install it. Its telemetry is off before it is loaded.
 *
 * @throws EngineError  if it is not installed, does not load on this machine, or its telemetry cannot be switched off: in a thread of the
 *                      caller's making, where nothing did so before
 */
export function loadRuntime(load: () => Promise<Runtime> = () => import('onnxruntime-node')): Promise<Runtime> {
  if (!isRuntimeQuiet()) return Promise.reject(new EngineError(TALKS));
  loading ??= load().catch((cause: unknown) => {
    loading = undefined;
    throw new EngineError(reasonOf(cause), { cause });
  });
  return loading;
}

/** The version that is installed; `none` where there is none. */
export function runtimeVersion(): string {
  try {
    return (createRequire(import.meta.url)(`${PACKAGE}/package.json`) as { version: string }).version;
  } catch {
    return 'none';
  }
}

const TALKS =
  'Cannot run the model in this worker thread: the telemetry of onnxruntime can only be switched off from the main thread; import coppice there too, or set ORT_DISABLE_TELEMETRY=1';

function reasonOf(cause: unknown): string {
  const isMissing = (cause as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND';
  return isMissing && messageOf(cause).includes(PACKAGE)
    ? `Cannot run the model: ${PACKAGE} is not installed; run "npm install ${PACKAGE} --ignore-scripts" (its install script fetches libraries for CUDA alone)`
    : `Cannot run the model: ${PACKAGE} does not load on this machine: ${messageOf(cause).split('\n')[0]}`;
}
