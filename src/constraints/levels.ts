/**
 * How many of the k largest values lie in each group, for several k at once: what {@link cardinality} keeps, counted.
 *
 * @param values  all groups one behind another
 * @param sizes   of the groups
 * @param ks      counts from 0 to all
 * @returns       for each k the counts of the groups; ties go to the lower index
 * Cost: one sort of each group and one of all, then a search a group and k.
 */
export function largestInGroups(values: Float64Array, sizes: readonly number[], ks: readonly number[]): number[][] {
  const all = values.slice().sort();
  let start = 0;
  const groups = sizes.map((size) => {
    start += size;
    return values.slice(start - size, start).sort();
  });
  return ks.map((k) => {
    if (k <= 0) return sizes.map(() => 0);
    const threshold = all[Math.max(0, all.length - k)] as number;
    const ends = groups.map((group) => [firstAt(group, threshold, false), firstAt(group, threshold, true)] as const);
    let left = k - groups.reduce((sum, group, i) => sum + group.length - (ends[i]?.[1] as number), 0);
    return groups.map((group, i) => {
      const [from, to] = ends[i] as readonly [number, number];
      const ties = Math.min(left, to - from);
      left -= ties;
      return group.length - to + ties;
    });
  });
}

/** The first place of a sorted array with a value of at least (or above) a threshold. */
function firstAt(sorted: Float64Array, threshold: number, above: boolean): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const value = sorted[middle] as number;
    if (above ? value > threshold : value >= threshold) high = middle;
    else low = middle + 1;
  }
  return low;
}
