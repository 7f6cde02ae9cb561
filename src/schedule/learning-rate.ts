import { OptionError } from '../errors/errors.ts';

/** How the learning rate goes over a training. */
export type RateSchedule = 'cosine' | 'step' | 'linear' | 'const';

/** Names of the schedules, with what each does. */
export const RATE_SCHEDULES: Readonly<Record<RateSchedule, string>> = {
  cosine: 'falls along half a cosine, from the start again after each restart',
  step: 'a tenth after half of the steps, a hundredth after three quarters',
  linear: 'falls to the end in equal steps',
  const: 'stays',
};

/** What {@link learningRate} goes by. */
export interface RatePlan {
  readonly schedule: RateSchedule;
  readonly rate: number;
  /** Reached at the last step (cosine, linear). */
  readonly least?: number;
  /** Steps over which the rate rises from 0 at first. */
  readonly warmup?: number;
  /** Of `cosine`: how often the rate jumps back to the start, at equal distances (Loshchilov, Hutter 2017). */
  readonly restarts?: number;
  readonly steps: number;
}

/**
 * The learning rate of a step, from 0.
 *
 *   cosine: least + (rate - least)(1 + cos(pi t)) / 2, t the share that is done of the steps after warm-up, or of the
 *           equal parts into which restarts divide them
 *
 * @throws OptionError if there is no such schedule, a rate is negative, or the warm-up takes all steps
 */
export function learningRate(step: number, plan: RatePlan): number {
  const { schedule, rate, least = 0, warmup = 0, restarts = 0, steps } = plan;
  if (!Object.hasOwn(RATE_SCHEDULES, schedule))
    throw new OptionError(
      `Cannot change the learning rate by "${schedule}": the schedules are ${Object.keys(RATE_SCHEDULES).join(', ')}`,
    );
  if (!(rate > 0 && least >= 0 && least <= rate))
    throw new OptionError(`Cannot train at rate ${rate} down to ${least}: wanted 0 <= least <= rate, rate above 0`);
  if (!(warmup >= 0 && warmup < steps))
    throw new OptionError(`Cannot warm up for ${warmup} of ${steps} steps: wanted fewer than all`);
  if (!(Number.isInteger(restarts) && restarts >= 0 && restarts < Math.max(1, steps - warmup)))
    throw new OptionError(`Cannot restart ${restarts} times in ${steps} steps: wanted a whole number below that`);
  if (restarts > 0 && schedule !== 'cosine')
    throw new OptionError(`Cannot restart a learning rate that goes by "${schedule}": restarts belong to "cosine"`);
  if (step < warmup) return (rate * (step + 1)) / (warmup + 1);
  const t = (step - warmup) / Math.max(1, steps - warmup);
  switch (schedule) {
    case 'cosine': {
      const done = (restarts + 1) * t;
      const part = done - Math.min(restarts, Math.floor(done));
      return least + ((rate - least) * (1 + Math.cos(Math.PI * part))) / 2;
    }
    case 'linear':
      return least + (rate - least) * (1 - t);
    case 'step':
      return Math.max(least, rate * (t < 0.5 ? 1 : t < 0.75 ? 0.1 : 0.01));
    case 'const':
      return rate;
  }
}
