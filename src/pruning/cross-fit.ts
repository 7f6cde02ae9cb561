import { type FeedSource, subset } from '../data/feeds.ts';
import { type Distance, type DistanceMeter, distanceOf, type Part } from '../evaluate/distance.ts';
import type { Model } from '../ir/model.ts';
import { random, sampleWithoutReplacement } from '../tensor/random.ts';

/** What {@link crossFitted} is asked for. */
export interface CrossFit {
  /** All of the samples, and a meter on them. */
  readonly source: FeedSource;
  readonly meter: DistanceMeter;
  /** Makes a model from some of them, under a name that is its own; null where it cannot. */
  readonly make: (source: FeedSource, name: string) => Promise<Model | null>;
  readonly folds: number;
  readonly seed: number;
}

/**
 * How far what is made from samples is from the dense model on others: the samples are dealt into folds, for each of which a model
 * is made from all the others. So each sample judges, and none by a model that was made from it.
 *
 * @returns the distances of all parts; null with fewer than two parts, or where nothing can be made from the rest of a fold
 * Cost: `folds` times that of `make`, and as many forward passes a sample.
 */
export async function crossFitted({ source, meter, make, folds, seed }: CrossFit): Promise<Distance | null> {
  const { parts } = meter;
  const count = Math.min(folds, parts.length);
  if (count < 2) return null;
  const order = sampleWithoutReplacement(random(seed).fork('folds'), parts.length, parts.length);
  const foldOf = new Int32Array(parts.length);
  order.forEach((part, i) => {
    foldOf[part] = i % count;
  });
  const each: Part[] = [];
  for (let fold = 0; fold < count; fold++) {
    const rest = parts.flatMap((samples, i) => (foldOf[i] === fold ? [] : Array.from(samples)));
    const model = await make(subset(source, Int32Array.from(rest)), `fold ${fold}`);
    if (model === null) return null;
    const { each: measured } = await meter.measure(model);
    measured.forEach((part, i) => {
      if (foldOf[i] === fold) each[i] = part;
    });
  }
  return distanceOf(each);
}
