// One copy of a session in a worker thread; onnxruntime-node's run() holds its thread until it is done.

import * as ort from 'onnxruntime-node';
import { move, transferableSymbol, valueSymbol, workerData } from 'piscina';

/** @type {{ bytes: Uint8Array, options: object, alignment: number }} */
const { bytes, options, alignment } = workerData;
const opened = ort.InferenceSession.create(bytes, options);
opened.catch(() => undefined); // told by the first run

/**
 * Runs the session. Outputs are put in the memory that is given, if they fit there; else they are moved to the caller.
 *
 * @param {{ feeds: [string, { type: string, data: unknown, dims: number[] }][], fetches?: string[], memory?: SharedArrayBuffer }} task
 * @returns {Promise<[string, { type: string, data: unknown, dims: readonly number[] }][]>}
 */
export default async function run({ feeds, fetches, memory }) {
  const session = await opened;
  const inputs = Object.fromEntries(
    feeds.map(([name, { type, data, dims }]) => [name, new ort.Tensor(type, data, dims)]),
  );
  const outputs = fetches === undefined ? await session.run(inputs) : await session.run(inputs, fetches);
  const entries = Object.entries(outputs).map(([name, { type, data, dims }]) => [name, { type, data, dims }]);
  if (memory !== undefined && fits(entries, memory)) return placed(entries, memory);
  const buffers = entries.flatMap(([, { data }]) => (ArrayBuffer.isView(data) ? [data.buffer] : []));
  return move({ [transferableSymbol]: [...new Set(buffers)], [valueSymbol]: entries });
}

/** @param {number} bytes */
const aligned = (bytes) => alignment * Math.ceil(bytes / alignment);

/**
 * @param {[string, { data: any }][]} entries
 * @param {SharedArrayBuffer} memory
 */
function fits(entries, memory) {
  const needed = entries.reduce(
    (sum, [, { data }]) => sum + (ArrayBuffer.isView(data) ? aligned(data.byteLength) : Number.POSITIVE_INFINITY),
    0,
  );
  return needed <= memory.byteLength;
}

/**
 * Copies of the outputs in the memory, one behind the other.
 *
 * @param {[string, { type: string, data: any, dims: readonly number[] }][]} entries
 * @param {SharedArrayBuffer} memory
 */
function placed(entries, memory) {
  let at = 0;
  return entries.map(([name, { type, data, dims }]) => {
    const copy = new data.constructor(memory, at, data.length);
    copy.set(data);
    at += aligned(data.byteLength);
    return [name, { type, data: copy, dims }];
  });
}
