import { plainWeights } from '../apply/plain-weights.ts';
import type { GradientRows } from '../curvature/gradient-rows.ts';
import type { FeedSource } from '../data/feeds.ts';
import { OptionError, UnsupportedOpError } from '../errors/errors.ts';
import type { Model } from '../ir/model.ts';
import { decided } from '../methods/decided.ts';
import { methodOf } from '../methods/list.ts';
import { PRUNE_DEFAULTS, type PruneOptions, resolveGradients } from '../methods/prune-options.ts';
import { layersFor } from '../pruning/layers.ts';
import { stageRows } from '../pruning/prune-stage.ts';

/** The gradient rows of the unpruned model, where all trials begin with the same: one-stage methods with gradients. */
export async function sharedRows(
  model: Model,
  options: PruneOptions & { source: FeedSource },
): Promise<Pick<PruneOptions, 'rows'>> {
  if (plainWeights(model) !== null) return {}; // rows are of the numbers that are pruned, not of those in the file
  if ((resolveGradients(options)?.stages ?? Number.POSITIVE_INFINITY) > 1) return {};
  const rows = await unlessBlocked(options, () => denseRows(model, options));
  return rows === null ? {} : { rows };
}

async function denseRows(model: Model, asked: PruneOptions): Promise<GradientRows> {
  return decidedRows(model, (await decided(model, asked)).options);
}

/** The rows with which a single run begins, of options that {@link decided} has seen. @throws OptionError for a method without */
export async function decidedRows(model: Model, options: PruneOptions): Promise<GradientRows> {
  const method = methodOf(options);
  const resolved = resolveGradients(options);
  if (resolved === null) throw new OptionError(`Cannot compute gradient rows for ${method.name}: it uses none`);
  const { layers } = layersFor(model, options, method);
  return stageRows({ options, resolved, layers }, model, { t: 0, onProgress: options.onProgress });
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
