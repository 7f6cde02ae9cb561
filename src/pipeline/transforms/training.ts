import type { FeedSource } from '../../data/feeds.ts';
import type { FinetuneOptions } from '../../finetune/finetune.ts';
import type { FinetuneStep, PruneStep } from '../recipe.ts';
import { withoutUndefined } from '../recipe.ts';

/** What logits are divided by in distillation, unless said otherwise. */
export const DISTILL_TEMPERATURE = 2;
/** Weight of a teacher that comes with labels, unless said otherwise. */
export const TEACHER_SHARE = 0.9;

/** Weight of the dense model's outputs: as asked, 1 where the data has nothing else to go by, else as a caller has it. */
export function distillShare(
  asked: number | undefined,
  { labelled, hasTargets }: Pick<FeedSource, 'labelled' | 'hasTargets'>,
): number | undefined {
  return asked ?? (labelled || hasTargets ? undefined : 1);
}

/** The options of a training that a step and the library have by the same names. */
export function trainingOf(
  step: NonNullable<PruneStep['gradual']> | FinetuneStep,
): Pick<
  FinetuneOptions,
  | 'rate'
  | 'schedule'
  | 'warmup'
  | 'restarts'
  | 'optimizer'
  | 'momentum'
  | 'nesterov'
  | 'weightDecay'
  | 'smoothing'
  | 'batch'
  | 'epochs'
> {
  const { rate, schedule, warmup, restarts, optimizer, momentum, nesterov, weightDecay, smoothing, batch, epochs } =
    step;
  return withoutUndefined({
    rate,
    schedule,
    warmup,
    restarts,
    optimizer,
    momentum,
    nesterov,
    weightDecay,
    smoothing,
    batch,
    epochs,
  });
}
