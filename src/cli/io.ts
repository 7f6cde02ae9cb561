/** Where the command line writes to, and what it may know of its surroundings: the process, or a test. */
export interface Io {
  /** Standard output: the result. */
  out(text: string): void;
  /** Standard error: progress, warnings, refusals. */
  err(text: string): void;
  /** Whether standard error is a terminal, and how many columns it has. */
  readonly terminal: boolean;
  readonly columns: number;
  /** Columns of standard output where that is a terminal: tables fit them. Absent = as wide as they are. */
  readonly outColumns?: number | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Fires at the first Ctrl-C. */
  readonly signal: AbortSignal;
}

/** Whether lines may be redrawn: a terminal that understands it, and nobody recording. */
export function isInteractive({ terminal, env }: Io): boolean {
  return terminal && !env.CI && env.TERM !== 'dumb';
}

/** Whether colours are welcome; see no-color.org. */
export function hasColors(io: Io): boolean {
  return isInteractive(io) && !io.env.NO_COLOR;
}
