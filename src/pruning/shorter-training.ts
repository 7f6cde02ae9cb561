import { within } from '../progress/recall.ts';
import { batchWithin } from './auto.ts';
import type { Job } from './job.ts';

/** A job that trains. */
export type TrainingJob = Job<'samples' | 'batch' | 'gradients' | 'minutes'>;

/** What trainings with less compute are called among the candidates. */
export const SHORTER = 'a shorter training';

/** Times that each sample comes, after which a longer training may be the worse one; and the share of its compute that a shorter one has. */
const EPOCHS = 20;
const SHARE = 1 / 4;

/**
 * The run that would be asked for with a quarter of the compute, as a candidate beside a training on few samples: null where no sample
 * comes often, or where the clock says how long.
 *
 * @param count  samples that are trained on
 */
export function shorterTraining(run: TrainingJob, count: number): TrainingJob | null {
  const { samples, batch, minutes } = run.resolved;
  const gradients = samples * batch;
  if (minutes !== null || gradients <= EPOCHS * count) return null;
  const less = Math.floor(SHARE * gradients);
  const smaller = batchWithin(less, batch);
  return {
    ...run,
    resolved: { ...run.resolved, samples: Math.floor(less / smaller), batch: smaller },
    options: apart(run.options, less),
  };
}

/** A training of its own name, which is not gone on from in the middle. */
function apart({ keeping, ...options }: TrainingJob['options'], gradients: number): TrainingJob['options'] {
  if (keeping === undefined) return options;
  const recall = within(keeping.recall, `training of ${gradients}`);
  return { ...options, keeping: { recall, training: null, onTraining: () => Promise.resolve() } };
}
