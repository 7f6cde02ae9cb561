import { countKept } from '../apply/weights.ts';
import { type Budget, constraintOf, stageBudgets } from '../budget/budget.ts';
import type { Constraint } from '../constraints/constraint.ts';
import type { FeedSource } from '../data/feeds.ts';
import { DataError, UnsupportedOpError } from '../errors/errors.ts';
import type { WeightLayer } from '../graph/weights.ts';
import type { Model } from '../ir/model.ts';
import { type Reconstructed, reconstruct } from '../reconstruction/reconstruct.ts';
import { METHODS } from './methods.ts';
import type { PruneOptions, ResolvedPrune } from './prune-options.ts';
import type { Run } from './prune-stage.ts';
import type { StageResult } from './stage-result.ts';

/** The stages of a run that are one piece of work. */
export interface Stages {
  readonly model: Model;
  readonly budgets: readonly Budget[];
}

/** What comes of them. */
export interface PrunedInOne {
  readonly model: Model;
  readonly stages: readonly StageResult[];
  readonly options: ResolvedPrune;
}

/** The stages' budgets as supports on the way to the last of them, in all layers at once; then layer after layer. */
export async function pruneLayerwise(run: Run, { model, budgets }: Stages): Promise<PrunedInOne> {
  const { options, resolved, budgeted } = run;
  const constraints = budgets.map((budget) => constraintOf(budget, budgeted));
  const solved = await reconstructed(run, model, { source: neededSource(options, resolved), constraints });
  return outcomeOf(run, solved);
}

/** Samples that layers are solved on where a run that trains asks for them. */
const SAMPLES = 1000;

/** The layers solved for a budget by the defaults of `reconstruct`; null where some of them cannot be. */
export async function solvedLayers(
  run: Run,
  model: Model,
  { source, last }: { source: FeedSource; last: Budget },
): Promise<Reconstructed | null> {
  const { stages, schedule, baseSparsity: base, lambda } = METHODS.reconstruct.defaults;
  const p = run.layers.reduce((sum, { size }) => sum + size, 0);
  const constraints = stageBudgets(last, { stages, schedule, base }, p).map((budget) =>
    constraintOf(budget, run.budgeted),
  );
  const resolved = { ...run.resolved, samples: SAMPLES, lambda };
  try {
    return await reconstructed({ ...run, resolved }, model, { source, constraints });
  } catch (thrown) {
    if (thrown instanceof UnsupportedOpError) return null;
    throw thrown;
  }
}

function reconstructed(
  { options, resolved, layers }: Run,
  model: Model,
  { source, constraints }: { source: FeedSource; constraints: readonly Constraint[] },
): Promise<Reconstructed> {
  const { engine, threads, signal, onProgress } = options;
  const { samples, lambda, seed } = resolved;
  return reconstruct({
    engine,
    model,
    layers,
    source,
    constraints,
    samples,
    ridge: lambda,
    seed,
    ...(threads !== undefined && { threads }),
    ...(signal && { signal }),
    ...(onProgress && { onProgress }),
  });
}

function outcomeOf({ resolved, layers }: Run, solved: Reconstructed): PrunedInOne {
  const { model, samples, error, seconds } = solved;
  const stage: StageResult = {
    ...unsolved(resolved.budget, keptOf(model, layers)),
    message: `layers solved on ${samples} samples, their supports at a mean error of ${error.toPrecision(3)} of the variance of their outputs.`,
    seconds: { gradients: seconds.moments, solve: seconds.solve },
  };
  return { model, stages: [stage], options: { ...resolved, samples } };
}

/** Nonzero weights of all layers. */
export function keptOf(model: Model, layers: readonly WeightLayer[]): number {
  return countKept(model, layers).reduce((sum, count) => sum + count, 0);
}

/** The one stage of methods that minimise no quadratic model. */
export function unsolved(budget: Budget, kept: number): Omit<StageResult, 'message' | 'seconds'> {
  return {
    budget,
    scale: null,
    kept,
    lossBefore: null,
    sensitivity: null,
    start: null,
    value: null,
    status: 'converged',
  };
}

/** @throws DataError if there is none */
export function neededSource({ source }: PruneOptions, { method }: ResolvedPrune): FeedSource {
  if (source === undefined)
    throw new DataError(`Cannot prune by ${method} without data: give --data, or use --method magnitude`);
  return source;
}
