import { pruneStage } from '../pruning/prune-stage.ts';
import { inStages } from '../pruning/stages.ts';
import { chita } from '../solvers/chita/back-solving.ts';
import { named } from '../solvers/solver.ts';
import { method } from './method.ts';
import { asPublished, fisher, GRADIENTS, settledFisher, swapping, swapsOf } from './schemas.ts';

/** FALCON in stages. Source: Meng et al. 2024, Alg. 2. */
export const falconPlusPlus = method({
  name: 'falcon++',
  summary: 'FALCON in stages: the limits close in on a schedule, with new gradients at each',
  needs: GRADIENTS,
  options: fisher({
    batch: 16,
    lambda: 'auto',
    firstOrder: 'auto',
    stages: 20,
    schedule: 'auto',
    lineSearch: 'auto',
    recalibrateStages: 'auto',
  }).extend({ ...swapping, ...asPublished }),
  published: { lambda: 1e-2, schedule: 'poly', lineSearch: 0, recalibrateStages: false },
  settle: settledFisher,
  run: (job) =>
    inStages(
      job,
      pruneStage(() => named('falcon++', chita(swapsOf(job)))),
    ),
});
