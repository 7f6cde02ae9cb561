import { pruneStage } from '../pruning/prune-stage.ts';
import { inStages } from '../pruning/stages.ts';
import { chitaBlock as solver } from '../solvers/chita/block-wise.ts';
import { method } from './method.ts';
import { blocked, fisher, GRADIENTS, settledFisher } from './schemas.ts';

/** CHITA in blocks. Source: Benbaki et al. 2023, the block approximation. */
export const chitaBlock = method({
  name: 'chita-block',
  summary: 'CHITA in blocks within layers: for large models',
  needs: GRADIENTS,
  options: fisher().extend(blocked),
  settle: settledFisher,
  run: (job) =>
    inStages(
      job,
      pruneStage(() => solver({ block: job.resolved.block, openPool: job.options.openPool })),
    ),
});
