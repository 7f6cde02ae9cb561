import { z } from 'zod';
import { budgetsOf } from '../pruning/job.ts';
import { described, METHOD_OPTIONS, saying } from '../pruning/method-options.ts';
import { type LayerwiseJob, pruneLayerwise, RECONSTRUCT_DEFAULTS } from '../pruning/prune-in-one.ts';
import { method } from './method.ts';
import { staging } from './schemas.ts';

/** Each layer solved for its own outputs, the supports of all layers together. Source: docs/methods.md. */
export const reconstruct = method({
  name: 'reconstruct',
  summary:
    'solves layer by layer for the outputs of the dense model: for data of a few hundred samples; needs no labels',
  needs: { data: true, gradients: false },
  options: z.strictObject({
    samples: saying(METHOD_OPTIONS.samples, 'samples that layers are solved on').default(RECONSTRUCT_DEFAULTS.samples),
    lambda: described(z.number().gt(0), {
      description: 'ridge, in units of the mean square of the inputs',
      argument: 'x',
      wanted: 'a number above 0',
    }).default(RECONSTRUCT_DEFAULTS.lambda),
    ...staging(RECONSTRUCT_DEFAULTS),
  }),
  // its own schema takes numbers alone
  run: (job) => pruneLayerwise(job as typeof job & LayerwiseJob, budgetsOf(job)),
});
