import { pruneStage } from '../pruning/prune-stage.ts';
import { inStages } from '../pruning/stages.ts';
import { chita as solver } from '../solvers/chita/back-solving.ts';
import { method } from './method.ts';
import { asPublished, fisher, GRADIENTS, settledFisher, swapping, swapsOf } from './schemas.ts';

/** CHITA in stages. Source: Benbaki et al. 2023, Alg. 2. */
export const chitaPlusPlus = method({
  name: 'chita++',
  summary: 'CHITA in stages, with new gradients and the first-order term at each: the most accurate, the slowest',
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
  published: { lambda: 1e-2, stages: 15, schedule: 'exp', lineSearch: 0, recalibrateStages: false },
  settle: settledFisher,
  run: (job) =>
    inStages(
      job,
      pruneStage(() => solver(swapsOf(job))),
    ),
});
