// What every worker thread of an executor runs: opens its tasks once, then runs them one at a time, until it is told to end.
// Plain JavaScript without imports of ours: it runs from the sources as it does when compiled.

import { parentPort, workerData } from 'node:worker_threads';

/** @type {{ file: string, setup: unknown }} */
const { file, setup } = workerData;
/** What is under way, by the number of its call. */
const running = new Map();
const questions = new Map();
let asked = 0;

/** @param {unknown} error @returns {object} a SentError */
function sent(error) {
  if (!(error instanceof Error) && !(error instanceof DOMException)) return { name: 'Error', message: String(error) };
  const isOurs = 'code' in error && 'fields' in error && typeof error.toJSON === 'function';
  return {
    name: error.name,
    message: error.message,
    stack: error.stack,
    ...(isOurs && { json: error.toJSON() }),
    ...(error.cause instanceof Error && { cause: sent(error.cause) }),
  };
}

/** A result that says which of its buffers go over rather than being copied: `moving(value, buffers)` of moving.ts. */
function parts(result) {
  const isMoving = typeof result === 'object' && result !== null && Array.isArray(result.coppiceMoves);
  return isMoving ? [result.value, result.coppiceMoves] : [result, []];
}

async function run({ id, task, input }, tasks) {
  const stop = new AbortController();
  running.set(id, stop);
  const ask = (question) =>
    new Promise((resolve, reject) => {
      const number = asked++;
      questions.set(number, { resolve, reject });
      parentPort.postMessage({ id, ask: number, question });
    });
  try {
    const [value, buffers] = parts(await tasks[task](input, { signal: stop.signal, ask }));
    parentPort.postMessage({ id, value }, [...new Set(buffers)]);
  } catch (error) {
    parentPort.postMessage({ id, error: sent(error) });
  } finally {
    running.delete(id);
  }
}

function answered({ ask, value, error }) {
  const question = questions.get(ask);
  questions.delete(ask);
  if (error === undefined) question?.resolve(value);
  else question?.reject(Object.assign(new Error(error.message), { name: error.name }));
}

try {
  const { open } = await import(file);
  const tasks = await open(setup);
  parentPort.on('message', (message) => {
    if (message.kind === 'run') run(message, tasks);
    else if (message.kind === 'abort') running.get(message.id)?.abort();
    else if (message.kind === 'answer') answered(message);
    else process.exit(0); // ends this thread alone; nothing is under way in it
  });
  parentPort.postMessage({ ready: true });
} catch (error) {
  parentPort.postMessage({ failed: sent(error) });
}
