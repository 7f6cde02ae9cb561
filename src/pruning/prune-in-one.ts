import { countKept, readWeights, writeWeights } from '../apply/weights.ts';
import { type Budget, constraintOf, stageBudgets } from '../budget/budget.ts';
import { squared } from '../constraints/constraint.ts';
import type { FeedSource } from '../data/feeds.ts';
import { DataError, UnsupportedOpError } from '../errors/errors.ts';
import type { WeightLayer } from '../graph/weights.ts';
import type { Model } from '../ir/model.ts';
import { type BlockedLayer, type Reconstructed, reconstruct } from '../reconstruction/reconstruct.ts';
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
  /** Layers that were left as they are. */
  readonly blocked: readonly BlockedLayer[];
}

/** The stages' budgets as supports on the way to the last of them, in all layers at once; then layer after layer. */
export async function pruneLayerwise(run: Run, { model, budgets }: Stages): Promise<PrunedInOne> {
  const { options, resolved } = run;
  const solved = await reconstructed(run, model, { source: neededSource(options, resolved), budgets: () => budgets });
  return outcomeOf(run, solved);
}

/** Samples that layers are solved on where a run that trains asks for them. */
const SAMPLES = 1000;

/**
 * The layers solved for a budget by the defaults of `reconstruct`, those that cannot be by magnitude, each part within its share of the
 * budget; null where none can be solved.
 */
export async function solvedLayers(
  run: Run,
  model: Model,
  { source, last }: { source: FeedSource; last: Budget },
): Promise<Reconstructed | null> {
  const { stages, schedule, baseSparsity: base, lambda } = METHODS.reconstruct.defaults;
  const all = run.layers.reduce((sum, { size }) => sum + size, 0);
  const budgets = (p: number): Budget[] => stageBudgets(shareOf(last, p / all), { stages, schedule, base }, p);
  const resolved = { ...run.resolved, samples: SAMPLES, lambda };
  try {
    const solved = await reconstructed({ ...run, resolved }, model, { source, budgets });
    return solved.blocked.length === 0 ? solved : { ...solved, model: restByMagnitude(run, solved, last) };
  } catch (thrown) {
    if (thrown instanceof UnsupportedOpError) return null;
    throw thrown;
  }
}

/** A budget of some of the layers: shares as they are, counts in proportion. */
function shareOf(budget: Budget, share: number): Budget {
  return budget.params === undefined ? budget : { ...budget, params: Math.floor(share * budget.params) };
}

/** The layers that could not be solved, by magnitude. */
function restByMagnitude({ layers, budgeted }: Run, { model, blocked }: Reconstructed, last: Budget): Model {
  const rest = blocked.map(({ layer }) => layer);
  const own = budgeted.filter((_, i) => rest.includes(layers[i] as WeightLayer));
  const ordered = layers.filter((layer) => rest.includes(layer));
  const w = readWeights(model, ordered);
  const all = layers.reduce((sum, { size }) => sum + size, 0);
  const support = constraintOf(shareOf(last, w.length / all), own).support(squared(w));
  for (let i = 0; i < w.length; i++) if (support[i] === 0) w[i] = 0;
  return writeWeights(model, ordered, w);
}

function reconstructed(
  { options, resolved, layers, budgeted }: Run,
  model: Model,
  { source, budgets }: { source: FeedSource; budgets: (p: number) => readonly Budget[] },
): Promise<Reconstructed> {
  const { engine, threads, signal, onProgress } = options;
  const { samples, lambda, seed } = resolved;
  return reconstruct({
    engine,
    model,
    layers,
    source,
    constraintsOf: (solved) => {
      const own = budgeted.filter((_, i) => solved.includes(layers[i] as WeightLayer));
      return budgets(own.reduce((sum, { size }) => sum + size, 0)).map((budget) => constraintOf(budget, own));
    },
    samples,
    ridge: lambda,
    seed,
    ...(threads !== undefined && { threads }),
    ...(signal && { signal }),
    ...(onProgress && { onProgress }),
  });
}

function outcomeOf({ resolved }: Run, solved: Reconstructed): PrunedInOne {
  const { model, layers, samples, error, seconds, blocked } = solved;
  const stage: StageResult = {
    ...unsolved(resolved.budget, keptOf(model, layers)),
    message: `layers solved on ${samples} samples, their supports at a mean error of ${error.toPrecision(3)} of the variance of their outputs.`,
    seconds: { gradients: seconds.moments, solve: seconds.solve },
  };
  return { model, stages: [stage], options: { ...resolved, samples }, blocked };
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
