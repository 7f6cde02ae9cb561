/** One tick of a long step. */
export interface Progress {
  /** What is going on, as a user would say it: `gradients`, `stage 3 of 20`, `evaluation`. */
  readonly step: string;
  readonly done: number;
  readonly total: number;
  /** What is counted, for the rate: `samples`, `layers`. */
  readonly unit: string;
  /** A figure worth showing beside the bar. */
  readonly note?: string;
}

/** Receives progress; the command line prints it, a library user may do anything. */
export type OnProgress = (progress: Progress) => void;

/** What everything that loops accepts. */
export interface RunOptions {
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}
