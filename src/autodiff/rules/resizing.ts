import type { GradientRule, RuleContext } from '../rule.ts';
import { type AxisMap, applyTransposed } from './axis-map.ts';
import { resizeMaps, resizeRefusal } from './resize-map.ts';

/** The factor by which a map repeats every element, or undefined if it does something else. */
function repeatsOf({ from, to, matrix }: AxisMap): number | undefined {
  const factor = to / from;
  if (!Number.isInteger(factor)) return undefined;
  const repeats = Array.from({ length: to }, (_, i) => matrix[i * from + Math.floor(i / factor)]).every(
    (share) => share === 1,
  );
  return repeats ? factor : undefined;
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
