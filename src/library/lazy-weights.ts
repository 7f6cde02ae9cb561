import { readWeights } from '../apply/weights.ts';
import type { PruneResult } from '../methods/prune.ts';

/** A result of pruning whose weights were left in the other thread: they are read from its model when somebody asks. */
export function withLazyWeights(result: unknown): unknown {
  const pruned = (result as { readonly result?: Omit<PruneResult, 'w'> } | null)?.result;
  if (pruned === undefined) return result;
  let w: Float64Array | undefined;
  Object.defineProperty(pruned, 'w', {
    enumerable: true,
    get: () => {
      w ??= readWeights(pruned.model, pruned.chosen.layers);
      return w;
    },
  });
  return result;
}
