import { pruneStage } from '../pruning/prune-stage.ts';
import { inStages } from '../pruning/stages.ts';
import { woodfisher as solver } from '../solvers/woodfisher/woodfisher.ts';
import { method } from './method.ts';
import { fisher, GRADIENTS, settledFisher } from './schemas.ts';

/** Weights scored and updated one by one. Source: Singh and Alistarh 2020. */
export const woodfisher = method({
  name: 'woodfisher',
  summary: 'scores and updates weights one by one by the exact inverse Fisher',
  needs: GRADIENTS,
  options: fisher({ lambda: 1e-5 }),
  settle: settledFisher,
  run: (job) =>
    inStages(
      job,
      pruneStage(() => solver()),
    ),
});
