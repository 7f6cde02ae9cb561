/** Fewer values are selected from as they are. */
const FEW = 1 << 14;
const SAMPLED = 1 << 11;
/** Places of the sample on each side of where the value is expected: four standard deviations at most. */
const MARGIN = 2 * Math.sqrt(SAMPLED);
/** Share of the values that may lie between the two. */
const MOST_BETWEEN = 1 / 4;

/**
 * The k-th largest value (k from 1). NaN counts as smallest.
 *
 * Cost: two passes over the values, and O(length / 10) for those near the one sought, which a sample tells (Floyd and Rivest
 * 1975); expected O(length) where the sample misleads.
 */
export function kthLargest(values: Float64Array, k: number): number {
  const found = values.length < FEW ? null : amongFew(values, k);
  if (found !== null) return found;
  const a = values.map((v) => (Number.isNaN(v) ? Number.NEGATIVE_INFINITY : v));
  return quickSelect(a, a.length - k);
}

/** The k-th largest from the values between two of a sample; null if it is not among them, or they are many. NaN is never among them. */
function amongFew(a: Float64Array, k: number): number | null {
  const stride = a.length / SAMPLED;
  const sample = Float64Array.from({ length: SAMPLED }, (_, i) => a[Math.floor(i * stride)] as number).sort();
  const expected = ((a.length - k) / a.length) * SAMPLED;
  const low = sample[Math.floor(expected - MARGIN)] ?? Number.NEGATIVE_INFINITY;
  const high = sample[Math.ceil(expected + MARGIN)] ?? Number.POSITIVE_INFINITY;
  const between = new Float64Array(Math.floor(a.length * MOST_BETWEEN));
  let [above, count] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    const v = a[i] as number;
    if (v > high) above++;
    else if (v >= low && count++ < between.length) between[count - 1] = v;
  }
  if (k <= above || k > above + count || count > between.length) return null;
  return quickSelect(between.subarray(0, count), count - (k - above));
}

/** The value that would stand at this place, were they sorted upwards. Hoare's quickselect in place, median of three. */
function quickSelect(a: Float64Array, target: number): number {
  let [low, high] = [0, a.length - 1];
  while (low < high) {
    const pivot = medianOfThree(a[low] as number, a[(low + high) >> 1] as number, a[high] as number);
    let [i, j] = [low, high];
    while (i <= j) {
      while ((a[i] as number) < pivot) i++;
      while ((a[j] as number) > pivot) j--;
      if (i <= j) {
        const swap = a[i] as number;
        a[i++] = a[j] as number;
        a[j--] = swap;
      }
    }
    if (target <= j) high = j;
    else if (target >= i) low = i;
    else break;
  }
  return a[target] as number;
}

function medianOfThree(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
}

/** Sets marks to 1 at the k largest values, ties to the lower index. */
export function markLargest(values: Float64Array, k: number, marks: Uint8Array): void {
  if (k <= 0) return;
  if (k >= values.length) {
    marks.fill(1);
    return;
  }
  const threshold = kthLargest(values, k);
  let left = k;
  for (let i = 0; i < values.length; i++) {
    if ((values[i] as number) > threshold) {
      marks[i] = 1;
      left--;
    }
  }
  for (let i = 0; i < values.length && left > 0; i++) {
    const tie =
      values[i] === threshold || (threshold === Number.NEGATIVE_INFINITY && Number.isNaN(values[i] as number));
    if (tie) {
      marks[i] = 1;
      left--;
    }
  }
}

/** Bits of a float without its sign, and the bits of infinity: what is above them is NaN. */
const MAGNITUDE = 0x7fffffff;
const INFINITY_BITS = 0x7f800000;
/** From the upper bits of a magnitude to the lower: where each digit begins, and how many values it takes. */
const DIGITS = [
  [20, 2048],
  [9, 2048],
  [0, 512],
] as const;

/**
 * Sets marks to 1 at the k largest absolute values, ties to the lower index; NaN counts as zero.
 *
 * Cost: four passes over the values and one over the marks; 8 kB. Magnitudes of floats are in the order of their bits, so a histogram
 * of each digit leads to the k-th largest.
 */
export function markLargestMagnitudes(values: Float32Array, k: number, marks: Uint8Array): void {
  if (k <= 0) return;
  if (k >= values.length) {
    marks.fill(1);
    return;
  }
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const { threshold, ties } = kthMagnitude(bits, k);
  let left = ties;
  for (let i = 0; i < bits.length; i++) {
    const magnitude = magnitudeOf(bits[i] as number);
    if (magnitude > threshold) marks[i] = 1;
    else if (magnitude === threshold && left > 0) {
      marks[i] = 1;
      left--;
    }
  }
}

function magnitudeOf(bits: number): number {
  const magnitude = bits & MAGNITUDE;
  return magnitude > INFINITY_BITS ? 0 : magnitude;
}

/** The bits of the k-th largest magnitude, and how many of those equal to it are among the k. */
function kthMagnitude(bits: Uint32Array, k: number): { threshold: number; ties: number } {
  let [threshold, left] = [0, k];
  let known = 0; // bits of the threshold that are decided
  for (const [shift, values] of DIGITS) {
    const counts = new Uint32Array(values);
    for (let i = 0; i < bits.length; i++) {
      const magnitude = magnitudeOf(bits[i] as number);
      if ((magnitude & known) === threshold) (counts[(magnitude >>> shift) & (values - 1)] as number)++;
    }
    let digit = values - 1;
    while ((counts[digit] as number) < left) left -= counts[digit--] as number;
    threshold |= digit << shift;
    known |= (values - 1) << shift;
  }
  return { threshold, ties: left };
}
