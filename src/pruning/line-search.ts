/** Factors tried at most, and the largest. */
const TRIALS = 8;
const LARGEST = 256;

/** What {@link searchAlong} found. */
export interface Found {
  readonly w: Float64Array;
  /** The factor of the update. */
  readonly scale: number;
  /** True loss there. */
  readonly loss: number;
}

/**
 * The best of w(s) = from + s (to - from) by the loss of a model, over s = 2^i: doubled from the start as long as the loss
 * falls, else halved as long as it falls, in the end against s = 0.
 *
 * @param start  the first factor tried; that of the last search is a good one
 * Cost: at most eight evaluations of `lossAt`.
 */
export async function searchAlong(
  { from, to }: { readonly from: Float64Array; readonly to: Float64Array },
  start: number,
  lossAt: (w: Float64Array) => Promise<number>,
): Promise<Found> {
  const at = async (scale: number): Promise<Found> => {
    const w = from.map((x, i) => Math.fround(x + scale * ((to[i] as number) - x)));
    return { w, scale, loss: await lossAt(w) };
  };
  let best = await at(start);
  let trials = 1;
  const improve = async (factor: number): Promise<void> => {
    while (trials < TRIALS - 1 && best.scale * factor <= LARGEST) {
      const next = await at(best.scale * factor);
      trials++;
      if (!(next.loss < best.loss)) return;
      best = next;
    }
  };
  await improve(2);
  if (best.scale === start) await improve(0.5);
  if (best.scale < start) {
    const still = await at(0);
    if (!(best.loss < still.loss)) return still;
  }
  return best;
}
