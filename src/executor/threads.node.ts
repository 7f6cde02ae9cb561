import { Worker } from 'node:worker_threads';
import { EngineError, messageOf } from '../errors/errors.ts';
import type { Call, Executor } from './executor.ts';
import './quiet-runtime.node.ts';
import { receivedError, type SentError } from './received-error.ts';

/** How {@link threads} is set up. */
export interface ThreadOptions {
  /** A module that exports `open(setup)`: it returns, or promises, the tasks by name. */
  readonly file: URL;
  /** What each thread opens its tasks with: plain data, copied into each. */
  readonly setup?: unknown;
  readonly threads: number;
  /** What the tasks do, for sentences: "solve a block". */
  readonly purpose: string;
}

/** A call that waits or proceeds. */
interface Job {
  readonly id: number;
  readonly task: string;
  readonly input: unknown;
  readonly call: Call;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** A worker thread and what it does. */
interface Thread {
  readonly worker: Worker;
  job: Job | null;
  /** A thread that is ended while it loads a module takes the process with it: it is ended only once it has loaded. */
  isReady: boolean;
  hasEnded: boolean;
  /** Why it ended, where it has said so. */
  reason: string | null;
  readonly ended: Promise<void>;
}

type Said =
  | { readonly ready: true }
  | { readonly failed: SentError }
  | { readonly id: number; readonly ask: number; readonly question: unknown }
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: SentError };

const PROGRAM = new URL('./thread.node.mjs', import.meta.url);

/**
 * Starts worker threads that stay until they are closed. They keep the process alive only while something is asked of them.
 *
 * A thread that dies (killed, out of memory) fails the task that it had with an EngineError, and another takes its place; one that cannot
 * be opened fails all tasks.
 *
 * Cost: some 10 MB a thread and what the tasks load.
 */
export function threads(options: ThreadOptions): Executor {
  const pool = new Threads(options);
  return {
    parallel: options.threads,
    run: <Output>(task: string, input: unknown, call: Call = {}) => pool.run(task, input, call) as Promise<Output>,
    close: () => pool.close(),
  };
}

class Threads {
  readonly #options: ThreadOptions;
  readonly #threads = new Set<Thread>();
  readonly #waiting: Job[] = [];
  #calls = 0;
  #underWay = 0;
  /** Why no thread can be opened; null as long as they can. */
  #failure: Error | null = null;
  #closing: Promise<void> | null = null;
  #whenIdle: (() => void) | null = null;

  constructor(options: ThreadOptions) {
    this.#options = options;
    for (let i = 0; i < options.threads; i++) this.#start();
  }

