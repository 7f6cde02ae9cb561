import { usingRows } from '../curvature/gradient-rows.ts';
import type { FeedSource } from '../data/feeds.ts';
import { DataError, OptionError } from '../errors/errors.ts';
import { evaluate } from '../evaluate/accuracy.ts';
import type { Model } from '../ir/model.ts';
import { methodOf, withSolvingMethod } from '../methods/list.ts';
import { prune } from '../methods/prune.ts';
import type { PruneOptions } from '../methods/prune-options.ts';
import { holdOut } from '../pruning/held-out.ts';
import { sharedRows } from './shared-rows.ts';

/** Options of {@link tune}. */
export interface TuneOptions {
  /** Values of lambda to try. */
  readonly grid?: readonly number[];
  /** Samples of the data that are held out: at most this many, and at most a fifth. */
  readonly heldOut?: number;
}

/** Defaults of {@link tune}. */
export const TUNE_DEFAULTS = { grid: [1e-4, 1e-3, 1e-2, 1e-1], heldOut: 5000 } as const;

/** How one value of lambda did on the held-out samples. */
export interface Trial {
  readonly lambda: number;
  readonly accuracy: number;
  readonly loss: number;
}

/** What {@link tune} gives back. */
export interface Tuned {
  readonly lambda: number;
  readonly trials: readonly Trial[];
  /** Number of held-out samples; they took no part in the trials' gradients. */
  readonly heldOut: number;
  /** The remaining samples: prune with them to keep the held-out ones unseen. */
  readonly source: FeedSource;
}

/**
 * Chooses lambda for a run: prunes with each value of a grid on a part of the data and compares accuracy (then loss) on
 * samples of the same data that were held out. Evaluation data is never looked at.
 *
 * @throws DataError    if the data has no labels, or too few rows
 * @throws OptionError  if the grid is empty, or the method has no lambda
 * Cost: one run a value; one-stage methods share their gradient rows.
 */
export async function tune(model: Model, asked: PruneOptions, tuning: TuneOptions = {}): Promise<Tuned> {
  const options = withSolvingMethod(asked);
  const grid = tuning.grid ?? TUNE_DEFAULTS.grid;
  const { source } = options;
  if (grid.length === 0) throw new OptionError('Cannot tune lambda: wanted at least one value to try');
  const { name, needs } = methodOf(options);
  if (!needs.gradients) throw new OptionError(`Cannot tune lambda: the method "${name}" has none`);
  if (source === undefined || !source.labelled)
    throw new DataError('Cannot tune lambda: wanted data with labels', { remedies: [{ option: 'data' }] });
  const parts = holdOut(source, tuning.heldOut ?? TUNE_DEFAULTS.heldOut, {
    seed: options.seed ?? 1,
    what: 'tune lambda',
  });
  const shared = await sharedRows(model, { ...options, source: parts.rest });
  const trials: Trial[] = [];
  const attempt = async (lambda: number, i: number): Promise<void> => {
    const onProgress: PruneOptions['onProgress'] = (progress) =>
      options.onProgress?.({ ...progress, step: `tuning ${i + 1} of ${grid.length}: ${progress.step}` });
    const { model: pruned } = await prune(model, { ...options, ...shared, source: parts.rest, lambda, onProgress });
    const { accuracy, loss } = await evaluate(
      options.engine,
      pruned,
      parts.heldOut,
      options.signal === undefined ? {} : { signal: options.signal },
    );
    trials.push({ lambda, accuracy: accuracy ?? 0, loss: loss ?? Number.POSITIVE_INFINITY });
  };
  await usingRows(shared.rows, async () => {
    for (const [i, lambda] of grid.entries()) await attempt(lambda, i);
  });
  const best = trials.reduce((a, b) =>
    b.accuracy > a.accuracy || (b.accuracy === a.accuracy && b.loss < a.loss) ? b : a,
  );
  return { lambda: best.lambda, trials, heldOut: parts.heldOut.count, source: parts.rest };
}
