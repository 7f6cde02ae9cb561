// Tasks of one copy of a session in a worker thread; onnxruntime-node's run() holds its thread until it is done.

import * as ort from 'onnxruntime-node';

/** Outputs that share memory begin at multiples of so many bytes. */
const ALIGNMENT = 64;

/**
 * @param {{ bytes: Uint8Array, options: object }} setup
 * @returns the tasks: `names` tells the session's inputs and outputs, `run` runs it. With memory given, or null, outputs are put there, or
 *   in new shared memory where they do not fit; else they are moved to the caller.
 */
export async function open({ bytes, options }) {
  const session = await ort.InferenceSession.create(bytes, options);
  return {
    names: () => ({ inputs: session.inputNames, outputs: session.outputNames }),
    run: (task) => run(session, task),
  };
}

/**
 * @param {ort.InferenceSession} session
 * @param {{ feeds: [string, { type: string, data: unknown, dims: number[] }][], fetches?: string[], memory?: SharedArrayBuffer | null }} task
 */
async function run(session, { feeds, fetches, memory }) {
  const inputs = Object.fromEntries(
    feeds.map(([name, { type, data, dims }]) => [name, new ort.Tensor(type, data, dims)]),
  );
  const outputs = fetches === undefined ? await session.run(inputs) : await session.run(inputs, fetches);
  const entries = Object.entries(outputs).map(([name, { type, data, dims }]) => [name, { type, data, dims }]);
  if (memory !== undefined && entries.every(([, { data }]) => ArrayBuffer.isView(data))) return placed(entries, memory);
  const buffers = entries.flatMap(([, { data }]) => (ArrayBuffer.isView(data) ? [data.buffer] : []));
  return { value: entries, coppiceMoves: buffers };
}

/**
 * Copies of the outputs in shared memory, one behind the other.
 *
 * @param {[string, { type: string, data: any, dims: readonly number[] }][]} entries
 * @param {SharedArrayBuffer | null} given
 */
function placed(entries, given) {
  let end = 0;
  const places = entries.map(([, { data }]) => {
    const at = end;
    end += ALIGNMENT * Math.ceil(data.byteLength / ALIGNMENT);
    return at;
  });
  const memory = given !== null && given.byteLength >= end ? given : new SharedArrayBuffer(end);
  return entries.map(([name, { type, data, dims }], i) => {
    const copy = new data.constructor(memory, places[i], data.length);
    copy.set(data);
    return [name, { type, data: copy, dims }];
  });
}
