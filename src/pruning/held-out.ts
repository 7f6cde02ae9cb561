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
  return split(source, count, seed);
}

/** Samples that a choice is made on, and those that what is chosen between is made from. */
export interface SetAside {
  readonly rest: FeedSource;
  readonly aside: FeedSource;
  /** Whether they are the same samples, for want of more. */
  readonly same: boolean;
}

/** Of few samples a larger share: so many judge at least, where they are no more than this share. */
const FEW = { count: 32, share: 1 / 3 } as const;

/** {@link holdOut} in whole batches where the model insists on them, and more of few; where there is nothing to divide all of them are used for both. */
export function setAside(source: FeedSource, wanted: number, seed: number): SetAside {
  const unit = source.fixedBatch ?? 1;
  const most = Math.max(source.count / 5, Math.min(FEW.count, FEW.share * source.count));
  const batches = Math.floor(Math.min(wanted, most) / unit);
  if (batches < 1) return { rest: source, aside: source, same: true };
  const { rest, heldOut } = split(source, batches * unit, seed);
  return { rest, aside: heldOut, same: false };
}

function split(source: FeedSource, count: number, seed: number): { rest: FeedSource; heldOut: FeedSource } {
  const order = sampleWithoutReplacement(random(seed).fork('held out'), source.count, source.count);
  return {
    heldOut: subset(source, order.subarray(0, count).slice().sort()),
    rest: subset(source, order.subarray(count).slice().sort()),
  };
}
