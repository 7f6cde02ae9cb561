import { DataError } from '../errors/errors.ts';

/** What is known of the size of a loss before the training begins. */
export interface LossScale {
  /** Loss of a model that has learnt nothing: ln of the number of classes, variance of the targets; null = unknown. */
  readonly ignorant: number | null;
}

/** What a watch goes by of the losses so far. */
export interface SeenLosses {
  /** The first of all; null before it. */
  readonly first: number | null;
  /** The last few. */
  readonly last: readonly number[];
  /** How many of them on end were far above what is borne. */
  readonly above: number;
}

/** Watches the losses of the steps, each before its step. */
export interface Watch {
  /** What is wrong by now, in words; null as long as nothing is. */
  readonly see: (loss: number) => string | null;
  /** What is wrong at the end, by the loss behind the last step. */
  readonly end: (loss: number) => string | null;
  /** Whether the last loss was a good one: a state worth going back to. */
  readonly isGood: () => boolean;
  /** What a watch that goes on later has to know. */
  readonly seen: () => SeenLosses;
}

/** A loss above so many times what ignorance costs, or the first one where that is more: in so many steps on end, or a hundredfold in one. */
const FAR = 10;
const STEPS_ON_END = 3;
const FARTHEST = 1000;
/** A training that ends at this share of what ignorance costs, and at so many times its first loss, has unlearnt. */
const UNLEARNT = 0.8;
const ROSE = 2;
/** Losses at the end that are averaged. */
const LAST = 8;

/**
 * Notices within a few steps that a training diverges: a loss that is not finite, or far above both what the model began with
 * and what a model costs that knows nothing.
 *
 * @param before  of the same training, where it goes on
 */
export function watchLoss({ ignorant }: LossScale, before?: SeenLosses): Watch {
  const losses: number[] = [...(before?.last ?? [])];
  let first = before?.first ?? null;
  let above = before?.above ?? 0;
  const reference = (): number => (ignorant === null ? Number.POSITIVE_INFINITY : Math.max(ignorant, first ?? 0));
  const rose = (loss: number): string => `the loss rose from ${(first ?? 0).toPrecision(3)} to ${loss.toPrecision(3)}`;
  return {
    see: (loss) => {
      if (!Number.isFinite(loss)) return 'the loss is not finite';
      first ??= loss;
      above = loss > FAR * reference() ? above + 1 : 0;
      losses.push(loss);
      if (losses.length >= LAST) losses.shift();
      return above >= STEPS_ON_END || loss > FARTHEST * reference() ? rose(loss) : null;
    },
    seen: () => ({ first, last: [...losses], above }),
    isGood: () => (losses.at(-1) ?? 0) <= reference(),
    end: (loss) => {
      if (!Number.isFinite(loss)) return 'the loss is not finite';
      const last = [...losses, loss].reduce((sum, x) => sum + x, 0) / (losses.length + 1);
      const unlearnt = last > UNLEARNT * reference() && last > ROSE * (first ?? 0);
      return unlearnt || loss > FAR * reference() ? rose(loss) : null;
    },
  };
}

/** The error of a training that diverged. @param where  step and epoch, from 1 */
export function divergence(what: string, where: { step: number; epoch: number; rate: number }): DataError {
  return new DataError(
    `Cannot go on training: ${what} at step ${where.step} of epoch ${where.epoch}; lower the learning rate, current value is ${where.rate}`,
    { fields: { diverged: true }, remedies: [{ option: 'rate' }] },
  );
}

/** Whether an error is one of {@link divergence}. */
export function isDivergence(thrown: unknown): thrown is DataError {
  return thrown instanceof DataError && thrown.fields.diverged === true;
}
