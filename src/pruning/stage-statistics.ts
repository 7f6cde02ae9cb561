import { recalibrator } from '../apply/recalibrate.ts';
import type { FeedSource } from '../data/feeds.ts';
import type { Engine } from '../engine/engine.ts';
import { DataError } from '../errors/errors.ts';
import type { Model } from '../ir/model.ts';

/** Samples whose batch statistics are measured at each trial of a line search. */
const TRIAL_SAMPLES = 500;

/** Brings the batch statistics of pruned models back to those of the dense one. */
export interface Recalibrators {
  /** After a stage. */
  readonly stage: (pruned: Model) => Promise<Model>;
  /** For a trial of its line search, from fewer samples. */
  readonly trial: (pruned: Model) => Promise<Model>;
}

/**
 * The recalibrations of a run's stages.
 *
 * @throws DataError without data
 * Cost: the dense model is measured once for each kind, when the first of it is wanted.
 */
export function recalibratorsOf(
  dense: Model,
  {
    engine,
    source,
    seed,
    signal,
  }: {
    readonly engine: Engine;
    readonly source?: FeedSource;
    readonly seed?: number;
    readonly signal?: AbortSignal;
  },
): Recalibrators {
  if (source === undefined)
    throw new DataError('Cannot recalibrate between stages without data: give rows', {
      remedies: [{ option: 'data' }],
    });
  const options = { engine, source, ...(seed !== undefined && { seed }), ...(signal && { signal }) };
  const once = (samples?: number): ((pruned: Model) => Promise<Model>) => {
    let opened: ReturnType<typeof recalibrator> | undefined;
    return async (pruned) => {
      opened ??= recalibrator(dense, { ...options, ...(samples !== undefined && { samples }) });
      return (await (await opened)(pruned)).model;
    };
  };
  return { stage: once(), trial: once(TRIAL_SAMPLES) };
}
