import { EVENTS_SCHEMA, type NewEvent } from '../progress/events.ts';
import type { OnProgress, Progress } from '../progress/progress.ts';

/** Milliseconds between two events of progress of one step. */
const EVERY_MS = 200;

/** Prints what happens as one JSON object a line. */
export interface EventPrinter {
  readonly onProgress: OnProgress;
  emit(event: NewEvent): void;
}

/** Makes a printer and prints the first event. The clock is in milliseconds. */
export function eventPrinter(
  print: (line: string) => void,
  command: readonly string[],
  now: () => number = () => performance.now(),
): EventPrinter {
  const born = now();
  const emit = (event: NewEvent): void => {
    const at = Math.round(now() - born) / 1000;
    const { type, ...rest } = event;
    print(`${JSON.stringify({ type, at, ...rest }, finite)}\n`);
  };
  let [step, began, base, shown, last] = ['', born, 0, 0, born];
  const onProgress = (progress: Progress): void => {
    const time = now();
    const isNew = progress.step !== step;
    // a first tick tells of work since the last one of the step before; later ones are counted from it
    const [from, counted] = isNew ? [last, 0] : [began, base];
    if (isNew) [step, began, base] = [progress.step, time, progress.done];
    last = time;
    if (!isNew && time - shown < EVERY_MS && progress.done < progress.total) return;
    shown = time;
    const { done, total, unit, note = null } = progress;
    const perSecond = time > from && done > counted ? (1000 * (done - counted)) / (time - from) : null;
    emit({ type: 'progress', step, done, total, unit, perSecond, note });
  };
  emit({ type: 'start', schema: EVENTS_SCHEMA, command: [...command] });
  return { onProgress, emit };
}

/** JSON has no NaN and no Infinity. */
function finite(_: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? null : value;
}
