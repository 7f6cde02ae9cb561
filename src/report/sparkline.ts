const BARS = '\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588';

/**
 * Shares as a row of small bars, one a value; where there are more values than places, each bar is the mean of neighbours.
 *
 * @param shares  0 to 1; values that are not known are blank
 */
export function sparkline(shares: readonly (number | null)[], width = Number.POSITIVE_INFINITY): string {
  const places = Math.min(shares.length, Math.max(1, Math.floor(width)));
  return Array.from({ length: places }, (_, i) => {
    const [from, to] = [i, i + 1].map((k) => Math.round((k * shares.length) / places)) as [number, number];
    const known = shares.slice(from, to).filter((x) => x !== null);
    if (known.length === 0) return ' ';
    const mean = known.reduce((sum, x) => sum + x, 0) / known.length;
    return BARS[Math.max(0, Math.min(BARS.length - 1, Math.floor(mean * BARS.length)))] as string;
  }).join('');
}
