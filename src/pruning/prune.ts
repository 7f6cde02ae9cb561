import { refuseNonFinite } from '../apply/finite.ts';
import { readWeights, readWeightsNarrow } from '../apply/weights.ts';
import { type BudgetedLayer, constraintOf, stageBudgets } from '../budget/budget.ts';
import { freeIdle } from '../engine/kernels/arena.ts';
import { UnsupportedOpError } from '../errors/errors.ts';
import type { Model } from '../ir/model.ts';
import { testedFeeds } from '../samples/tested-feeds.ts';
import { withDecidedLoss } from './decided.ts';
import { keepLargest } from './largest-stage.ts';
import { boundsOf, type ChosenLayers, layersFor, withoutBlocked } from './layers.ts';
import { entryOf } from './methods.ts';
import { pruneAndTrain } from './prune-by-training.ts';
import { pruneLayerwise } from './prune-in-one.ts';
import { type PruneOptions, type ResolvedPrune, resolvePrune } from './prune-options.ts';
import { pruneStage, type Run, type StagedRun } from './prune-stage.ts';
import { layerUnits } from './scaling.ts';
import { macsOf } from './shapes.ts';
import type { StageResult } from './stage-result.ts';
import { recalibratorsOf } from './stage-statistics.ts';

/** What {@link prune} gives back. */
export interface PruneResult {
  readonly model: Model;
  readonly chosen: ChosenLayers;
  /** The pruned weights, [p], in the order of `chosen.layers`; read from the model when they are first asked for. */
  readonly w: Float64Array;
  readonly stages: readonly StageResult[];
  readonly options: ResolvedPrune;
}

/**
 * Prunes a model to a budget: in each stage, gradient rows of the present model, the quadratic model of its loss, and
 * the solver's answer written back.
 *
 * @throws OptionError         for options that cannot be, or layers that are not there
 * @throws UnsupportedOpError  if a layer's gradient cannot be computed; all nodes in the way are listed
 * @throws DataError           if the data does not suffice, or a weight would become infinite
 * Deterministic given `seed`. Cost: stages x (n m sample gradients + the solver's cost); memory n p floats.
 */
export async function prune(model: Model, options: PruneOptions): Promise<PruneResult> {
  const result = await pruneLayers(model, await withTestedSource(model, options), layersFor(model, options));
  refuseNonFinite(model, result.model, 'use a larger ridge (--lambda), or another method (--method magnitude)');
  return result;
}

/** The options with samples as the model takes them, where the method looks at any. */
async function withTestedSource(model: Model, options: PruneOptions): Promise<PruneOptions> {
  const { needsGradients, trains, reconstructs } = entryOf(options);
  const looks = needsGradients || trains === true || reconstructs === true;
  if (options.source === undefined || !looks) return options;
  return { ...options, source: await testedFeeds(options.engine, model, options.source) };
}

/** Prunes the chosen layers; where some cannot be differentiated and `blocked` is `skip`, once more without those. */
async function pruneLayers(model: Model, options: PruneOptions, chosen: ChosenLayers): Promise<PruneResult> {
  try {
    return await pruneChosen(model, options, chosen);
  } catch (thrown) {
    const behind = thrown instanceof UnsupportedOpError ? thrown.fields.weights : undefined;
    if (resolvePrune(options).blocked !== 'skip' || !Array.isArray(behind)) throw thrown;
    const blocked = chosen.layers
      .filter(({ name }) => behind.includes(name))
      .map((layer) => ({ layer, reason: 'it lies behind an operator that cannot be differentiated' }));
    if (blocked.length === 0 || blocked.length === chosen.layers.length) throw thrown;
    return pruneLayers(model, options, withoutBlocked(chosen, blocked));
  }
}

async function pruneChosen(model: Model, asked: PruneOptions, chosen: ChosenLayers): Promise<PruneResult> {
  const options = await withDecidedLoss(model, asked);
  const resolved = resolvePrune(options);
  const layers = await budgetedLayers(model, options, chosen);
  const p = chosen.layers.reduce((sum, { size }) => sum + size, 0);
  const plan = { stages: resolved.stages, schedule: resolved.schedule, base: resolved.baseSparsity };
  const budgets = stageBudgets(resolved.budget, plan, p);
  constraintOf(resolved.budget, layers); // what cannot be met is refused before any work
  const run: Run = {
    options,
    resolved,
    entry: entryOf(options),
    layers: chosen.layers,
    budgeted: layers,
  };
  const inOne = run.entry.trains ? pruneAndTrain : run.entry.reconstructs ? pruneLayerwise : null;
  if (inOne !== null) {
    const { blocked, ...pruned } = await inOne(run, { model, budgets });
    return withWeights({ ...pruned, chosen: withoutBlocked(chosen, blocked) });
  }
  const recalibrators = resolved.recalibrateStages ? recalibratorsOf(model, options) : null;
  const staged: StagedRun = { ...run, units: unitsOf(run, model), recalibrators };
  const stages: StageResult[] = [];
  let current = model;
  try {
    for (const [t, budget] of budgets.entries()) {
      options.signal?.throwIfAborted();
      const at = { t, of: budgets.length, budget, scale: stages.at(-1)?.scale ?? 1 };
      const pruned = run.entry.keepsLargest
        ? keepLargest(staged, current, budget)
        : await pruneStage(staged, current, at);
      stages.push(pruned.stage);
      current = recalibrators === null ? pruned.model : await recalibrators.stage(pruned.model);
      await options.onStage?.(pruned.stage, current);
    }
  } finally {
    freeIdle(); // a stage leaves the memory of its rows to the next
  }
  return withWeights({ model: current, chosen, stages, options: resolved });
}

function unitsOf({ resolved: { scaling }, layers, budgeted }: Run, model: Model): number[] {
  const w = scaling === 'none' ? new Float32Array() : readWeightsNarrow(model, layers);
  const macs = budgeted.map(({ macsPerWeight }) => macsPerWeight);
  return layerUnits(scaling, layers, w, macs);
}

/** A result whose weights are read from its model when somebody asks: they may be larger than all the rest. */
export function withWeights<T extends Omit<PruneResult, 'w'>>(result: T): T & Pick<PruneResult, 'w'> {
  let w: Float64Array | undefined;
  const read = (): Float64Array => {
    w ??= readWeights(result.model, result.chosen.layers);
    return w;
  };
  return Object.defineProperty({ ...result } as T & Pick<PruneResult, 'w'>, 'w', { get: read, enumerable: true });
}

/** The layers with what a budget has to know of them: MACs only where they are limited. */
export async function budgetedLayers(
  model: Model,
  options: Pick<PruneOptions, 'budget' | 'engine' | 'source' | 'scaling'>,
  { layers }: ChosenLayers,
): Promise<BudgetedLayer[]> {
  const { budget, scaling } = options;
  const costs = budget.flops === undefined && scaling !== 'macs' ? null : await macsOf(model, options);
  const bounds = boundsOf(layers, budget.bounds ?? []);
  return layers.map(({ name, size }, i) => ({
    size,
    macsPerWeight: costs?.get(name) ?? null,
    ...(bounds[i] && { bound: bounds[i] }),
  }));
}
