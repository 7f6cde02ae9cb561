// One copy of a session in a worker thread; onnxruntime-node's run() holds its thread until it is done.

import * as ort from 'onnxruntime-node';
import { move, transferableSymbol, valueSymbol, workerData } from 'piscina';

/** @type {{ bytes: Uint8Array, options: object }} */
const { bytes, options } = workerData;
const opened = ort.InferenceSession.create(bytes, options);
opened.catch(() => undefined); // told by the first run

/**
 * Runs the session.
 *
 * @param {{ feeds: [string, { type: string, data: unknown, dims: number[] }][], fetches?: string[] }} task
 * @returns {Promise<[string, { type: string, data: unknown, dims: readonly number[] }][]>}
 */
export default async function run({ feeds, fetches }) {
  const session = await opened;
  const inputs = Object.fromEntries(
    feeds.map(([name, { type, data, dims }]) => [name, new ort.Tensor(type, data, dims)]),
  );
  const outputs = fetches === undefined ? await session.run(inputs) : await session.run(inputs, fetches);
  const entries = Object.entries(outputs).map(([name, { type, data, dims }]) => [name, { type, data, dims }]);
  const buffers = entries.flatMap(([, { data }]) => (ArrayBuffer.isView(data) ? [data.buffer] : []));
  return move({ [transferableSymbol]: [...new Set(buffers)], [valueSymbol]: entries });
}
