import { pruneStage } from '../pruning/prune-stage.ts';
import { inStages } from '../pruning/stages.ts';
import { chitaCd } from '../solvers/chita/active-set.ts';
import { named } from '../solvers/solver.ts';
import { method } from './method.ts';
import { asPublished, fisher, GRADIENTS, settledFisher, swapping, swapsOf } from './schemas.ts';

/** FALCON: CHITA's machinery on a set that limits MACs too. Source: Meng et al. 2024, Alg. 1. */
export const falcon = method({
  name: 'falcon',
  summary: 'FALCON: the discrete first-order method under limits of MACs and weights at once, then a back-solve',
  needs: GRADIENTS,
  options: fisher({ recalibrateStages: 'auto' }).extend({ ...swapping, ...asPublished }),
  published: { recalibrateStages: false },
  settle: settledFisher,
  run: (job) =>
    inStages(
      job,
      pruneStage(() => named('falcon', chitaCd(swapsOf(job)))),
    ),
});
