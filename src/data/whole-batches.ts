/** Samples of a run of a fixed size, and what each of them counts. */
export interface WeighedBatch {
  readonly indices: Int32Array;
  /** 1, or less where samples are repeated to fill the batch. */
  readonly weight: number;
}

/**
 * All samples in batches of one size, so that each counts once: those that fill no batch come in groups, each a divisor of the size and repeated as
 * often as fills it, with a weight to match. What is added up over all positions of a batch, times its weight, is then the sum over the samples,
 * wherever the samples of a batch lie in it.
 *
 * @param order  sample numbers
 * @param size   samples of a run
 * Cost: up to the number of the size's divisors more runs, mostly one or two.
 */
export function weighedBatches(order: Int32Array, size: number): WeighedBatch[] {
  const whole = Math.floor(order.length / size);
  const batches = Array.from({ length: whole }, (_, i): WeighedBatch => {
    return { indices: order.subarray(i * size, (i + 1) * size), weight: 1 };
  });
  for (let start = whole * size; start < order.length; ) {
    const count = largestDivisorUpTo(size, order.length - start);
    const indices = Int32Array.from({ length: size }, (_, i) => order[start + (i % count)] as number);
    batches.push({ indices, weight: count / size });
    start += count;
  }
  return batches;
}

function largestDivisorUpTo(size: number, most: number): number {
  for (let count = Math.min(size, most); count > 1; count--) if (size % count === 0) return count;
  return 1;
}
