import { stat } from 'node:fs/promises';

/** Milliseconds between two looks at a file that grows, and at one at which nothing has happened for a while. */
const LOOK_MS = { busy: 150, quiet: 1000 } as const;
/** Looks without news after which a file counts as quiet. */
const QUIET_AFTER = 20;

/** What is seen of the events of a run, for all who read them: one look serves them all. */
export class EventWatch {
  readonly #path: string;
  readonly #askOver: () => Promise<boolean>;
  readonly #waiting = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;
  #looksWithoutNews = 0;
  #size = -1;
  /** Rises whenever there is news. */
  version = 0;
  /** Whether no more events were to come when the file was looked at last. */
  isOver = false;

  constructor(path: string, askOver: () => Promise<boolean>) {
    this.#path = path;
    this.#askOver = askOver;
  }

  /** Looks as long as somebody is there. */
  begin(): void {
    this.#timer ??= setTimeout(() => void this.#look(), 0);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Waits for news since a version, for so long at most, or until the reader has left. */
  news(since: number, ms: number, left: AbortSignal): Promise<void> {
    if (since !== this.version || left.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        left.removeEventListener('abort', done);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      left.addEventListener('abort', done, { once: true });
      this.#waiting.add(done);
    });
  }

  async #look(): Promise<void> {
    const isOver = await this.#askOver().catch(() => true); // before the size, so that nothing is missed
    const size = (await stat(this.#path).catch(() => null))?.size ?? 0;
    if (size !== this.#size || isOver !== this.isOver) {
      this.#looksWithoutNews = 0;
      [this.#size, this.isOver] = [size, isOver];
      this.version++;
      for (const done of [...this.#waiting]) done();
    } else this.#looksWithoutNews++;
    if (this.#timer === undefined) return;
    const ms = this.#looksWithoutNews > QUIET_AFTER ? LOOK_MS.quiet : LOOK_MS.busy;
    this.#timer = setTimeout(() => void this.#look(), ms);
  }
}

/** The watches of all runs that somebody reads. */
export class EventWatches {
  readonly #all = new Map<string, { readonly watch: EventWatch; readers: number }>();

  /** Watches the events of a run as long as `read` takes. */
  async with<T>(path: string, askOver: () => Promise<boolean>, read: (watch: EventWatch) => Promise<T>): Promise<T> {
    const entry = this.#all.get(path) ?? { watch: new EventWatch(path, askOver), readers: 0 };
    this.#all.set(path, entry);
    entry.readers++;
    entry.watch.begin();
    try {
      return await read(entry.watch);
    } finally {
      if (--entry.readers === 0) {
        entry.watch.end();
        this.#all.delete(path);
      }
    }
  }
}
