import type { Plot } from './drawing.ts';

/** A part of the horizontal axis; null is all of it. */
export type AxisRange = readonly [number, number] | null;

/** Narrower than this share of all is not shown. */
const NARROWEST = 1e-4;

/** All of the axis, of a plot that shows all of it. */
export function wholeOf({ left, right, valueAt }: Plot): [number, number] {
  return [valueAt(left), valueAt(right)];
}

/** The part between two places, in pixels and in either order. */
export function between(plot: Plot, a: number, b: number): AxisRange {
  const inside = (x: number): number => Math.min(plot.right, Math.max(plot.left, x));
  const [low, high] = [Math.min(a, b), Math.max(a, b)].map((x) => plot.valueAt(inside(x))) as [number, number];
  return high > low ? [low, high] : null;
}

/**
 * A part that is wider by a factor (narrower below 1) around a place that stays in sight.
 *
 * @param whole  what there is: beyond it nothing is shown, and all of it is null
 */
export function widened(plot: Plot, whole: readonly [number, number], factor: number, around?: number): AxisRange {
  const { left, right } = plot;
  const half = (factor * (right - left)) / 2;
  const middle = Math.min(right, Math.max(left, around ?? (left + right) / 2));
  const ends = [plot.at(whole[0]), plot.at(whole[1])] as const;
  if (2 * half < NARROWEST * (ends[1] - ends[0])) return [plot.valueAt(left), plot.valueAt(right)];
  if (2 * half >= ends[1] - ends[0] - 0.5) return null;
  const from = Math.min(ends[1] - 2 * half, Math.max(ends[0], middle - half));
  return [plot.valueAt(from), plot.valueAt(from + 2 * half)];
}

/** The part that lies by a share of the plot's width further right (left below 0), within what there is. */
export function shifted(plot: Plot, whole: readonly [number, number], share: number): AxisRange {
  const { left, right } = plot;
  const wanted = share * (right - left);
  const step = Math.min(Math.max(wanted, plot.at(whole[0]) - left), plot.at(whole[1]) - right);
  return [plot.valueAt(left + step), plot.valueAt(right + step)];
}
