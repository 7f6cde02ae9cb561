import { z } from 'zod';
import type { Job } from '../pruning/job.ts';
import { METHOD_OPTIONS } from '../pruning/method-options.ts';
import type { Schedule } from '../schedule/stages.ts';
import type { Needs } from './method.ts';

const { samples, batch, lambda, firstOrder, stages, schedule, baseSparsity, lineSearch, recalibrateStages, scaling } =
  METHOD_OPTIONS;

/** A schedule, or that the budget chooses it. */
type Scheduled = Schedule | 'auto';

/** What methods on gradient rows need. */
export const GRADIENTS: Needs = { data: true, gradients: true };

/** The options of methods that approach their budget in stages. */
export function staging(
  defaults: { readonly stages?: number; readonly schedule?: Scheduled; readonly baseSparsity?: number } = {},
) {
  return {
    stages: stages.default(defaults.stages ?? 1),
    schedule: schedule.default(defaults.schedule ?? 'exp'),
    baseSparsity: baseSparsity.default(defaults.baseSparsity ?? 0.1),
  };
}

/** The units in which weights are compared: those they are stored in by default. */
export const scaled = { scaling: scaling.default('none') };

/** The options of methods on gradient rows, with the defaults that all but a few of them have. */
export function fisher(
  defaults: {
    readonly batch?: number;
    readonly lambda?: number | 'auto';
    readonly firstOrder?: number | 'auto';
    readonly stages?: number;
    readonly schedule?: Scheduled;
    readonly lineSearch?: number | 'auto';
    readonly recalibrateStages?: boolean | 'auto';
  } = {},
) {
  return z.strictObject({
    samples: samples.default(1000),
    batch: batch.default(defaults.batch ?? 1),
    lambda: lambda.default(defaults.lambda ?? 1e-3),
    firstOrder: firstOrder.default(defaults.firstOrder ?? 0),
    ...staging(defaults),
    lineSearch: lineSearch.default(defaults.lineSearch ?? 0),
    recalibrateStages: recalibrateStages.default(defaults.recalibrateStages ?? false),
    ...scaled,
  });
}

/** Options of {@link fisher} that may be `auto`. */
interface Left {
  readonly firstOrder: number | 'auto';
  readonly lineSearch: number | 'auto';
  readonly recalibrateStages: boolean | 'auto';
  readonly schedule: Scheduled;
}

/** The options of {@link fisher} with the first-order term's scale as a number, and what is still left by then (see strongSettings) as nothing. */
export function settledFisher<T extends Left & { readonly batch: number }>(
  options: T,
): Omit<T, keyof Left> & { readonly [Name in keyof Left]: Exclude<Left[Name], 'auto'> } {
  const { firstOrder: scale, batch: m, lineSearch: searched, recalibrateStages: tunes, schedule: way } = options;
  return {
    ...options,
    firstOrder: scale === 'auto' ? 1 / m : scale,
    lineSearch: searched === 'auto' ? 0 : searched,
    recalibrateStages: tunes === 'auto' ? false : tunes,
    schedule: way === 'auto' ? 'poly' : way,
  };
}

/** Whether the settings are those that the method was published with. */
export const asPublished = { asPublished: METHOD_OPTIONS.asPublished.default(false) };

/** The width of blocks. */
export const blocked = { block: METHOD_OPTIONS.block.default(2000) };

/** Rounds of swaps, where they are given. */
export const swapping = { swaps: METHOD_OPTIONS.swaps.default(null) };

/** The rounds of swaps of a job as its solver takes them: left out where the solver's own hold. */
export function swapsOf({ resolved: { swaps } }: Job<'swaps'>): { readonly swaps?: number } {
  return swaps === null ? {} : { swaps };
}
