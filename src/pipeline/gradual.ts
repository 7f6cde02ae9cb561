import { readWeights } from '../apply/weights.ts';
import { stageBudgets } from '../budget/budget.ts';
import { DataError, OptionError } from '../errors/errors.ts';
import { type EpochFacts, type FinetuneOptions, finetune } from '../finetune/finetune.ts';
import type { Model } from '../ir/model.ts';
import type { Schedule } from '../schedule/stages.ts';
import { chooseLayers } from './layers.ts';
import { entryOf } from './methods.ts';
import { type PruneOptions, type PruneResult, prune, resolvePrune, type StageResult } from './prune.ts';

/** How {@link pruneGradually} trains between its prunings. */
export interface GradualOptions
  extends Omit<
    FinetuneOptions,
    | 'engine'
    | 'source'
    | 'loss'
    | 'epochs'
    | 'masked'
    | 'seed'
    | 'augment'
    | 'threads'
    | 'onEpoch'
    | 'signal'
    | 'onProgress'
  > {
  /** Epochs in all, spread evenly after the prunings; what is left over goes to the last. */
  readonly epochs?: number;
  readonly prunings?: number;
  /** How the budget closes in; its base is the run's `baseSparsity`. */
  readonly budgetSchedule?: Schedule;
  readonly onEpoch?: (epoch: EpochFacts & { readonly pruning: number }) => void | Promise<void>;
}

/** Defaults of {@link pruneGradually}; those of the training are finetune's, but for the learning rate. */
export const GRADUAL_DEFAULTS = { epochs: 10, prunings: 5, budgetSchedule: 'poly', rate: 0.05 } as const;

/** What {@link pruneGradually} gives back. */
export interface GradualResult extends PruneResult {
  readonly epochs: readonly (EpochFacts & { readonly pruning: number })[];
}

/**
 * Prunes, trains, prunes ... to the budget: each pruning is one run of the method on the trained model, each training
 * keeps the zeros. The learning rate starts anew after each pruning.
 *
 * @throws OptionError  if there are fewer epochs than prunings
 * @throws DataError    if there is no data to train on
 * Deterministic given `seed` and one thread count. Cost: `prunings` runs of the method, `epochs` of training.
 */
export async function pruneGradually(
  model: Model,
  options: PruneOptions,
  gradual: GradualOptions = {},
): Promise<GradualResult> {
  const { epochs: total, prunings, budgetSchedule, onEpoch, ...training } = { ...GRADUAL_DEFAULTS, ...gradual };
  if (!Number.isInteger(prunings) || prunings < 1)
    throw new OptionError(`Cannot prune ${prunings} times: wanted a whole number above 0`);
  if (!Number.isInteger(total) || total < prunings)
    throw new OptionError(`Cannot spread ${total} epochs over ${prunings} prunings: wanted at least one each`);
  const { source } = options;
  const { name, trains } = entryOf(options);
  if (trains)
    throw new OptionError(`Cannot train between prunings by ${name}: it trains by itself; leave out --gradual`);
  if (source === undefined) throw new DataError('Cannot train between prunings without data: give --data');
  const resolved = resolvePrune(options);
  const p = chooseLayers(model, options).layers.reduce((sum, { size }) => sum + size, 0);
  const plan = { stages: prunings, schedule: budgetSchedule, base: resolved.baseSparsity };
  const stages: StageResult[] = [];
  const epochs: GradualResult['epochs'][number][] = [];
  let current = model;
  let last: PruneResult | undefined;
  for (const [t, budget] of stageBudgets(resolved.budget, plan, p).entries()) {
    const where = `pruning ${t + 1} of ${prunings}: `;
    const onProgress: PruneOptions['onProgress'] = (progress) =>
      options.onProgress?.({ ...progress, step: where + progress.step });
    const seed = resolved.seed + t;
    last = await prune(current, { ...options, budget, rows: undefined, seed, onProgress });
    stages.push(...last.stages);
    const share = Math.floor(total / prunings);
    const trained = await finetune(last.model, {
      ...training,
      engine: options.engine,
      source,
      loss: resolved.loss === 'mse' ? 'mse' : 'cross-entropy',
      epochs: t === prunings - 1 ? total - share * (prunings - 1) : share,
      augment: resolved.augment,
      seed,
      onProgress,
      ...(options.threads !== undefined && { threads: options.threads }),
      ...(options.signal && { signal: options.signal }),
      onEpoch: async (epoch) => {
        const facts = { ...epoch, epoch: epochs.length + 1, pruning: t + 1 };
        epochs.push(facts);
        await onEpoch?.(facts);
      },
    });
    current = trained.model;
  }
  const { chosen } = last as PruneResult;
  return { model: current, chosen, w: readWeights(current, chosen.layers), stages, options: resolved, epochs };
}
