import { checkOptions } from '../errors/arguments.ts';
import type { Pruned } from '../pipeline/prune-and-report.ts';
import { checkModel, PREPROCESS_CHECKS, PRUNE_CHECKS, requireOption } from './checks.ts';
import type { ModelSource } from './model.node.ts';
import { perform } from './perform.node.ts';
import type { PruneRequest } from './requests.node.ts';

/**
 * Prunes a model and reports what that did: the sentence at the top of the README as one call.
 *
 *     const { model, report } = await prune('resnet20.onnx', { data, budget: sparsity(0.9) });
 *     await writeModel('resnet20-90.onnx', model);
 *
 * The work is done in a thread of its own where that can be ({@link PlaceOptions}), so that a service goes on answering.
 *
 * @throws OptionError         for arguments that cannot be, before any work, and layers that are not there
 * @throws ProviderError       if the provider is not there
 * @throws UnsupportedOpError  if a layer's gradient cannot be computed; all nodes in the way are listed
 * @throws DataError           if data cannot be read, does not fit the model, or does not suffice
 * Deterministic given `seed`, measured times aside. Cost: that of the pipeline (stages x gradients and solver), one
 * pass over the evaluation data before and one after, and compressing both models for their sizes.
 */
export async function prune(model: ModelSource, request: PruneRequest): Promise<Pruned> {
  checkModel('prune', model);
  const { METHOD_CHECKS } = await import('./method-checks.ts');
  checkOptions('prune', request, { ...PRUNE_CHECKS, ...METHOD_CHECKS });
  requireOption('prune', request, 'budget', 'sparsity(0.9), flops(0.3), or budget({ ... }) of several parts');
  checkOptions('preprocess the data', request.preprocess ?? {}, PREPROCESS_CHECKS);
  return perform('prune', [model], request);
}
