import type { GradientRows } from '../curvature/gradient-rows.ts';
import type { FeedSource } from '../data/feeds.ts';
import { UnsupportedOpError } from '../errors/errors.ts';
import type { Model } from '../ir/model.ts';
import { withDecidedLoss } from '../pruning/decided.ts';
import { layersFor } from '../pruning/layers.ts';
import { entryOf } from '../pruning/methods.ts';
import { PRUNE_DEFAULTS, type PruneOptions, resolvePrune } from '../pruning/prune-options.ts';
import { stageRows } from '../pruning/prune-stage.ts';

/** The gradient rows of the unpruned model, where all trials begin with the same: one-stage methods with gradients. */
export async function sharedRows(
  model: Model,
  asked: PruneOptions & { source: FeedSource },
): Promise<Pick<PruneOptions, 'rows'>> {
  const options = await withDecidedLoss(model, asked);
  const resolved = resolvePrune(options);
  if (resolved.stages > 1 || !entryOf(options).needsGradients) return {};
  const { layers } = layersFor(model, options);
  const rows = await unlessBlocked(options, () =>
    stageRows({ options, resolved, layers }, model, { t: 0, onProgress: options.onProgress }),
  );
  return rows === null ? {} : { rows };
}

/** Rows of all layers; null where some of them cannot be differentiated and are to be left out: each run finds out which, and takes its own rows. */
export async function unlessBlocked(
  { blocked = PRUNE_DEFAULTS.blocked }: Pick<PruneOptions, 'blocked'>,
  rows: () => Promise<GradientRows>,
): Promise<GradientRows | null> {
  try {
    return await rows();
  } catch (thrown) {
    if (blocked === 'skip' && thrown instanceof UnsupportedOpError) return null;
    throw thrown;
  }
}
