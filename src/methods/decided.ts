import type { Model } from '../ir/model.ts';
import { decideOutputs } from '../outputs/decide.ts';
import { methodOf } from './list.ts';
import type { PruneOptions } from './prune-options.ts';

/**
 * The options with the loss and the labels that the outputs and the data say, where gradients are taken and the user left
 * them open; what does not fit is refused here, before any work.
 *
 * @throws OptionError, DataError, UnsupportedOpError  as {@link decideOutputs}
 */
export async function withDecidedLoss<T extends PruneOptions>(model: Model, options: T): Promise<T> {
  const { source, rows } = options;
  if (source === undefined || rows !== undefined || !methodOf(options).needs.gradients) return options;
  const { loss, labels, judged } = await decideOutputs(model, { ...options, source });
  return { ...options, loss, labels, output: judged.name };
}
