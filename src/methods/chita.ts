import { pruneStage } from '../pruning/prune-stage.ts';
import { inStages } from '../pruning/stages.ts';
import { chita as solver } from '../solvers/chita/back-solving.ts';
import { method } from './method.ts';
import { asPublished, fisher, GRADIENTS, settledFisher, swapping, swapsOf } from './schemas.ts';

/** CHITA's short form. Source: Benbaki et al. 2023, Alg. 5. */
export const chita = method({
  name: 'chita',
  summary: 'CHITA-BSO: magnitude support, all weights re-solved together',
  needs: GRADIENTS,
  options: fisher().extend({ ...swapping, ...asPublished }),
  settle: settledFisher,
  run: (job) =>
    inStages(
      job,
      pruneStage(() => solver(swapsOf(job))),
    ),
});
