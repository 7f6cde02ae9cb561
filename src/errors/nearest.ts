/**
 * The known name that a wrong one was most likely meant to be, or null: at most a third of its letters apart (inserted, left out, changed,
 * or two side by side swapped), whatever their case; else one of which it is the beginning, or that is its beginning.
 */
export function nearest(wrong: string, names: readonly string[]): string | null {
  const plain = (name: string): string => name.toLowerCase().replace(/[-_ ]/g, '');
  const asked = plain(wrong);
  const ranked = names
    .map((name) => ({ name, apart: distance(asked, plain(name)) }))
    .toSorted((a, b) => a.apart - b.apart);
  const best = ranked[0];
  if (best !== undefined && best.apart <= Math.max(1, Math.floor(asked.length / 3))) return best.name;
  const begins = (name: string): boolean => plain(name).startsWith(asked) || asked.startsWith(plain(name));
  return asked.length < 3 ? null : (names.find(begins) ?? null);
}

/** "; did you mean X?", or nothing. */
export function didYouMean(wrong: string, names: readonly string[]): string {
  const name = nearest(wrong, names);
  return name === null ? '' : `; did you mean "${name}"?`;
}

/** Edits that make one text of another, two letters that change places being one. */
function distance(a: string, b: string): number {
  let [before, last]: [number[], number[]] = [[], Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row[j] = Math.min(
        (last[j] as number) + 1,
        (row[j - 1] as number) + 1,
        (last[j - 1] as number) + (isSame ? 0 : 1),
        isSwapped ? (before[j - 2] as number) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    [before, last] = [last, row];
  }
  return last[b.length] as number;
}
