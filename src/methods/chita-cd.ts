import { pruneStage } from '../pruning/prune-stage.ts';
import { inStages } from '../pruning/stages.ts';
import { chitaCd as solver } from '../solvers/chita/active-set.ts';
import { method } from './method.ts';
import { fisher, GRADIENTS, settledFisher, swapping, swapsOf } from './schemas.ts';

/** CHITA as it is written. Source: Benbaki et al. 2023, Alg. 1. */
export const chitaCd = method({
  name: 'chita-cd',
  summary: 'CHITA-CD: hard thresholding with exact steps on an active set, back-solve, swaps',
  needs: GRADIENTS,
  options: fisher().extend(swapping),
  settle: settledFisher,
  run: (job) =>
    inStages(
      job,
      pruneStage(() => solver(swapsOf(job))),
    ),
});