  run(task: string, input: unknown, call: Call): Promise<unknown> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    if (this.#closing !== null)
      return Promise.reject(new EngineError(`Cannot ${this.#options.purpose}: its threads are closed`));
    if (call.signal?.aborted) return Promise.reject(call.signal.reason);
    return new Promise((resolve, reject) => {
      const settled = <T>(settle: (result: T) => void) => {
        return (result: T): void => {
          call.signal?.removeEventListener('abort', stop);
          settle(result);
        };
      };
      const job: Job = { id: this.#calls++, task, input, call, resolve: settled(resolve), reject: settled(reject) };
      const stop = (): void => this.#abort(job);
      call.signal?.addEventListener('abort', stop, { once: true });
      this.#count(1);
      this.#waiting.push(job);
      this.#dispatch();
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    for (const { worker } of this.#threads) worker.ref();
    if (this.#underWay > 0)
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve;
      });
    for (const thread of this.#threads) if (thread.isReady) thread.worker.postMessage({ kind: 'end' });
    while (this.#threads.size > 0) await Promise.all([...this.#threads].map(({ ended }) => ended));
  }

  #start(): void {
    const { file, setup } = this.#options;
    const worker = new Worker(PROGRAM, {
      workerData: { file: file.href, setup },
      execArgv: [], // those of `node -e` are refused, and none is needed
    });
    let hasEnded: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => {
      hasEnded = resolve;
    });
    const thread: Thread = { worker, job: null, isReady: false, hasEnded: false, reason: null, ended };
    this.#threads.add(thread);
    worker.on('message', (said: Said) => this.#hear(thread, said));
    worker.on('error', (error) => {
      thread.reason = messageOf(error);
    });
    worker.on('exit', (code) => {
      thread.hasEnded = true;
      this.#threads.delete(thread);
      this.#lose(thread, code);
      hasEnded();
    });
  }

  #hear(thread: Thread, said: Said): void {
    if ('ready' in said) {
      thread.isReady = true;
      if (this.#underWay === 0 && this.#closing === null) thread.worker.unref();
      if (this.#underWay === 0 && this.#closing !== null) thread.worker.postMessage({ kind: 'end' });
      this.#dispatch();
    } else if ('failed' in said) this.#fail(receivedError(said.failed));
    else if ('ask' in said) this.#answer(thread, said);
    else this.#settle(thread, said);
  }

  #settle(thread: Thread, said: { readonly id: number } & ({ value: unknown } | { error: SentError })): void {
    const job = thread.job;
    if (job === null || job.id !== said.id) return;
    thread.job = null;
    if ('value' in said) job.resolve(said.value);
    else if (job.call.signal?.aborted) job.reject(job.call.signal.reason);
    else job.reject(receivedError(said.error));
    this.#count(-1);
    this.#dispatch();
  }

  async #answer({ worker, job }: Thread, { ask, question }: { ask: number; question: unknown }): Promise<void> {
    try {
      worker.postMessage({ kind: 'answer', ask, value: await job?.call.answer?.(question) });
    } catch (error) {
      worker.postMessage({ kind: 'answer', ask, error: { name: 'Error', message: messageOf(error) } });
    }
  }

  #dispatch(): void {
    for (const thread of this.#threads) {
      if (this.#waiting.length === 0) return;
      if (!thread.isReady || thread.job !== null) continue;
      const job = this.#waiting.shift() as Job;
      thread.job = job;
      try {
        const { id, task, input, call } = job;
        thread.worker.postMessage({ kind: 'run', id, task, input }, [...(call.moved ?? [])]);
      } catch (error) {
        thread.job = null; // what cannot be cloned never left
        job.reject(error);
        this.#count(-1);
      }
    }
  }

  #abort(job: Job): void {
    const at = this.#waiting.indexOf(job);
    if (at >= 0) {
      this.#waiting.splice(at, 1);
      job.reject(job.call.signal?.reason);
      this.#count(-1);
      return;
    }
    for (const thread of this.#threads)
      if (thread.job === job) thread.worker.postMessage({ kind: 'abort', id: job.id });
  }

  /** A thread has ended: its task with it, if it had one. */
  #lose(thread: Thread, code: number): void {
    const { job, isReady, reason } = thread;
    if (!isReady && this.#failure === null && this.#closing === null)
      this.#fail(new EngineError(`Cannot ${this.#options.purpose}: ${died(reason, code)} before it began`));
    if (job !== null) {
      thread.job = null;
      job.reject(new EngineError(`Cannot ${this.#options.purpose}: ${died(reason, code)}; ${REMEDY}`));
      this.#count(-1);
    }
    const isWanted = this.#closing === null || this.#waiting.length > 0;
    if (isReady && isWanted && this.#failure === null) this.#start();
  }

  /** No thread can be opened: nothing that waits will ever run. */
  #fail(error: Error): void {
    this.#failure ??= error;
    for (const job of this.#waiting.splice(0)) {
      job.reject(this.#failure);
      this.#count(-1);
    }
  }

  /** Threads keep the process alive while a call is under way, and while they load or are ended. */
  #count(change: 1 | -1): void {
    this.#underWay += change;
    if (this.#underWay === 1 && change === 1) for (const { worker } of this.#threads) worker.ref();
    if (this.#underWay > 0) return;
    if (this.#closing === null) for (const { worker, isReady } of this.#threads) if (isReady) worker.unref();
    this.#whenIdle?.();
  }
}

const REMEDY = 'use fewer threads, fewer rows or less memory elsewhere, and run it again';

function died(reason: string | null, code: number): string {
  return `a worker thread ended${reason === null ? ` (exit code ${code})` : `: ${reason}`}`;
}
