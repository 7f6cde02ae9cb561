import { divergence, type Watch } from './divergence.ts';
import type { TrainedArray } from './optimizer.ts';

/** What a training changes. */
export interface GuardedState {
  readonly arrays: TrainedArray[];
  readonly running: ReadonlyMap<string, Float64Array>;
}

/** How often a training that diverges goes back, and what its rate is multiplied by then. */
export interface Retreat {
  readonly times: number;
  readonly factor: number;
}

/** Where in a training something happens. */
export interface Moment {
  /** Steps taken before, from 0. */
  readonly taken: number;
  /** Step and epoch in words, from 1. */
  readonly step: number;
  readonly epoch: number;
}

/** Looks after a training: notices that it diverges, and takes it back. */
export interface Guard {
  /** What the learning rate is multiplied by. */
  readonly slowdown: () => number;
  /** What its watch has seen. */
  readonly seen: Watch['seen'];
  /**
   * Looks at the loss of the present state, before its step.
   *
   * @returns the step whose state the training was taken back to; null where it may go on
   * @throws DataError if it diverged and may go back no more
   */
  readonly before: (loss: number, moment: Moment) => number | null;
  /** The same for the loss behind the last step. */
  readonly behind: (loss: number, moment: Moment) => number | null;
  /** What a guard of the same training that goes on later has to know; null without a retreat. */
  readonly stand: () => GuardStand | null;
}

/** Where a guard stands. */
export interface GuardStand {
  /** How often it may still go back, and what the rate is multiplied by. */
  readonly left: number;
  readonly slowdown: number;
  /** The step whose state it would go back to. */
  readonly taken: number;
  /** That state, by names of its own. */
  readonly arrays: StateArrays;
}

/** Arrays of a state, by name. */
type StateArrays = ReadonlyMap<string, Float32Array | Float64Array>;

/** States that are kept on the way to go back to, at most. */
const STATES = 20;

/** What a guard goes by. */
export interface GuardOptions {
  readonly watch: Watch;
  readonly retreat: Retreat | undefined;
  readonly steps: number;
  readonly rate: number;
  /** Where it stood, if the training goes on. */
  readonly from?: GuardStand | undefined;
}

/** A guard of one training. Memory: with a retreat, the values once more. */
export function guardOf(state: GuardedState, { watch, retreat, steps, rate, from }: GuardOptions): Guard {
  const every = Math.max(1, Math.ceil(steps / STATES));
  let left = from?.left ?? retreat?.times ?? 0;
  let slowdown = from?.slowdown ?? 1;
  let kept = left > 0 ? copyOf(state, 0) : null;
  if (kept !== null && from !== undefined) kept = copyFrom(kept, from);
  const back = (what: string, { step, epoch }: Moment): number => {
    if (left === 0 || kept === null || retreat === undefined)
      throw divergence(what, { step, epoch, rate: rate * slowdown });
    left--;
    slowdown *= retreat.factor;
    restore(state, kept);
    return kept.taken;
  };
  return {
    slowdown: () => slowdown,
    seen: watch.seen,
    before: (loss, moment) => {
      const wrong = watch.see(loss);
      if (wrong !== null) return back(wrong, moment);
      if (kept !== null && watch.isGood() && moment.taken % every === 0) kept = copyOf(state, moment.taken);
      return null;
    },
    behind: (loss, moment) => {
      const wrong = watch.end(loss) ?? notFinite(state);
      return wrong === null ? null : back(wrong, moment);
    },
    stand: () => (retreat === undefined ? null : { left, slowdown, taken: kept?.taken ?? 0, arrays: arraysOf(kept) }),
  };
}

function arraysOf(kept: Copy | null): StateArrays {
  const named = new Map<string, Float32Array | Float64Array>();
  kept?.arrays.forEach(({ values, mask }, i) => {
    named.set(`back/value/${i}`, values);
    if (mask !== undefined) named.set(`back/mask/${i}`, Float32Array.from(mask));
  });
  kept?.running.forEach((array, i) => {
    named.set(`back/running/${i}`, array);
  });
  return named;
}

/** The copy that a guard stood with; of the same shapes as another of its training. */
function copyFrom({ arrays, running }: Copy, { taken, arrays: named }: GuardStand): Copy {
  return {
    taken,
    arrays: arrays.map((_, i) => {
      const mask = named.get(`back/mask/${i}`);
      const values = named.get(`back/value/${i}`) as Float32Array;
      return { values, mask: mask && Uint8Array.from(mask) };
    }),
    running: running.map((_, i) => named.get(`back/running/${i}`) as Float64Array),
  };
}

interface Copy {
  readonly taken: number;
  readonly arrays: readonly { readonly values: Float32Array; readonly mask: Uint8Array | undefined }[];
  readonly running: readonly Float64Array[];
}

function copyOf({ arrays, running }: GuardedState, taken: number): Copy {
  return {
    taken,
    arrays: arrays.map(({ values, mask }) => ({ values: values.slice(), mask })),
    running: [...running.values()].map((array) => array.slice()),
  };
}

/** What the optimiser remembers is forgotten: it led astray. */
function restore(state: GuardedState, copy: Copy): void {
  copy.arrays.forEach(({ values, mask }, i) => {
    const { mask: _, ...array } = state.arrays[i] as TrainedArray;
    array.values.set(values);
    for (const slot of array.slots) slot.fill(0);
    state.arrays[i] = mask === undefined ? array : { ...array, mask };
  });
  [...state.running.values()].forEach((array, i) => {
    array.set(copy.running[i] as Float64Array);
  });
}

function notFinite({ arrays }: GuardedState): string | null {
  return arrays.some(({ values }) => !values.every(Number.isFinite)) ? 'a weight is not finite' : null;
}
