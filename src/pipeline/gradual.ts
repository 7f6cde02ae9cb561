import { stageBudgets } from '../budget/budget.ts';
import { DataError, OptionError } from '../errors/errors.ts';
import { type EpochFacts, type FinetuneOptions, finetune, type TrainingState } from '../finetune/finetune.ts';
import type { Distillation } from '../finetune/training-program.ts';
import type { Model } from '../ir/model.ts';
import { methodOf, takesCompute, withSolvingMethod } from '../methods/list.ts';
import { layersOf, type PruneResult, prune, withWeights } from '../methods/prune.ts';
import { type PruneOptions, resolvePrune } from '../methods/prune-options.ts';
import type { StageResult } from '../pruning/stage-result.ts';
import type { Schedule } from '../schedule/stages.ts';
import { random } from '../tensor/random.ts';

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
    | 'onStep'
    | 'from'
    | 'teacher'
  > {
  /** Epochs in all. */
  readonly epochs?: number;
  readonly prunings?: number;
  /** Epochs after each pruning but the last, which all the others follow; default half of the epochs by the prunings, 1 at least. */
  readonly between?: number;
  /** Trains towards the dense model's outputs too; at share 1 without labels. */
  readonly distill?: Pick<Distillation, 'share' | 'temperature'>;
  /** How the budget closes in; its base is the run's `baseSparsity`. */
  readonly budgetSchedule?: Schedule;
  readonly onEpoch?: (epoch: EpochFacts & { readonly pruning: number }) => void | Promise<void>;
  /** Called after each pruning and each training step; the run waits for it. `state` is valid until it returns. */
  readonly onState?: (state: () => GradualState) => void | Promise<void>;
  /** Goes on from here, to the same result to the bit; the model and all other options must be those of the first part. */
  readonly from?: GradualState;
}

/** Where a gradual run stands. */
export interface GradualState {
  /** The last pruning that is done, from 0. */
  readonly pruning: number;
  /** What it made, before its training. */
  readonly model: Model;
  readonly stages: readonly StageResult[];
  readonly epochs: GradualResult['epochs'];
  /** Null if its training has not begun. */
  readonly training: TrainingState | null;
}

/** Defaults of {@link pruneGradually}; those of the training are finetune's, but for the learning rate. */
export const GRADUAL_DEFAULTS = {
  epochs: 10,
  prunings: 5,
  budgetSchedule: 'poly',
  rate: 0.05,
  baseSparsity: 0.1,
} as const;

/** What {@link pruneGradually} gives back. */
export interface GradualResult extends PruneResult {
  readonly epochs: readonly (EpochFacts & { readonly pruning: number })[];
}

/**
 * Prunes, trains, prunes ... to the budget: each pruning is one run of the method on the trained model, each training
 * keeps the zeros. Optimiser and learning rate start anew after each pruning.
 *
 * @throws OptionError  if there are fewer epochs than prunings
 * @throws DataError    if there is no data to train on
 * Deterministic given `seed` and one thread count. Cost: `prunings` runs of the method, `epochs` of training.
 */
export async function pruneGradually(
  model: Model,
  asked: PruneOptions,
  gradual: GradualOptions = {},
): Promise<GradualResult> {
  const options = withSolvingMethod(asked);
  const settings = { ...GRADUAL_DEFAULTS, ...gradual };
  const epochsAfter = epochsOf(settings);
  const { prunings, budgetSchedule, onEpoch, onState, from, distill, between: _, ...training } = settings;
  const { source } = options;
  const method = methodOf(options);
  if (takesCompute(method))
    throw new OptionError(`Cannot train between prunings by ${method.name}: it trains by itself`, {
      remedies: [{ option: 'gradual' }],
    });
  if (source === undefined)
    throw new DataError('Cannot train between prunings without data: give rows', { remedies: [{ option: 'data' }] });
  const resolved = resolvePrune(options);
  let chosen = layersOf(model, options);
  const p = chosen.layers.reduce((sum, { size }) => sum + size, 0);
  const plan = {
    stages: prunings,
    schedule: budgetSchedule,
    base: resolved.baseSparsity ?? GRADUAL_DEFAULTS.baseSparsity,
  };
  const stages: StageResult[] = [...(from?.stages ?? [])];
  const epochs: GradualResult['epochs'][number][] = [...(from?.epochs ?? [])];
  let current = from?.model ?? model;
  for (const [t, budget] of stageBudgets(resolved.budget, plan, p).entries()) {
    if (t < (from?.pruning ?? 0)) continue;
    const seed = seedOf(resolved.seed, t);
    const resumed = t === from?.pruning ? from : undefined;
    if (resumed === undefined) {
      const where = `pruning ${t + 1} of ${prunings}: `;
      const onProgress: PruneOptions['onProgress'] = (progress) =>
        options.onProgress?.({ ...progress, step: where + progress.step });
      const pruned = await prune(current, { ...options, budget, rows: undefined, seed, onProgress });
      stages.push(...pruned.stages);
      current = pruned.model;
      chosen = pruned.chosen;
      await onState?.(() => ({ pruning: t, model: current, stages, epochs, training: null }));
    }
    const trained = await finetune(current, {
      ...training,
      engine: options.engine,
      source,
      loss: resolved.loss === 'mse' ? 'mse' : 'cross-entropy',
      epochs: epochsAfter[t] as number,
      augment: resolved.augment,
      seed,
      ...(distill && { teacher: { model, ...distill } }),
      ...(options.threads !== undefined && { threads: options.threads }),
      ...(options.onProgress && { onProgress: options.onProgress }),
      ...(options.signal && { signal: options.signal }),
      ...(resumed?.training && { from: resumed.training }),
      onStep: (state) => onState?.(() => ({ pruning: t, model: current, stages, epochs, training: state() })),
      onEpoch: async (epoch) => {
        const facts = { ...epoch, epoch: epochs.length + 1, pruning: t + 1 };
        epochs.push(facts);
        await onEpoch?.(facts);
      },
    });
    current = trained.model;
  }
  return withWeights({ model: current, chosen, stages, options: resolved, epochs });
}

/** The seed of a pruning and its training, which no other run's seed leads to. */
function seedOf(seed: number, pruning: number): number {
  return pruning === 0
    ? seed
    : random(seed)
        .fork(`pruning ${pruning}`)
        .integer(2 ** 31);
}

/** Epochs after each pruning. */
function epochsOf({ epochs, prunings, between }: { epochs: number; prunings: number; between?: number }): number[] {
  if (!Number.isInteger(prunings) || prunings < 1)
    throw new OptionError(`Cannot prune ${prunings} times: wanted a whole number above 0`);
  if (!Number.isInteger(epochs) || epochs < prunings)
    throw new OptionError(`Cannot spread ${epochs} epochs over ${prunings} prunings: wanted at least one each`);
  const each = between ?? Math.max(1, Math.floor(epochs / 2 / prunings));
  const last = epochs - each * (prunings - 1);
  if (!Number.isInteger(each) || each < 1 || last < 1)
    throw new OptionError(
      `Cannot train ${each} epochs between ${prunings} prunings: wanted at least one each, and one of the ${epochs} left for the end`,
    );
  return Array.from({ length: prunings }, (__, t) => (t === prunings - 1 ? last : each));
}
