import type { Call, Executor, Task, Tasks } from './executor.ts';
import { unwrapped } from './moving.ts';

const NEVER = new AbortController().signal;

/**
 * Runs tasks in the caller's thread, one after another: where there are no threads (in a browser), none to spare, or none worth
 * their start. Inputs and outputs are handed over as they are, not copied.
 *
 * @param tasks  by name; a promise where they have to be opened first
 */
export function inline(tasks: Tasks | Promise<Tasks>): Executor {
  let last: Promise<unknown> = Promise.resolve();
  const work = async (name: string, input: unknown, { signal = NEVER, answer }: Call): Promise<unknown> => {
    signal.throwIfAborted();
    const task = (await tasks)[name] as Task;
    return unwrapped(await task(input as never, { signal, ask: async (question) => answer?.(question) }));
  };
  return {
    parallel: 1,
    run<Output>(name: string, input: unknown, call: Call = {}): Promise<Output> {
      const result = last.then(() => work(name, input, call)) as Promise<Output>;
      last = result.catch(() => undefined);
      return result;
    },
    close: async () => void (await last),
  };
}
