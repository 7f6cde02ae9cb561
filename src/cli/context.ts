import type { Remedy } from '../errors/errors.ts';
import type { NewEvent } from '../progress/events.ts';
import type { OnProgress, RunOptions } from '../progress/progress.ts';
import { eventPrinter } from './event-printer.ts';
import { hasColors, type Io } from './io.ts';
import { type ProgressPrinter, progressPrinter } from './progress-printer.ts';
import { type FlagsThere, withFlags } from './remedies.ts';

/** How much a command says on standard error. */
export interface Loudness {
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  /** Events as JSON, a line each, in the place of all other output on standard error. */
  readonly events?: 'ndjson';
}

/** What every command is given: where to print, and how to be stopped. */
export interface Context {
  readonly io: Io;
  /** The arguments as the user typed them, program first: the command to reproduce. */
  readonly command: readonly string[];
  readonly onProgress: OnProgress;
  /** What everything that loops accepts. */
  readonly run: Required<RunOptions>;
  /** Says something that the user should know, with the flags that mend it; kept for the report too. */
  warn(message: string, remedies?: readonly Remedy[]): void;
  readonly warnings: readonly string[];
  /** Says what was missed, --quiet or not. */
  fail(message: string): void;
  /** Says how far the work is, unless --quiet. */
  tell(message: string): void;
  /** Says what was decided: once, however often it is. */
  note(message: string): void;
  /** Says what is being done, under -v. */
  log(message: string): void;
  /** Columns that a table may take. */
  readonly width: number;
  /** Tells those who read events; nothing without --events. */
  emit(event: NewEvent): void;
  /** Prints the result on standard output. */
  print(text: string): void;
  /** The folder of the unfinished run that goes on; null for one that begins. */
  readonly resumed: string | null;
  /** Runs another command line in this process, going on from a folder. @returns the exit code */
  goOn(command: readonly string[], folder: string): Promise<number>;
  /** Seconds by step, so far. */
  readonly seconds: Record<string, number>;
  /** Runs a step and adds its wall time to `seconds`. */
  timed<T>(step: string, work: () => Promise<T>): Promise<T>;
}

/** What a run may go on from, and how another is called. */
export type Continuation = Pick<Context, 'resumed' | 'goOn'>;

/** Opens a context on an {@link Io}. @param flags  those that the command has, to name them as remedies */
export function openContext(
  io: Io,
  command: readonly string[],
  { quiet = false, verbose = false, events }: Loudness,
  continuation: Continuation,
  flags: FlagsThere = new Set(),
): Context {
  const stream = events === undefined ? null : eventPrinter(io.err, command);
  const printer: ProgressPrinter = stream ? silent(stream.onProgress) : progressPrinter(io, quiet);
  const warnings: string[] = [];
  const seconds: Record<string, number> = {};
  const noted = new Set<string>();
  const tell = (message: string): void => {
    stream?.emit({ type: 'note', message });
    if (!quiet) printer.line(message);
  };
  const yellow = hasColors(io) ? (text: string) => `\x1b[33m${text}\x1b[0m` : (text: string) => text;
  return {
    io,
    command,
    ...continuation,
    onProgress: printer.onProgress,
    run: { onProgress: printer.onProgress, signal: io.signal },
    warnings,
    seconds,
    warn: (said, remedies) => {
      const message = withFlags(said, remedies, flags);
      if (warnings.includes(message)) return;
      warnings.push(message);
      stream?.emit({ type: 'warning', message });
      if (!quiet) printer.line(`coppice: ${yellow('warning')}: ${message}`);
    },
    width: io.outColumns ?? Number.POSITIVE_INFINITY,
    emit: (event) => stream?.emit(event),
    tell,
    note: (message) => {
      if (!noted.has(message)) tell(message);
      noted.add(message);
    },
    fail: (message) => {
      if (stream) stream.emit({ type: 'failure', message });
      else io.err(`coppice: ${message}\n`);
    },
    log: (message) => {
      if (verbose) printer.line(`coppice: ${message}`);
    },
    print: (text) => {
      printer.clear();
      io.out(text.endsWith('\n') ? text : `${text}\n`);
    },
    timed: async (step, work) => {
      io.signal.throwIfAborted();
      const started = performance.now();
      try {
        return await work();
      } finally {
        printer.clear();
        seconds[step] = (seconds[step] ?? 0) + (performance.now() - started) / 1000;
      }
    },
  };
}

/** A printer of which only the progress is heard. */
function silent(onProgress: OnProgress): ProgressPrinter {
  return { onProgress, line: () => undefined, clear: () => undefined };
}
