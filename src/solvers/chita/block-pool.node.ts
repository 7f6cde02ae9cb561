import { existsSync } from 'node:fs';
import { CORES } from '../../engine/workers.node.ts';
import { threads as openThreads } from '../../executor/threads.node.ts';
import type { BlockPool } from './block-wise.ts';

/** What a worker loads, beside this file. */
const FILES = {
  solver: './block-solve.js',
  linalg: '../../engine/linalg.js',
  engine: '../../engine/onnxruntime.node.js',
};

/**
 * Opens worker threads that solve blocks, each with one thread of the runtime.
 *
 * @param threads  workers; default as many as the machine has cores
 * @returns        undefined where one thread is all there is, or this package runs from its sources
 * Cost: some 50 MB a worker, and the runtime is loaded in each.
 */
export function blockPoolOpener(threads: number = CORES): (() => BlockPool) | undefined {
  const here = (file: string): URL => new URL(file, import.meta.url);
  if (threads < 2 || !existsSync(here(FILES.solver))) return undefined;
  const loaded = Object.fromEntries(Object.entries(FILES).map(([name, file]) => [name, here(file).href]));
  return () => {
    const pool = openThreads({
      file: here('./block-tasks.node.mjs'),
      setup: loaded,
      threads,
      purpose: 'solve a block',
    });
    return {
      parallel: threads,
      run: (task) => pool.run<Float64Array | null>('block', task, { moved: [task.data.buffer as ArrayBuffer] }),
      close: () => pool.close(),
    };
  };
}
