import { OptionError } from '../errors/errors.ts';

/** How the stages of a multi-stage run approach the target. */
export type Schedule = 'exp' | 'poly' | 'linear' | 'const' | 'rate';

/** Names of the schedules, with what each does. */
export const SCHEDULES: Readonly<Record<Schedule, string>> = {
  exp: 'halves the distance to the target each stage: high sparsity early, many stages near the target',
  poly: 'cubic: fast first, slow at the end',
  linear: 'equal steps',
  const: 'the target at every stage',
  rate: 'removes the same share of the remaining weights at every stage',
};

/** What {@link stageTargets} goes by. */
export interface StagePlan {
  readonly stages: number;
  readonly schedule: Schedule;
  /** Sparsity of the first stage (exp, poly, linear), or before it (rate). */
  readonly base: number;
  readonly target: number;
}

/**
 * The sparsity of each stage; the last is the target exactly, one stage is the target alone.
 *
 *   exp: base + M (1 - 2^-t), M = (target - base) 2^(T-1) / (2^(T-1) - 1)      poly: target + (base - target)(1 - t/(T-1))^3
 *   linear: base + t (target - base) / (T - 1)      rate: 1 - (1 - base) rho^(t+1), rho = ((1 - target)/(1 - base))^(1/T)
 *
 * @throws OptionError if the number of stages is not a whole number above 0
 * Source: CHITA (generate_schedule), M-FAC for `rate`.
 */
export function stageTargets({ stages, schedule, base, target }: StagePlan): number[] {
  if (!Number.isInteger(stages) || stages < 1)
    throw new OptionError(`Cannot plan ${stages} stages: wanted a whole number above 0`);
  if (stages === 1) return [target];
  const from = Math.min(base, target);
  const last = stages - 1;
  const at = (t: number): number => {
    switch (schedule) {
      case 'exp':
        return from + ((target - from) * (1 - 2 ** -t)) / (1 - 2 ** -last);
      case 'poly':
        return target + (from - target) * (1 - t / last) ** 3;
      case 'linear':
        return from + (t * (target - from)) / last;
      case 'const':
        return target;
      case 'rate':
        return 1 - (1 - from) * ((1 - target) / (1 - from)) ** ((t + 1) / stages);
    }
  };
  return Array.from({ length: stages }, (_, t) => (t === last ? target : at(t)));
}
