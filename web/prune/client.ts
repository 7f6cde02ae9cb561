import type { OnProgress } from '../../src/progress/progress.ts';
import type { CallName, Calls, Machine, Reply, SentError } from './protocol.ts';

/** What a call ended in that gave no answer. */
export class CallError extends Error {
  readonly code: SentError['code'];

  constructor({ code, message }: SentError) {
    super(message);
    this.name = 'CallError';
    this.code = code;
  }
}

/** A worker that waits for a wish to stop longer than this is ended; everything has to be opened again then. */
const PATIENCE_MS = 1500;

interface Waiting {
  readonly resolve: (answer: never) => void;
  readonly reject: (error: CallError) => void;
  readonly onProgress: OnProgress | undefined;
}

/** A connection to the worker in which everything heavy is done. */
export interface Client {
  /** @throws CallError */
  call<Name extends CallName>(
    name: Name,
    ask: Calls[Name]['ask'],
    options?: { onProgress?: OnProgress; signal?: AbortSignal },
  ): Promise<Calls[Name]['answer']>;
  /** Whether the worker was ended; a new client has to take its place. */
  readonly isOver: boolean;
  end(): void;
}

/** Starts a worker and tells it what to run on. */
export async function startClient(machine: Machine): Promise<{ client: Client; workshop: Calls['start']['answer'] }> {
  const client = connect();
  return { client, workshop: await client.call('start', machine) };
}

function connect(): Client {
  const worker = new Worker(new URL('./worker/worker.ts', import.meta.url), { type: 'module' });
  const waiting = new Map<number, Waiting>();
  let isOver = false;
  let next = 0;

  const fail = (error: SentError): void => {
    isOver = true;
    worker.terminate();
    for (const { reject } of waiting.values()) reject(new CallError(error));
    waiting.clear();
  };
  worker.addEventListener('error', ({ message }) =>
    fail({ name: 'Error', code: 'bug', message: brokenWorker(message) }),
  );
  worker.addEventListener('message', ({ data }: MessageEvent<Reply>) => {
    const one = waiting.get(data.id);
    if (data.kind === 'progress') return one?.onProgress?.(data.progress);
    waiting.delete(data.id);
    if (data.kind === 'answer') one?.resolve(data.answer as never);
    else one?.reject(new CallError(data.error));
  });

  return {
    get isOver() {
      return isOver;
    },
    end: () => fail(STOPPED),
    call: (name, ask, { onProgress, signal } = {}) => {
      const id = next++;
      const stop = (): void => {
        worker.postMessage({ id, call: 'cancel' });
        setTimeout(() => waiting.has(id) && fail(STOPPED), PATIENCE_MS);
      };
      signal?.addEventListener('abort', stop, { once: true });
      return new Promise((resolve, reject) => {
        if (isOver) return reject(new CallError(STOPPED));
        waiting.set(id, { resolve, reject, onProgress });
        worker.postMessage({ id, call: name, ask });
      });
    },
  };
}

const STOPPED: SentError = { name: 'AbortError', code: 'stopped', message: 'Stopped.' };

function brokenWorker(message: string | undefined): string {
  return message
    ? `Something broke inside of Coppice: ${message}`
    : 'The worker of this page cannot be loaded: load the page again.';
}
