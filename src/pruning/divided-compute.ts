import { within } from '../progress/recall.ts';
import { batchWithin } from './auto.ts';
import type { Job } from './job.ts';

/** A job that trains. */
export type TrainingJob = Job<'samples' | 'batch' | 'gradients' | 'minutes'>;

/** What trainings with less compute are called among the candidates. */
export const SHORTER = 'a shorter training';

/** Times that each sample comes, after which a longer training may be the worse one; and the share of the compute that goes to a shorter one. */
const EPOCHS = 20;
const SHARE = 1 / 4;

/**
 * Divides the compute of a training on few samples: a part for the run that would be asked for with so much, the rest for a longer one.
 * Null where no sample comes often, or where the clock says how long.
 *
 * @param count  samples that are trained on
 */
export function dividedCompute(
  run: TrainingJob,
  count: number,
): { readonly shorter: TrainingJob; readonly longer: TrainingJob } | null {
  const { samples, batch, minutes } = run.resolved;
  const gradients = samples * batch;
  if (minutes !== null || gradients <= EPOCHS * count) return null;
  const less = Math.floor(SHARE * gradients);
  const shorter = batchWithin(less, batch);
  return {
    shorter: { ...withSteps(run, Math.floor(less / shorter), shorter), options: apart(run.options, less) },
    longer: withSteps(run, Math.floor((gradients - less) / batch), batch),
  };
}

function withSteps(run: TrainingJob, samples: number, batch: number): TrainingJob {
  return { ...run, resolved: { ...run.resolved, samples, batch } };
}

/** A training of its own name, which is not gone on from in the middle. */
function apart({ keeping, ...options }: TrainingJob['options'], gradients: number): TrainingJob['options'] {
  if (keeping === undefined) return options;
  const recall = within(keeping.recall, `training of ${gradients}`);
  return { ...options, keeping: { recall, training: null, onTraining: () => Promise.resolve() } };
}
