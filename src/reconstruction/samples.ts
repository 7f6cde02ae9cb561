import type { FeedSource } from '../data/feeds.ts';
import { random, sampleWithoutReplacement } from '../tensor/random.ts';

/** The samples that layers are solved on, drawn without replacement: those of a smaller number come first in a larger one. */
export function drawnSamples({ count }: FeedSource, wanted: number, seed: number): Int32Array {
  return sampleWithoutReplacement(random(seed).fork('samples'), count, wanted);
}
