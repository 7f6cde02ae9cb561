import type { Random } from '../../src/tensor/random.ts';

/** From the least to the greatest. */
export type Range = readonly [number, number];

/** A number of the range, all equally likely. */
export function between(rng: Random, [low, high]: Range): number {
  return low + (high - low) * rng.uniform();
}
