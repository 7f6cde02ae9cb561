import { availableParallelism } from 'node:os';
import { threads } from '../executor/threads.node.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Feeds, Room, Session } from './engine.ts';

type Entries = [string, Tensor][];
type Names = Pick<Session, 'inputs' | 'outputs'>;

/** Threads that the machine can run at once. */
export const CORES = availableParallelism();

/**
 * A session with a copy in each of several worker threads, for runs whose operators are too small to share among threads.
 *
 * @param bytes    the model
 * @param options  onnxruntime's, for each copy
 * Errors, of a model that is refused too, are the runtime's own. Cost: the model and its activations once a worker; inputs and
 * outputs are copied.
 */
export async function sessionInWorkers(
  bytes: Uint8Array,
  { workers, options }: { workers: number; options: object },
): Promise<Session> {
  const pool = threads({
    file: new URL('./session-tasks.node.mjs', import.meta.url),
    setup: { bytes, options },
    threads: workers,
    purpose: 'run the model',
  });
  const names = await pool.run<Names>('names', null).catch(async (refused: unknown) => {
    await pool.close();
    throw refused;
  });
  return {
    ...names,
    parallel: workers,
    async run(feeds: Feeds, fetches?: readonly string[], room?: Room): Promise<Map<string, Tensor>> {
      const entries = await pool.run<Entries>('run', {
        feeds: [...feeds],
        ...(fetches && { fetches: [...fetches] }),
        ...(room && { memory: room.memory ?? null }),
      });
      const memory = memoryOf(entries);
      if (room !== undefined && memory !== null) room.memory = memory;
      return new Map(entries);
    },
    release: () => pool.close(),
  };
}

/** The shared memory that outputs lie in; null where they do not. */
function memoryOf(entries: Entries): SharedArrayBuffer | null {
  const data = entries[0]?.[1].data;
  return ArrayBuffer.isView(data) && data.buffer instanceof SharedArrayBuffer ? data.buffer : null;
}
