/** What a task is called with besides its input. */
export interface Call {
  /** Buffers of the input that go over to the task, and are gone here; all else is copied. */
  readonly moved?: readonly ArrayBuffer[];
  /** Ends the call: the task is told, and what it then throws is answered by the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Answers what the task asks of its caller on the way. */
  readonly answer?: (question: unknown) => unknown;
}

/** What a running task has of its caller. */
export interface Caller {
  readonly signal: AbortSignal;
  /** Asks the caller; resolves to what {@link Call.answer} returned. */
  readonly ask: (question: unknown) => Promise<unknown>;
}

/** A named piece of work: plain data in, plain data out (what can be cloned: numbers, texts, typed arrays, maps, objects of them). */
export type Task = (input: never, caller: Caller) => unknown;

/** The tasks of one kind of executor, by name. */
export type Tasks = Readonly<Record<string, Task>>;

/**
 * Where tasks run: in the caller's thread ({@link inline}), or in threads of their own (`threads` in Node). Who needs work done
 * asks for it by name and does not know where it is done.
 */
export interface Executor {
  /** Tasks that proceed at once; further ones wait their turn, first come first served. */
  readonly parallel: number;
  /**
   * Runs a task. Errors keep their class, code and fields, whatever lies between.
   *
   * @throws EngineError  if what runs the task ends within it, and what to do about it
   */
  run<Output>(task: string, input: unknown, call?: Call): Promise<Output>;
  /** Waits for the tasks that proceed, then ends all that was started. Nothing can be run afterwards. */
  close(): Promise<void>;
}
