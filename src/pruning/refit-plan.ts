import type { WeightLayer } from '../graph/weights.ts';
import { refitBound } from '../reconstruction/tied-runs.ts';

/** What the refit of weights that are used more than once takes at most; null where there are none. */
export function refitOf(facts: {
  readonly layers: readonly WeightLayer[];
  /** Numbers in all values of one sample, where they are known. */
  readonly activations: number | null;
  readonly samples: number;
  readonly count: number;
}): ReturnType<typeof refitBound> | null {
  const { layers, activations, samples, count } = facts;
  const tied = layers.filter(({ uses }) => uses.length > 1);
  if (tied.length === 0) return null;
  return refitBound({
    weights: tied.reduce((sum, { size }) => sum + size, 0),
    macs: layers.reduce((sum, { size, macsPerWeight }) => sum + size * (macsPerWeight ?? 1), 0),
    numbers: activations ?? 0,
    samples: Math.min(samples, count),
  });
}
