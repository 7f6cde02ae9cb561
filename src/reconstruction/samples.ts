import type { FeedSource } from '../data/feeds.ts';
import { random, sampleWithoutReplacement } from '../tensor/random.ts';

/** The samples that layers are solved on, drawn without replacement: those of a smaller number come first in a larger one. */
export function drawnSamples({ count }: FeedSource, wanted: number, seed: number): Int32Array {
  return sampleWithoutReplacement(random(seed).fork('samples'), count, wanted);
}

/** Some of the samples. */
export interface Samples {
  readonly from: number;
  readonly to: number;
}

/** Samples set aside for judging: a share, and as many as are used. */
const JUDGED_SHARE = 0.25;
const MOST_JUDGED = 200;

/** Which samples supports are chosen on, and which tell what the layers' errors cost; the same ones where there are too few for two batches. */
export function partsOf(samples: number, unit: number): { readonly fitted: Samples; readonly judged: Samples } {
  const whole = (count: number): number => unit * Math.ceil(count / unit);
  const cut = Math.max(0, samples - whole(JUDGED_SHARE * samples));
  return {
    fitted: { from: 0, to: cut > 0 ? cut : samples },
    judged: { from: cut, to: Math.min(samples, cut + whole(MOST_JUDGED)) },
  };
}
