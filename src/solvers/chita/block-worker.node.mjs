// Solves blocks in a worker thread. Its imports are compiled files: where the sources run as they are, blocks are solved by the caller.

import { workerData } from 'piscina';

/** @type {{ solver: string, linalg: string, engine: string }} */
const files = workerData;
const loaded = Promise.all([import(files.solver), import(files.linalg), import(files.engine)]);
loaded.catch(() => undefined); // told by the first task

/**
 * @param {unknown} task  a BlockTask
 * @returns {Promise<Float64Array | null>}
 */
export default async function run(task) {
  const [{ solveBlock }, { linalg }, { onnxruntimeNode }] = await loaded;
  return solveBlock(task, linalg(onnxruntimeNode, 1));
}
