import type { Writable } from 'node:stream';

/** Where text goes that the work does not depend on. */
export interface Output {
  /** Writes, as long as the stream takes it: once it is broken, nothing. */
  readonly write: (text: string) => void;
  /** What broke the stream, once all that was written has gone or failed; null where nothing did, or its reader has seen enough. */
  failure(): Promise<unknown>;
}

/** A stream whose end costs what is written to it, and nothing else: a reader that leaves early (head, less), a full disk. */
export function outputOf(stream: Writable): Output {
  let broken: { readonly cause: unknown } | null = null;
  const breaks = (cause: unknown): void => {
    broken ??= { cause };
  };
  stream.on('error', breaks);
  return {
    write: (text) => {
      if (broken !== null) return;
      try {
        stream.write(text);
      } catch (cause) {
        breaks(cause);
      }
    },
    failure: async () => {
      await new Promise(setImmediate); // a stream says that it is broken behind the call that broke it
      if (broken === null) return null;
      return (broken.cause as NodeJS.ErrnoException).code === 'EPIPE' ? null : broken.cause;
    },
  };
}
