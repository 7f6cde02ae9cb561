import { pruneStage } from '../pruning/prune-stage.ts';
import { inStages } from '../pruning/stages.ts';
import { chitaBlock } from '../solvers/chita/block-wise.ts';
import { named } from '../solvers/solver.ts';
import { method } from './method.ts';
import { blocked, fisher, GRADIENTS, settledFisher } from './schemas.ts';

/** FALCON's short form. Source: the program published with Meng et al. 2024. */
export const falconBs = method({
  name: 'falcon-bs',
  summary:
    'the short form that FALCON was published with: the integer program of magnitudes, then a back-solve in blocks',
  needs: GRADIENTS,
  options: fisher().extend(blocked),
  settle: settledFisher,
  run: (job) =>
    inStages(
      job,
      pruneStage(() => named('falcon-bs', chitaBlock({ block: job.resolved.block, openPool: job.options.openPool }))),
    ),
});
