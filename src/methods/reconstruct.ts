import { z } from 'zod';
import { budgetsOf } from '../pruning/job.ts';
import { METHOD_OPTIONS, saying } from '../pruning/method-options.ts';
import { pruneLayerwise, RECONSTRUCT_DEFAULTS } from '../pruning/prune-in-one.ts';
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
    lambda: saying(METHOD_OPTIONS.lambda, 'ridge, in units of the mean square of the inputs').default(
      RECONSTRUCT_DEFAULTS.lambda,
    ),
    ...staging(RECONSTRUCT_DEFAULTS),
  }),
  run: (job) => pruneLayerwise(job, budgetsOf(job)),
});
