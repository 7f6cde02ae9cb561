import { z } from 'zod';
import { keepLargest } from '../pruning/largest-stage.ts';
import { inStages } from '../pruning/stages.ts';
import { method } from './method.ts';
import { scaled, staging } from './schemas.ts';

/** The largest weights are kept as they are. */
export const magnitude = method({
  name: 'magnitude',
  summary: 'keeps the largest weights; needs no data',
  needs: { data: false, gradients: false },
  options: z.strictObject({ ...staging(), ...scaled }),
  run: (job) => inStages(job, keepLargest),
});
