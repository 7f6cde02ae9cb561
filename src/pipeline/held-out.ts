import { type FeedSource, subset } from '../data/feeds.ts';
import { DataError } from '../errors/errors.ts';
import { random, sampleWithoutReplacement } from '../tensor/random.ts';

/**
 * Sets samples aside for choices: at most `wanted`, and at most a fifth.
 *
 * @param what  what cannot be done without, for the message
 * @throws DataError if there are fewer than five samples
 */
export function holdOut(
  source: FeedSource,
  wanted: number,
  { seed, what }: { seed: number; what: string },
): { rest: FeedSource; heldOut: FeedSource } {
  const count = Math.min(wanted, Math.floor(source.count / 5));
  if (count < 1) throw new DataError(`Cannot ${what}: wanted at least 5 samples, the data has ${source.count}`);
  const order = sampleWithoutReplacement(random(seed).fork('held out'), source.count, source.count);
  return {
    heldOut: subset(source, order.subarray(0, count).slice().sort()),
    rest: subset(source, order.subarray(count).slice().sort()),
  };
}
