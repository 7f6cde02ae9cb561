import { isMainThread } from 'node:worker_threads';

/** onnxruntime reads it once, when its library starts. */
const SWITCH = 'ORT_DISABLE_TELEMETRY';

// Since 1.29 it else writes an identifier and a database into the user's cache folder, logs into that of temporary files, and sends them.
if (isMainThread) process.env[SWITCH] = '1';

/**
 * Whether the telemetry of onnxruntime is off. To load this module switches it off, which has to come before its library is loaded in
 * whatever thread: a thread has no way to the environment of its process, and inherits what the main thread had set when it began.
 */
export function isRuntimeQuiet(): boolean {
  return process.env[SWITCH] === '1' || process.platform === 'win32'; // where it has none of its own
}
