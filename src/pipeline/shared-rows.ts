import type { FeedSource } from '../data/feeds.ts';
import type { Model } from '../ir/model.ts';
import { random } from '../tensor/random.ts';
import { rowsOf } from './gradients.ts';
import { chooseLayers } from './layers.ts';
import { entryOf } from './methods.ts';
import { type PruneOptions, resolvePrune } from './prune.ts';

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
