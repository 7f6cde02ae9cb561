import { inOrder } from '../data/batches.ts';
import { type FeedSource, inputBatches, wholeBatches } from '../data/feeds.ts';
import type { Engine } from '../engine/engine.ts';
import { DataError } from '../errors/errors.ts';
import type { Model } from '../ir/model.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Head } from './heads.ts';
import { atRawEnds } from './raw.ts';

/** What {@link outputUnits} is measured on. */
export interface UnitsRequest {
  readonly engine: Engine;
  readonly source: FeedSource;
  /** Samples to look at, from the first; fewer where there are not so many. */
  readonly count: number;
  readonly threads?: number;
}

/**
 * Mean squared distance of each head's raw values from their mean, over samples: the unit of a squared error on it; null for
 * one that is always the same, or whose raw values are those of a head before it.
 *
 * @throws DataError if all outputs are always the same, or one is not finite
 * Cost: one forward pass a sample.
 */
export async function outputUnits(
  model: Model,
  heads: readonly Head[],
  { engine, source, count, threads }: UnitsRequest,
): Promise<(number | null)[]> {
  const samples = inOrder(Math.min(Math.max(count, source.fixedBatch ?? 1), source.count));
  const size = source.fixedBatch ?? samples.length;
  const raw = atRawEnds(model, heads);
  const session = await engine.createSession(raw.model, threads === undefined ? {} : { threads });
  const parts: Map<string, Tensor>[] = [];
  try {
    for await (const inputs of inputBatches(source, wholeBatches(samples, size), size))
      parts.push(await session.run(inputs));
  } finally {
    await session.release();
  }
  const units = raw.ends.map((end, i) => {
    if (raw.ends.indexOf(end) !== i) return null;
    const unit = varianceOf(parts.map((found) => (found.get(end) as Tensor<Float32Array>).data));
    if (!Number.isFinite(unit))
      throw new DataError(`Cannot imitate the model: its output "${heads[i]?.name}" is not finite on the data`);
    return unit > 0 ? unit : null;
  });
  if (units.every((unit) => unit === null))
    throw new DataError('Cannot imitate the model: its outputs are the same for all samples');
  return units;
}

/** Mean squared distance from the mean, over all parts together. */
export function varianceOf(parts: readonly Float32Array[]): number {
  let [sum, square, count] = [0, 0, 0];
  for (const part of parts) {
    for (const x of part) sum += x;
    count += part.length;
  }
  const mean = sum / count;
  for (const part of parts) for (const x of part) square += (x - mean) ** 2;
  return square / count;
}
