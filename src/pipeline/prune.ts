import { readWeights, writeWeights } from '../apply/weights.ts';
import { type Budget, type BudgetedLayer, constraintOf, stageBudgets } from '../budget/budget.ts';
import type { Constraint } from '../constraints/constraint.ts';
import type { FeedSource } from '../data/feeds.ts';
import { freeIdle } from '../engine/kernels/arena.ts';
import { DataError, UnsupportedOpError } from '../errors/errors.ts';
import type { WeightLayer } from '../graph/weights.ts';
import type { Model } from '../ir/model.ts';
import { reconstruct } from '../reconstruction/reconstruct.ts';
import { type Imitated, pruneByImitation } from './auto.ts';
import { boundsOf, type ChosenLayers, chooseLayers } from './layers.ts';
import { entryOf } from './methods.ts';
import { type PruneOptions, type ResolvedPrune, resolvePrune } from './prune-options.ts';
import { pruneStage, type Run } from './prune-stage.ts';
import { unitsOf } from './scaling.ts';
import { macsOf } from './shapes.ts';
import type { StageResult } from './stage-result.ts';
import { recalibratorsOf } from './stage-statistics.ts';

/** What {@link prune} gives back. */
export interface PruneResult {
  readonly model: Model;
  readonly chosen: ChosenLayers;
  /** The pruned weights, [p], in the order of `chosen.layers`. */
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
 * @throws DataError           if the data does not suffice
 * Deterministic given `seed`. Cost: stages x (n m sample gradients + the solver's cost); memory n p floats.
 */
export async function prune(model: Model, options: PruneOptions): Promise<PruneResult> {
  return pruneLayers(model, options, chooseLayers(model, options));
}

/** Prunes the chosen layers; where some cannot be differentiated and `blocked` is `skip`, once more without those. */
async function pruneLayers(model: Model, options: PruneOptions, chosen: ChosenLayers): Promise<PruneResult> {
  try {
    return await pruneChosen(model, options, chosen);
  } catch (thrown) {
    const behind = thrown instanceof UnsupportedOpError ? thrown.fields.weights : undefined;
    if (options.blocked !== 'skip' || !Array.isArray(behind)) throw thrown;
    const isBlocked = (layer: WeightLayer): boolean => behind.includes(layer.name);
    const layers = chosen.layers.filter((layer) => !isBlocked(layer));
    if (layers.length === 0 || layers.length === chosen.layers.length) throw thrown;
    const skipped = chosen.layers.filter(isBlocked).map(({ name, node, op, dims }) => ({
      name,
      node,
      op,
      dims,
      reason: 'it lies behind an operator that cannot be differentiated',
    }));
    return pruneLayers(model, options, { layers, untouched: [...skipped, ...chosen.untouched] });
  }
}

async function pruneChosen(model: Model, options: PruneOptions, chosen: ChosenLayers): Promise<PruneResult> {
  const resolved = resolvePrune(options);
  const layers = await budgetedLayers(model, options, chosen);
  let current = { model, w: readWeights(model, chosen.layers) };
  const budgets = stageBudgets(
    resolved.budget,
    { stages: resolved.stages, schedule: resolved.schedule, base: resolved.baseSparsity },
    current.w.length,
  );
  constraintOf(resolved.budget, layers); // what cannot be met is refused before any work
  const run: Run = {
    options,
    resolved,
    entry: entryOf(options),
    layers: chosen.layers,
    budgeted: layers,
  };
  if (run.entry.trains) return pruneAndTrain(run, { model, chosen, budgets });
  if (run.entry.reconstructs) return pruneLayerwise(run, { model, chosen, budgets });
  const units = unitsOf(
    resolved.scaling,
    chosen.layers,
    current.w,
    layers.map(({ macsPerWeight }) => macsPerWeight),
  );
  const stages: StageResult[] = [];
  const recalibrators = resolved.recalibrateStages ? recalibratorsOf(model, options) : null;
  try {
    for (const [t, budget] of budgets.entries()) {
      options.signal?.throwIfAborted();
      const scale = stages.at(-1)?.scale ?? 1;
      const { w, stage } = await pruneStage({ ...run, units, recalibrators }, current, {
        t,
        of: budgets.length,
        budget,
        scale,
      });
      stages.push(stage);
      const solved = writeWeights(current.model, chosen.layers, w);
      const written = recalibrators === null ? solved : await recalibrators.stage(solved);
      current = { model: written, w: readWeights(written, chosen.layers) };
      await options.onStage?.(stage, written);
    }
  } finally {
    freeIdle(); // a stage leaves the memory of its rows to the next
  }
  return { model: current.model, chosen, w: current.w, stages, options: resolved };
}

/** The stages' budgets as one training, in the course of which the support closes in on the last of them. */
async function pruneAndTrain(
  { options, resolved, layers, budgeted }: Run,
  { model, chosen, budgets }: { model: Model; chosen: ChosenLayers; budgets: readonly Budget[] },
): Promise<PruneResult> {
  const { engine, minutes, threads, signal, onProgress } = options;
  const source = neededSource(options, resolved);
  const started = performance.now();
  const { batch, seed, augment, samples } = resolved;
  const constraints = budgets.map((budget) => constraintOf(budget, budgeted));
  const trained = await pruneByImitation({
    engine,
    model,
    layers,
    source,
    constraints,
    batch,
    seed,
    augment,
    ...(minutes === undefined ? { steps: samples } : { minutes }),
    ...(threads !== undefined && { threads }),
    ...(signal && { signal }),
    ...(onProgress && { onProgress }),
  });
  const stage: StageResult = {
    ...unsolved(resolved.budget, constraints),
    message: `${trained.steps} steps of ${batch} samples by ${trained.optimizer} at rate ${trained.rate.toPrecision(3)}; ${outcome(trained)}.`,
    seconds: { gradients: (performance.now() - started) / 1000, solve: 0 },
  };
  return {
    model: trained.model,
    chosen,
    w: readWeights(trained.model, layers),
    stages: [stage],
    options: { ...resolved, samples: trained.steps },
  };
}

/** The stages' budgets as supports on the way to the last of them, in all layers at once; then layer after layer. */
async function pruneLayerwise(
  { options, resolved, layers, budgeted }: Run,
  { model, chosen, budgets }: { model: Model; chosen: ChosenLayers; budgets: readonly Budget[] },
): Promise<PruneResult> {
  const { engine, threads, signal, onProgress } = options;
  const { samples, lambda, seed } = resolved;
  const constraints = budgets.map((budget) => constraintOf(budget, budgeted));
  const solved = await reconstruct({
    engine,
    model,
    layers,
    source: neededSource(options, resolved),
    constraints,
    samples,
    ridge: lambda,
    seed,
    ...(threads !== undefined && { threads }),
    ...(signal && { signal }),
    ...(onProgress && { onProgress }),
  });
  const stage: StageResult = {
    ...unsolved(resolved.budget, constraints),
    message: `${solved.samples} samples; support chosen at a mean error of ${solved.error.toPrecision(3)} of the variance of a layer's outputs.`,
    seconds: { gradients: solved.seconds.moments, solve: solved.seconds.solve },
  };
  return {
    model: solved.model,
    chosen,
    w: solved.w,
    stages: [stage],
    options: { ...resolved, samples: solved.samples },
  };
}

/** The one stage of methods that minimise no quadratic model. */
function unsolved(budget: Budget, constraints: readonly Constraint[]): Omit<StageResult, 'message' | 'seconds'> {
  return {
    budget,
    scale: null,
    kept: (constraints.at(-1) as Constraint).kept,
    lossBefore: null,
    sensitivity: null,
    start: null,
    value: null,
    status: 'converged',
  };
}

/** @throws DataError if there is none */
function neededSource({ source }: PruneOptions, { method }: ResolvedPrune): FeedSource {
  if (source === undefined)
    throw new DataError(`Cannot prune by ${method} without data: give --data, or use --method magnitude`);
  return source;
}

function outcome({ target, loss }: Imitated): string {
  return target === 'labels'
    ? `trained by the labels, to a loss of ${loss.toPrecision(3)}`
    : `the outputs differ from the dense model's by ${loss.toPrecision(3)} of their variance`;
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
