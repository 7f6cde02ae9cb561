/**
 * The k-th largest value (k from 1). NaN counts as smallest.
 *
 * Cost: O(length) expected (Hoare's quickselect on a copy, median of three).
 */
export function kthLargest(values: Float64Array, k: number): number {
  const a = values.map((v) => (Number.isNaN(v) ? Number.NEGATIVE_INFINITY : v));
  const target = a.length - k;
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
