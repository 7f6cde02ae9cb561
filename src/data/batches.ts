import { DataError, OptionError } from '../errors/errors.ts';
import { type Random, sampleWithoutReplacement } from '../tensor/random.ts';
import type { Batch, BatchOptions, Dataset } from './dataset.ts';

/** 0, 1, ..., count - 1. */
export function inOrder(count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => i);
}

/** `count` of the numbers below another, drawn without replacement; in their order when all are asked for. */
export function drawIndices(rng: Random, below: number, count: number): Int32Array {
  return count === below ? inOrder(count) : sampleWithoutReplacement(rng, below, count);
}

/**
 * `count` rows drawn without replacement; the rows of the file in their order when all are asked for.
 *
 * @throws DataError  if there are fewer
 */
export function drawRows(dataset: Dataset, count: number, rng: Random): Int32Array {
  if (!Number.isInteger(count) || count < 1 || count > dataset.count) {
    throw new DataError(
      `Cannot draw ${count} rows of "${dataset.address}": wanted 1 to ${dataset.count}, which it has`,
      {
        fields: { asked: count, count: dataset.count },
      },
    );
  }
  return drawIndices(rng, dataset.count, count);
}

/**
 * The rows with these indices, in their order, `size` at a time; the last batch may be smaller.
 *
 * The next batch is read while the caller works on the one before, so an augmenting stream is one batch ahead.
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
