import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import type { Tensor } from '../tensor/tensor.ts';
import type { Feeds, Room, Session } from './engine.ts';

type Entries = [string, Tensor][];

/** Outputs that share a room begin at multiples of so many bytes. */
const ALIGNMENT = 64;

/** Threads that the machine can run at once. */
export const CORES = availableParallelism();

/**
 * A session with a copy in each of several worker threads, for runs whose operators are too small to share among threads.
 *
 * @param bytes    the model
 * @param options  onnxruntime's, for each copy
 * Errors of a run are the runtime's own. Cost: the model and its activations once a worker; inputs and outputs are copied.
 */
export function sessionInWorkers(
  bytes: Uint8Array,
  { workers, options, names }: { workers: number; options: object; names: Pick<Session, 'inputs' | 'outputs'> },
): Session {
  const pool = new Piscina({
    filename: fileURLToPath(new URL('./session-worker.node.mjs', import.meta.url)),
    minThreads: workers,
    maxThreads: workers,
    idleTimeout: Number.POSITIVE_INFINITY,
    workerData: { bytes, options, alignment: ALIGNMENT },
  });
  pool.on('error', () => undefined); // the run in question is rejected with it
  const inFlight = new Set<Promise<Entries>>();
  return {
    ...names,
    parallel: workers,
    async run(feeds: Feeds, fetches?: readonly string[], room?: Room): Promise<Map<string, Tensor>> {
      const outputs: Promise<Entries> = pool.run({
        feeds: [...feeds],
        ...(fetches && { fetches: [...fetches] }),
        ...(room?.memory && { memory: room.memory }),
      });
      inFlight.add(outputs);
      try {
        const entries = await outputs;
        if (room !== undefined) room.memory = roomFor(entries, room.memory);
        return new Map(entries);
      } finally {
        inFlight.delete(outputs);
      }
    },
    /** Waits for the runs that proceed: a thread that ends within one takes the process with it. */
    async release(): Promise<void> {
      await Promise.allSettled(inFlight);
      await pool.destroy();
    },
  };
}

function aligned(bytes: number): number {
  return ALIGNMENT * Math.ceil(bytes / ALIGNMENT);
}

/** The memory that outputs like these fit in; what is there, if they do. */
function roomFor(entries: Entries, memory: SharedArrayBuffer | undefined): SharedArrayBuffer {
  const bytes = entries.reduce(
    (sum, [, { data }]) => sum + (ArrayBuffer.isView(data) ? aligned(data.byteLength) : 0),
    0,
  );
  return memory !== undefined && memory.byteLength >= bytes ? memory : new SharedArrayBuffer(bytes);
}
