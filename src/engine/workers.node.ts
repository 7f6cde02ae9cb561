import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import type { Tensor } from '../tensor/tensor.ts';
import type { Feeds, Room, Session } from './engine.ts';

type Entries = [string, Tensor][];
type Names = Pick<Session, 'inputs' | 'outputs'>;

/** Threads that the machine can run at once. */
export const CORES = availableParallelism();

/** Worker threads that all do the same, each a task at a time. */
export interface WorkerPool<Task, Result> {
  /** @param moved  buffers of the task that go over to the worker, and are gone here */
  run(task: Task, moved?: readonly ArrayBuffer[]): Promise<Result>;
  /** Waits for the tasks that proceed: a thread that ends within one takes the process with it. */
  close(): Promise<void>;
}

/**
 * Starts worker threads that stay until the pool is closed.
 *
 * @param file        what each runs: its default export takes a task
 * @param workerData  what each is given at its start
 */
export function workerPool<Task, Result>(file: URL, threads: number, workerData: object): WorkerPool<Task, Result> {
  const pool = new Piscina<Task, Result>({
    filename: fileURLToPath(file),
    minThreads: threads,
    maxThreads: threads,
    idleTimeout: Number.POSITIVE_INFINITY,
    workerData,
  });
  pool.on('error', () => undefined); // the task in question is rejected with it
  const inFlight = new Set<Promise<Result>>();
  return {
    async run(task, moved = []) {
      const result = pool.run(task, { transferList: [...moved] });
      inFlight.add(result);
      try {
        return await result;
      } finally {
        inFlight.delete(result);
      }
    },
    async close() {
      await Promise.allSettled(inFlight);
      await pool.destroy();
    },
  };
}

/** What a worker runs its copy of the session on; null asks for the names of its inputs and outputs. */
interface RunTask {
  readonly feeds: [string, Tensor | unknown][];
  readonly fetches?: readonly string[];
  /** Where outputs are put, if they fit; null = in new memory that is shared; absent = they are moved to the caller. */
  readonly memory?: SharedArrayBuffer | null;
}

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
  const file = new URL('./session-worker.node.mjs', import.meta.url);
  const pool = workerPool<RunTask | null, Entries | Names>(file, workers, { bytes, options });
  const names = (await pool.run(null).catch(async (refused: unknown) => {
    await pool.close();
    throw refused;
  })) as Names;
  return {
    ...names,
    parallel: workers,
    async run(feeds: Feeds, fetches?: readonly string[], room?: Room): Promise<Map<string, Tensor>> {
      const entries = (await pool.run({
        feeds: [...feeds],
        ...(fetches && { fetches: [...fetches] }),
        ...(room && { memory: room.memory ?? null }),
      })) as Entries;
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
