import type { Dataset } from '../src/data/dataset.ts';
import { random } from '../src/tensor/random.ts';
import { float32, sizeOf } from '../src/tensor/tensor.ts';

/** What {@link tinyData} makes. */
export interface TinyDataOptions {
  readonly count: number;
  readonly sampleDims: readonly number[];
  /** Labels are drawn from this many classes; absent = no labels. */
  readonly classes?: number;
  /** Normal targets of this shape; absent = no targets. */
  readonly targetDims?: readonly number[];
  readonly seed?: number;
}

/** Normal samples in memory as a data set; row i is the same however it is asked for. */
export function tinyData({ count, sampleDims, classes, targetDims, seed = 1 }: TinyDataOptions): Dataset {
  const rng = random(seed);
  const draw = (size: number): Float32Array => Float32Array.from({ length: size }, () => rng.normal());
  const width = sizeOf(sampleDims);
  const x = draw(count * width);
  const labels = classes === undefined ? undefined : Int32Array.from({ length: count }, () => rng.integer(classes));
  const t = targetDims && draw(count * sizeOf(targetDims));
  const rows = (all: Float32Array, indices: ArrayLike<number>, dims: readonly number[]) => {
    const size = sizeOf(dims);
    const picked = Array.from(indices, (i) => [...all.subarray(i * size, (i + 1) * size)]).flat();
    return float32(picked, [indices.length, ...dims]);
  };
  return {
    address: `memory:${seed}`,
    count,
    sampleDims,
    labelled: labels !== undefined,
    ...(labels && { labels }),
    ...(targetDims && { targetDims }),
    hash: async () => `${seed}`.padStart(64, '0'),
    batch: async (indices) => ({
      x: rows(x, indices, sampleDims),
      ...(labels && { labels: Int32Array.from(indices, (i) => labels[i] as number) }),
      ...(t && targetDims && { targets: rows(t, indices, targetDims) }),
    }),
  };
}
