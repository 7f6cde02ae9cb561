import { type FeedSource, subset } from '../data/feeds.ts';
import { DataError } from '../errors/errors.ts';
import type { Model } from '../ir/model.ts';
import { random, sampleWithoutReplacement } from '../tensor/random.ts';
import { rowsOf } from './gradients.ts';
import { chooseLayers } from './layers.ts';
import { entryOf } from './methods.ts';
import { type PruneOptions, resolvePrune } from './prune.ts';

/**
 * Sets samples aside for choices: at most `wanted`, and at most a fifth.
 *
 * @param what  what cannot be done without, for the message
 * @throws DataError if there are fewer than five samples
 */
export function holdOut(
  source: FeedSource,
  wanted: number,
  { seed, what }: { seed: number; what: string },
): { rest: FeedSource; heldOut: FeedSource } {
  const count = Math.min(wanted, Math.floor(source.count / 5));
  if (count < 1) throw new DataError(`Cannot ${what}: wanted at least 5 samples, the data has ${source.count}`);
  const order = sampleWithoutReplacement(random(seed).fork('held out'), source.count, source.count);
  return {
    heldOut: subset(source, order.subarray(0, count).slice().sort()),
    rest: subset(source, order.subarray(count).slice().sort()),
  };
}

/** The gradient rows of the unpruned model, where all trials begin with the same: one-stage methods with gradients. */
export async function sharedRows(
  model: Model,
  options: PruneOptions & { source: FeedSource },
): Promise<Pick<PruneOptions, 'rows'>> {
  const resolved = resolvePrune(options);
  if (resolved.stages > 1 || !entryOf(options).needsGradients) return {};
  const { layers } = chooseLayers(model, options);
  const { engine, source, signal, onProgress, threads, store, factored } = options;
  const rows = await rowsOf(
    {
      ...resolved,
      engine,
      model,
      layers,
      source,
      rng: random(resolved.seed).fork('stage 0'),
      ...(threads === undefined ? {} : { threads }),
      ...(store && { store }),
      ...(factored && { factored }),
    },
    { ...(signal && { signal }), ...(onProgress && { onProgress }) },
  );
  return { rows };
}
