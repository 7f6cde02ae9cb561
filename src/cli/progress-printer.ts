import type { OnProgress, Progress } from '../progress/progress.ts';
import { duration } from '../report/figures.ts';
import { type Io, isInteractive } from './io.ts';

/** Milliseconds between redraws of a terminal's line, and between lines elsewhere. */
const REDRAW_MS = 100;
const LINE_MS = 10_000;
const BAR_CELLS = 20;

/** Prints progress on standard error: one line redrawn on a terminal, a line now and then elsewhere. */
export interface ProgressPrinter {
  readonly onProgress: OnProgress;
  /** Writes a line of its own, above the bar if there is one. */
  line(text: string): void;
  /** Removes the bar. */
  clear(): void;
}

/** Makes a printer; `quiet` prints no progress. The clock is in milliseconds. */
export function progressPrinter(io: Io, quiet: boolean, now: () => number = () => performance.now()): ProgressPrinter {
  const live = isInteractive(io);
  let step = '';
  let [started, shown, seen] = [now(), now(), now()];
  let drawn = false;
  const clear = (): void => {
    if (drawn) io.err('\r\x1b[2K');
    drawn = false;
  };
  const show = (text: string): void => {
    io.err(live ? `\r\x1b[2K${text.slice(0, Math.max(20, io.columns - 1))}` : `${text}\n`);
    drawn = live;
  };
  const onProgress = (progress: Progress): void => {
    const time = now();
    const isNew = progress.step !== step;
    if (isNew) [step, started] = [progress.step, seen];
    seen = time;
    const due = time - shown >= (live ? REDRAW_MS : LINE_MS);
    if (!due && !(live && (isNew || progress.done >= progress.total))) return;
    shown = time;
    show(progressText(progress, (time - started) / 1000, live));
  };
  return {
    onProgress: quiet ? () => undefined : onProgress,
    line: (text) => {
      clear();
      io.err(`${text}\n`);
    },
    clear,
  };
}

/** Counted up to a limit that is seldom reached: no bar, no time left. */
const OPEN_ENDED = 'steps';

/** `gradients [#####....] 320/1000 samples, 104/s, 6.5 s left` */
export function progressText({ step, done, total, unit, note }: Progress, seconds: number, bar: boolean): string {
  if (unit === OPEN_ENDED) return `${step}: ${done} ${unit}${speedOf(done, seconds)}${noted(note)}`;
  const share = total > 0 ? Math.min(1, done / total) : 0;
  const filled = Math.round(share * BAR_CELLS);
  const drawn = bar ? ` [${'#'.repeat(filled)}${'.'.repeat(BAR_CELLS - filled)}]` : ':';
  const left = seconds > 0 && done > 0 && done < total ? `, ${duration(((total - done) * seconds) / done)} left` : '';
  return `${step}${drawn} ${done}/${total} ${unit}${speedOf(done, seconds)}${left}${noted(note)}`;
}

function speedOf(done: number, seconds: number): string {
  if (seconds <= 0 || done <= 0) return '';
  const rate = done / seconds;
  return `, ${rate >= 10 ? Math.round(rate) : rate.toPrecision(2)}/s`;
}

function noted(note: string | undefined): string {
  return note === undefined ? '' : `, ${note}`;
}
