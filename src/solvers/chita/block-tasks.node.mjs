// Solves blocks in a worker thread. Its imports are compiled files: where the sources run as they are, blocks are solved by the caller.

/**
 * @param {{ solver: string, linalg: string, engine: string }} files  addresses of the compiled modules
 * @returns the task `block`: a BlockTask to its weights
 */
export async function open(files) {
  const [{ solveBlock }, { linalg }, { onnxruntimeNode }] = await Promise.all([
    import(files.solver),
    import(files.linalg),
    import(files.engine),
  ]);
  return { block: (task) => solveBlock(task, linalg(onnxruntimeNode, 1)) };
}
