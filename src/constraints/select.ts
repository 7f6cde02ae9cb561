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
