import type { Tensors } from '../engine/engine.ts';
import { MEMORY } from './lbfgs.ts';
import { MOST_KEPT, type RefitRequest, type TiedRun } from './refit-tied.ts';
import type { Samples } from './samples.ts';

/** Where the samples come from. */
export interface TiedSamples {
  /** Inputs of one run. */
  readonly inputs: (samples: Samples) => Promise<Tensors>;
  /** What each run of `batch` samples counts. */
  readonly weightsOf: (samples: Samples) => readonly number[];
  readonly batch: number;
  /** Whether every run is of so many. */
  readonly isFixed: boolean;
  /** Multiply-adds of the layers on one sample. */
  readonly macs: number;
  /** Numbers in all its values. */
  readonly numbers: number;
}

/** The most that a refit of so many weights takes: see `tiedRuns`, and `refitTied`. */
export function refitBound(facts: {
  /** Of the tied layers. */
  readonly weights: number;
  readonly macs: number;
  /** Numbers in all values of a sample. */
  readonly numbers: number;
  readonly samples: number;
}): { readonly macs: number; readonly numbersOfRun: number; readonly bytesBeside: number } {
  const { weights, macs, numbers, samples } = facts;
  return {
    macs: Math.min(WORK, STEPS * PASSES * macs * samples),
    numbersOfRun: Math.max(numbers, Math.min(NUMBERS_A_RUN, MOST_A_RUN * numbers)),
    bytesBeside: BYTES_A_WEIGHT * Math.min(MOST_KEPT, weights),
  };
}

/** Samples of a run at most; bytes of the last steps and changes of gradients, a weight. */
const MOST_A_RUN = 50;
const BYTES_A_WEIGHT = 8 * 2 * MEMORY;

/** Multiply-adds that a refit may take: a minute or so of one processor. A step is a forward pass and two backward. */
const WORK = 1e12;
const PASSES = 3;
/** Steps, samples that are fitted where there is time for few, and steps that are worth a beginning. */
const STEPS = 60;
const LEAST_SAMPLES = 64;
const LEAST_STEPS = 5;
/** Numbers in all values of a run. */
const NUMBERS_A_RUN = 16_000_000;

/** Runs of one size, and steps, for a refit within its work; null where there is no time for it, or nothing else that could judge. */
export function tiedRuns(
  { inputs, weightsOf, batch, isFixed, macs, numbers }: TiedSamples,
  { fitted, judged }: { readonly fitted: Samples; readonly judged: Samples },
): Pick<RefitRequest, 'size' | 'fitted' | 'judged' | 'steps'> | null {
  if (judged.from < fitted.to) return null;
  const affordable = Math.floor(WORK / Math.max(1, PASSES * macs));
  const wanted = Math.max(LEAST_SAMPLES, Math.floor(affordable / STEPS));
  const most = Math.max(1, Math.floor(NUMBERS_A_RUN / Math.max(1, numbers)));
  const size = isFixed ? batch : Math.min(batch, most, fitted.to - fitted.from, judged.to - judged.from);
  const runsOf = ({ from, to }: Samples, count: number): TiedRun[] =>
    Array.from({ length: Math.max(1, Math.floor(Math.min(to - from, count) / size)) }, (_, i) => {
      const own = { from: from + i * size, to: from + (i + 1) * size };
      return { weight: isFixed ? (weightsOf(own)[0] ?? 1) : 1, inputs: () => inputs(own) };
    });
  const runs = { fitted: runsOf(fitted, wanted), judged: runsOf(judged, wanted) };
  const steps = Math.min(STEPS, Math.floor(affordable / (size * (runs.fitted.length + runs.judged.length))));
  return steps < LEAST_STEPS ? null : { size, ...runs, steps };
}
