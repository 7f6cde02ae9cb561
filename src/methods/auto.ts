import { z } from 'zod';
import { OptionError } from '../errors/errors.ts';
import { batchWithin } from '../pruning/auto.ts';
import { budgetsOf } from '../pruning/job.ts';
import { METHOD_OPTIONS, type MethodOptions, type Settled, saying } from '../pruning/method-options.ts';
import { pruneAndTrain } from '../pruning/prune-by-training.ts';
import { method } from './method.ts';
import { staging } from './schemas.ts';

const { samples, batch, gradients, minutes } = METHOD_OPTIONS;

const options = z.strictObject({
  samples: saying(samples, 'steps of the training').default(938),
  batch: saying(batch, 'samples of a step').default(32),
  gradients: gradients.default(null),
  minutes: saying(minutes, 'minutes that the training may take').default(null),
  ...staging({ stages: 40, schedule: 'poly', baseSparsity: 0.7 }),
});

type AutoOptions = Settled<keyof z.output<typeof options>>;

/** Our own: trains towards the dense model's outputs while the support closes in, and keeps the best of what it saw. Source: docs/methods.md. */
export const auto = method({
  name: 'auto',
  summary: 'trains to imitate the dense model while the support closes in, within a budget of compute; needs no labels',
  needs: { data: true, gradients: false },
  options,
  settle: withSteps,
  run: (job) => pruneAndTrain(job, budgetsOf(job)),
});

/** One budget of compute at most; sample gradients as steps, and steps that were asked for as sample gradients. */
function withSteps(settled: AutoOptions, given: MethodOptions): AutoOptions {
  const { gradients: most, minutes: time, samples: steps } = given;
  const budgets = Object.entries({ gradients: most, minutes: time, samples: steps }).filter(
    ([, value]) => value !== undefined,
  );
  if (budgets.length > 1)
    throw new OptionError(
      `Cannot train within ${budgets.map(([what]) => what).join(' and ')} at once: give one of them`,
    );
  if (steps !== undefined) return { ...settled, gradients: steps * settled.batch };
  if (most === undefined) return settled;
  const batch = given.batch ?? batchWithin(most, settled.batch);
  if (most < batch)
    throw new OptionError(`Cannot train within ${most} sample gradients: one step takes ${batch}`, {
      remedies: [{ option: 'batch' }],
    });
  return { ...settled, batch, samples: Math.floor(most / batch) };
}
