import type { FeedSource } from '../data/feeds.ts';
import type { Model } from '../ir/model.ts';
import { chooseLayers } from './layers.ts';
import { entryOf } from './methods.ts';
import { type PruneOptions, resolvePrune } from './prune-options.ts';
import { stageRows } from './prune-stage.ts';

/** The gradient rows of the unpruned model, where all trials begin with the same: one-stage methods with gradients. */
export async function sharedRows(
  model: Model,
  options: PruneOptions & { source: FeedSource },
): Promise<Pick<PruneOptions, 'rows'>> {
  const resolved = resolvePrune(options);
  if (resolved.stages > 1 || !entryOf(options).needsGradients) return {};
  const { layers } = chooseLayers(model, options);
  return { rows: await stageRows({ options, resolved, layers }, model, { t: 0, onProgress: options.onProgress }) };
}
