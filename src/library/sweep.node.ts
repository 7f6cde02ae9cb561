import { checkOptions } from '../errors/arguments.ts';
import type { SweepCell } from '../pipeline/sweep.ts';
import { checkModel, PREPROCESS_CHECKS, requireOption, SWEEP_CHECKS } from './checks.ts';
import type { ModelSource } from './model.node.ts';
import { perform } from './perform.node.ts';
import type { SweepRequest } from './requests.node.ts';

/**
 * Prunes a model by several methods to several budgets, for several seeds; gradients that runs have in common are computed once.
 *
 * @returns  one cell for each run: by method in the order asked for, then budget, then seed
 * @throws OptionError  for arguments that cannot be, before any work
 * @throws DataError    if data cannot be read, does not fit the model, or a method needs some and there is none
 * Cost: as the single runs, but for the shared gradients.
 */
export async function sweep(model: ModelSource, request: SweepRequest): Promise<SweepCell[]> {
  checkModel('sweep', model);
  const { METHOD_CHECKS } = await import('./method-checks.ts');
  checkOptions('sweep', request, { ...SWEEP_CHECKS, ...METHOD_CHECKS });
  requireOption('sweep', request, 'methods', 'names of methods, such as ["magnitude", "chita"]');
  requireOption('sweep', request, 'budgets', 'budgets, such as [sparsity(0.8), sparsity(0.9)]');
  checkOptions('preprocess the data', request.preprocess ?? {}, PREPROCESS_CHECKS);
  return perform('sweep', [model], request);
}
