import type { MeasuredMap } from './moments.ts';

/** A map with how many of its inputs a sample shows. */
export interface CountedMap extends Pick<MeasuredMap, 'groups' | 'outputs' | 'inputs' | 'step' | 'keeps'> {
  /** Positions of one sample. */
  readonly positions: number;
}

/** In how many steps supports are chosen, and on what. */
export interface Pace {
  /** Supports on the way to the last one. */
  readonly stages: number;
  /** The same where costs are measured. */
  readonly costStages: number;
  /** Samples that supports are chosen on. */
  readonly samples: number;
}

/** What a run gives where the layers are small, and at least. */
const STAGES = { most: Number.POSITIVE_INFINITY, least: 8 };
const COST_STAGES = { most: 10, least: 3 };
const LEAST_SAMPLES = 128;
/** How often stages are gone through for costs. */
export const COST_ROUNDS = 2;
/** Conjugate gradient steps of a stage, and products beside them. */
export const STAGE_STEPS = 5;
const BESIDE = 1.5;

/** Multiply-adds that supports may take: a minute or two of two processors. */
const WORK = 5e12;

/**
 * Chooses stages and samples by the work that they are: all of them as long as it is little, else fewer stages, then fewer samples.
 *
 * @param asked  stages and samples there are
 */
export function paceOf(
  maps: readonly CountedMap[],
  asked: { readonly stages: number; readonly samples: number },
): Pace {
  const perStage = (samples: number): number =>
    maps.reduce((sum, map) => sum + (STAGE_STEPS + BESIDE) * productsOf(map, samples), 0);
  const affordable = Math.floor(WORK / Math.max(1, perStage(asked.samples)));
  const costStages = Math.min(asked.stages, bounded(Math.floor(affordable / 6), COST_STAGES));
  const stages = Math.min(asked.stages, bounded(affordable - COST_ROUNDS * costStages, STAGES));
  const runs = stages + COST_ROUNDS * costStages;
  const share = WORK / Math.max(1, runs * perStage(asked.samples));
  const samples = share >= 1 ? asked.samples : Math.max(LEAST_SAMPLES, Math.floor(asked.samples * share));
  return { stages, costStages, samples: Math.min(asked.samples, samples) };
}

/** Multiply-adds of one product with the second moments of a map: A X X', or A H. */
export function productsOf({ groups, outputs, inputs, positions, step, keeps }: CountedMap, samples: number): number {
  const columns = keeps === true ? (2 * samples * positions) / step : inputs;
  return groups * outputs * inputs * columns;
}

function bounded(x: number, { least, most }: { least: number; most: number }): number {
  return Math.min(most, Math.max(least, x));
}

/** So many of the items, evenly, the last one among them. */
export function someOf<T>(items: readonly T[], count: number): T[] {
  const every = Math.ceil(items.length / Math.max(1, count));
  return items.filter((_, t) => (items.length - 1 - t) % every === 0);
}
