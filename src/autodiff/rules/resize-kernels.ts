import type { Tap } from './axis-map.ts';

/** How an axis is sampled by a kernel wider than two elements. */
export interface Kernel {
  /** Elements of the input along the axis. */
  readonly from: number;
  /** Elements of the result for each of the input. */
  readonly scale: number;
  /** Coefficient of the cubic kernel; undefined = the linear one. */
  readonly cubic: number | undefined;
  /** Whether elements outside count nothing (exclude_outside); otherwise those at the edge stand for them. */
  readonly within: boolean;
}

const f32 = Math.fround;

/** The kernel at a distance: 1 - |x|, or the cubic of coefficient a (Keys 1981, eq. 4). */
function kernelAt(x: number, a: number | undefined): number {
  const d = Math.abs(x);
  if (a === undefined) return Math.max(0, 1 - d);
  if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

/** For each position what it takes of the input: element number -> weight, summing to 1. */
function tapsFrom(rows: readonly ReadonlyMap<number, number>[]): Tap[] {
  const lists = rows.map((row) => [...row]);
  const most = Math.max(1, ...lists.map((list) => list.length));
  return Array.from({ length: most }, (_, t) => ({
    picks: lists.map((list) => list[t]?.[0] ?? 0),
    weights: lists.map((list) => list[t]?.[1] ?? 0),
  }));
}

/** Weights of elements start, start + 1, ..., those outside dropped or given to the edge, divided by their sum. */
function gathered(start: number, weights: readonly number[], { from, within }: Kernel): Map<number, number> {
  const row = new Map<number, number>();
  weights.forEach((weight, i) => {
    const at = start + i;
    if (within && (at < 0 || at >= from)) return;
    const pick = Math.min(Math.max(at, 0), from - 1);
    row.set(pick, (row.get(pick) ?? 0) + weight);
  });
  const sum = [...row.values()].reduce((a, b) => a + b, 0);
  for (const [pick, weight] of row) row.set(pick, weight / (sum === 0 ? 1 : sum));
  return row;
}

/** Four elements around each place, by the cubic kernel; positions that are not `inside` are filled with a constant. */
export function cubicTaps(places: readonly number[], inside: readonly boolean[], kernel: Kernel): Tap[] {
  return tapsFrom(
    places.map((x, i) => {
      if (!inside[i]) return new Map<number, number>();
      const [start, share] = [Math.floor(x) - 1, x - Math.floor(x)];
      const weights = [0, 1, 2, 3].map((k) => kernelAt(share + 1 - k, kernel.cubic));
      return gathered(start, weights, kernel);
    }),
  );
}

/**
 * All elements under the kernel, which is as much wider as the axis becomes shorter (antialias).
 * Source: the filter of onnxruntime's kernel, in float32 where rounding decides which elements are under it.
 */
export function smoothedTaps(places: readonly number[], kernel: Kernel): Tap[] {
  const stretch = Math.max(1, f32(1 / f32(kernel.scale)));
  const support = (kernel.cubic === undefined ? 1 : 2) * stretch;
  const shrink = f32(1 / stretch);
  return tapsFrom(
    places.map((x) => {
      const center = f32(x + 0.5);
      const start = Math.floor(f32(center - support + 0.5));
      const end = Math.floor(f32(center + support + 0.5));
      const weights = Array.from({ length: Math.max(1, end - start) }, (_, i) =>
        kernelAt(f32(f32(f32(start + i - center) + 0.5) * shrink), kernel.cubic),
      );
      return gathered(start, weights, kernel);
    }),
  );
}
