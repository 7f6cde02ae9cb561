import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import { CORES } from '../../engine/workers.node.ts';
import type { BlockTask } from './block-solve.ts';
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
  return () => {
    const pool = new Piscina({
      filename: fileURLToPath(here('./block-worker.node.mjs')),
      minThreads: threads,
      maxThreads: threads,
      idleTimeout: Number.POSITIVE_INFINITY,
      workerData: Object.fromEntries(Object.entries(FILES).map(([name, file]) => [name, here(file).href])),
    });
    pool.on('error', () => undefined); // the task in question is rejected with it
    const inFlight = new Set<Promise<Float64Array | null>>();
    return {
      parallel: threads,
      async run(task: BlockTask): Promise<Float64Array | null> {
        const result: Promise<Float64Array | null> = pool.run(task, {
          transferList: [task.data.buffer as ArrayBuffer],
        });
        inFlight.add(result);
        try {
          return await result;
        } finally {
          inFlight.delete(result);
        }
      },
      async close(): Promise<void> {
        await Promise.allSettled(inFlight);
        await pool.destroy();
      },
    };
  };
}
