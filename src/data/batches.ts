import { OptionError } from '../errors/errors.ts';
import type { Batch, BatchOptions, Dataset } from './dataset.ts';

/** 0, 1, ..., count - 1. */
export function inOrder(count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => i);
}

/**
 * The rows with these indices, in their order, `size` at a time; the last batch may be smaller.
 *
 * The next batch is read while the caller works on the one before, so an augmenting stream is one batch ahead.
 * For rows drawn at random give `sampleWithoutReplacement(random(seed), dataset.count, n)` as indices.
 *
 * @throws OptionError  if size is not a whole number above 0
 * @throws DataError    if a row cannot be read
 */
export async function* batches(
  dataset: Dataset,
  indices: ArrayLike<number>,
  size: number,
  options?: BatchOptions,
): AsyncGenerator<Batch, void, undefined> {
  if (!Number.isInteger(size) || size < 1) {
    throw new OptionError(`Cannot make batches: wanted a whole number of rows above 0, current value is ${size}`);
  }
  const read = (start: number): Promise<Batch> => {
    const part = Array.prototype.slice.call(indices, start, start + size) as number[];
    const batch = dataset.batch(part, options);
    batch.catch(() => undefined); // a failure shows when the batch is awaited, not before
    return batch;
  };
  let next = indices.length > 0 ? read(0) : undefined;
  for (let start = size; next !== undefined; start += size) {
    const batch: Batch = await next;
    next = start < indices.length ? read(start) : undefined;
    yield batch;
  }
}
