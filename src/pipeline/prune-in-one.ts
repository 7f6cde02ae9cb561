import { countKept } from '../apply/weights.ts';
import { type Budget, constraintOf, stageBudgets } from '../budget/budget.ts';
import type { Constraint } from '../constraints/constraint.ts';
import type { FeedSource } from '../data/feeds.ts';
import { DataError, UnsupportedOpError } from '../errors/errors.ts';
import type { Model } from '../ir/model.ts';
import { type Reconstructed, reconstruct } from '../reconstruction/reconstruct.ts';
import { type Imitated, pruneByImitation } from './auto.ts';
import { METHODS } from './methods.ts';
import type { PruneOptions, ResolvedPrune } from './prune-options.ts';
import type { Run } from './prune-stage.ts';
import type { StageResult } from './stage-result.ts';

/** The stages of a run that are one piece of work. */
interface Stages {
  readonly model: Model;
  readonly budgets: readonly Budget[];
}

/** What comes of them. */
interface PrunedInOne {
  readonly model: Model;
  readonly stages: readonly StageResult[];
  readonly options: ResolvedPrune;
}

/** Constants of runs that train, chosen on held-out training data (docs/experiments.md). */
const START = {
  /** Samples that layers are solved on. */
  samples: 1000,
  /** Weights that the training starts with, in those that it ends with. */
  kept: 2,
  /** With fewer samples than this the layers are solved and nothing is trained, unless a budget of compute asks for it. */
  leastToTrain: 400,
  /** From so many sample gradients on a training finds better supports from the dense weights. */
  mostGradients: 50_000,
} as const;

/**
 * The stages' budgets as one training, in the course of which the support closes in on the last of them. A short one starts from layers
 * that were solved for a support of twice the weights; with few samples and no budget of compute, that is all there is, on the last support.
 */
export async function pruneAndTrain(run: Run, { model, budgets }: Stages): Promise<PrunedInOne> {
  const { options, resolved, layers, budgeted } = run;
  const { engine, minutes, threads, signal, onProgress } = options;
  const source = neededSource(options, resolved);
  const started = performance.now();
  const { batch, seed, augment, samples } = resolved;
  const constraints = budgets.map((budget) => constraintOf(budget, budgeted));
  const { most: kept } = constraints.at(-1) as Constraint;
  const asked = options.gradients ?? minutes ?? options.samples;
  if (asked === undefined && source.count < START.leastToTrain) {
    const solved = await solvedLayers(run, model, { source, last: budgets.at(-1) as Budget });
    if (solved !== null) return outcomeOf(run, solved, 'too few samples to train on; ');
  }
  const trained = await pruneByImitation({
    engine,
    model,
    start: async (gradients) => {
      if (gradients >= START.mostGradients) return null;
      const first = Math.max(
        0,
        constraints.findLastIndex((constraint) => constraint.most >= START.kept * kept),
      );
      const solved = await solvedLayers(run, model, { source, last: budgets[first] as Budget });
      return solved && { model: solved.model, constraints: constraints.slice(first) };
    },
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
    ...unsolved(resolved.budget, kept),
    message: `${trained.steps} steps of ${batch} samples by ${trained.optimizer} at rate ${trained.rate.toPrecision(3)}${trained.started ? ', from solved layers' : ''}; ${reached(trained)}.`,
    seconds: { gradients: (performance.now() - started) / 1000, solve: 0 },
  };
  return {
    model: trained.model,
    stages: [stage],
    options: { ...resolved, samples: trained.steps },
  };
}

/** The stages' budgets as supports on the way to the last of them, in all layers at once; then layer after layer. */
export async function pruneLayerwise(run: Run, { model, budgets }: Stages): Promise<PrunedInOne> {
  const { options, resolved, budgeted } = run;
  const constraints = budgets.map((budget) => constraintOf(budget, budgeted));
  const solved = await reconstructed(run, model, { source: neededSource(options, resolved), constraints });
  return outcomeOf(run, solved, '');
}

/** The layers solved for a budget by the defaults of `reconstruct`; null where some of them cannot be. */
async function solvedLayers(
  run: Run,
  model: Model,
  { source, last }: { source: FeedSource; last: Budget },
): Promise<Reconstructed | null> {
  const { stages, schedule, baseSparsity: base, lambda } = METHODS.reconstruct.defaults;
  const p = run.layers.reduce((sum, { size }) => sum + size, 0);
  const constraints = stageBudgets(last, { stages, schedule, base }, p).map((budget) =>
    constraintOf(budget, run.budgeted),
  );
  const resolved = { ...run.resolved, samples: START.samples, lambda };
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

function outcomeOf({ resolved, layers }: Run, solved: Reconstructed, why: string): PrunedInOne {
  const { model, samples, error, seconds } = solved;
  const kept = countKept(model, layers).reduce((sum, count) => sum + count, 0);
  const stage: StageResult = {
    ...unsolved(resolved.budget, kept),
    message: `${why}layers solved on ${samples} samples, their supports at a mean error of ${error.toPrecision(3)} of the variance of their outputs.`,
    seconds: { gradients: seconds.moments, solve: seconds.solve },
  };
  return { model, stages: [stage], options: { ...resolved, samples } };
}

/** The one stage of methods that minimise no quadratic model. */
function unsolved(budget: Budget, kept: number): Omit<StageResult, 'message' | 'seconds'> {
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
function neededSource({ source }: PruneOptions, { method }: ResolvedPrune): FeedSource {
  if (source === undefined)
    throw new DataError(`Cannot prune by ${method} without data: give --data, or use --method magnitude`);
  return source;
}

function reached({ target, loss }: Imitated): string {
  return target === 'labels'
    ? `trained by the labels, to a loss of ${loss.toPrecision(3)}`
    : `the outputs differ from the dense model's by ${loss.toPrecision(3)} of their variance`;
}
