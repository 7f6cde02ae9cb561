import type { GradientRule, RuleContext } from '../rule.ts';
import { type AxisMap, applyTransposed } from './axis-map.ts';
import { resizeMaps, resizeRefusal } from './resize-map.ts';

/** The factor by which a map repeats every element, or undefined if it does something else. */
function repeatsOf({ from, to, taps: [tap, ...more] }: AxisMap): number | undefined {
  const factor = to / from;
  if (!Number.isInteger(factor) || tap === undefined || tap.weights !== undefined || more.length > 0) return undefined;
  return tap.picks.every((pick, i) => pick === Math.floor(i / factor)) ? factor : undefined;
}

/** Sums of the blocks that each element was repeated over. */
function blockSums(at: RuleContext, dy: string, factors: ReadonlyMap<number, number>): string {
  const dims = at.shape(0).flatMap((d, axis) => (factors.has(axis) ? [d, factors.get(axis) as number] : [d]));
  let extra = 0;
  const axes = [...factors.keys()].sort((a, b) => a - b).map((axis) => axis + ++extra);
  return at.sum(at.reshape(dy, dims), axes);
}

/**
 * Y = X sampled anew: a linear map M along each axis.   dX = M' dY along each axis
 * Nearest-neighbour enlargement by whole factors is a sum over blocks; every other map is a matrix product.
 */
const resize: GradientRule = {
  op: 'Resize',
  since: [11, 13, 18, 19],
  linearity: 'linear',
  refuses: resizeRefusal,
  backward: (at) => {
    const maps = resizeMaps(at);
    const factors = new Map(
      maps.flatMap((map) => {
        const factor = repeatsOf(map);
        return factor === undefined ? [] : [[map.axis, factor] as const];
      }),
    );
    const dy = at.dy[0] as string;
    return [
      factors.size === maps.length && maps.length > 0 ? blockSums(at, dy, factors) : applyTransposed(at, dy, maps),
    ];
  },
};

/** Rules of resampling. */
export const resizing: readonly GradientRule[] = [resize];
