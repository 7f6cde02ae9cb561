import { narrowLike } from '../apply/narrow-floats.ts';
import type { Budget } from '../budget/budget.ts';
import { constraintOf } from '../budget/constraint-of.ts';
import type { Constraint } from '../constraints/constraint.ts';
import { type FeedSource, float32Feeds } from '../data/feeds.ts';
import { DataError, EngineError, messageOf, ShapeError, UnsupportedOpError } from '../errors/errors.ts';
import { asFloat32 } from '../graph/passes/widen-floats.ts';
import type { Model } from '../ir/model.ts';
import type { Reconstructed } from '../reconstruction/reconstruct.ts';
import { type Imitated, pruneByImitation, type Start } from './auto.ts';
import type { Target } from './auto-choice.ts';
import { type BestSeen, candidatesOf, offerFitted, SOLVED } from './candidates.ts';
import { setAside } from './held-out.ts';
import { neededSource, type Outcome } from './job.ts';
import { keptOf, solvedLayers, unsolved } from './prune-in-one.ts';
import { SHORTER, shorterTraining, type TrainingJob } from './shorter-training.ts';
import type { StageResult } from './stage-result.ts';

/** Constants of runs that train, chosen on held-out training data (docs/experiments.md). */
export const START = {
  /** Weights that the training starts with, in those that it ends with. */
  kept: 2,
  /** With fewer samples than this the layers are solved and nothing is trained, unless a budget of compute asks for it. */
  leastToTrain: 400,
  /** From so many sample gradients on a training finds better supports from the dense weights. */
  mostGradients: 50_000,
  /** With fewer steps than this there is no time to close in: the training starts within the budget. */
  leastToClose: 64,
} as const;

/** Samples that tell which model is kept, at most. */
const JUDGES = 200;
/** A training so far below the best of magnitude is kept without a look at the solved layers where minutes are short. */
const FAR_BETTER = 0.5;
const NEAR: Target = 'dense outputs';
/** What may stand in the way of a training, and of nothing else. */
const IN_THE_WAY = [UnsupportedOpError, EngineError, ShapeError, DataError];

/**
 * The stages' budgets as one training, in the course of which the support closes in on the last of them. A short one starts from layers
 * that were solved for a support of twice the weights, a very short one from the best within the budget; with few samples and no budget
 * of compute nothing is trained. What is kept is magnitude, unless something is clearly nearer to the dense model on samples that it was
 * not made from: the solved layers, or a state of the training from where its support stays. Where too few are set aside to tell, the
 * layers are solved and all samples judge in turn. A training that cannot be is told of, and the others stand.
 */
export async function pruneAndTrain(run: TrainingJob, budgets: readonly Budget[]): Promise<Outcome> {
  const { resolved } = run;
  const source = neededSource(run);
  const asked = resolved.gradients ?? resolved.minutes;
  const started = performance.now();
  const isFew = source.count < START.leastToTrain;
  const solving = { run, source, last: budgets.at(-1) as Budget, started };
  const untrained = asked === null && isFew ? await solveInTurn(solving, 'too few samples to train on') : null;
  if (untrained !== null) return untrained;
  const { rest, aside, same } = setAside(source, JUDGES, resolved.seed);
  const judging = same ? 'the same' : 'set aside';
  const seen = await candidatesOf(run, { source: aside, judging, last: solving.last });
  const constraints = budgets.map((budget) => constraintOf(budget, run.budgeted));
  const work: Work = {
    run,
    budgets,
    constraints,
    seen,
    started,
    source: rest,
    starts: new Map(),
    what: 'the training',
  };
  const { story, target, steps } = await trainAll(work);
  const { kept, why } = await seen.decide(target);
  if (isFew && target === NEAR && kept.what === seen.first().what) {
    const doubted = `${story}, which ${aside.count} samples ${same ? '' : 'set aside '}are too few to trust`;
    const solved = await solveInTurn(solving, doubted);
    if (solved !== null) return { ...solved, samples: steps };
  }
  return outcomeOf(run, { model: kept.model, message: `${story}; ${why}.`, samples: steps, started });
}

interface Solving {
  readonly run: TrainingJob;
  readonly source: FeedSource;
  readonly last: Budget;
  readonly started: number;
}

/** Layers solved on all of a few samples, which judge in turn, or magnitude; null where none can be solved. @param story  what came before */
async function solveInTurn({ run, source, last, started }: Solving, story: string): Promise<Outcome | null> {
  const make = (some: FeedSource, part: string): Promise<Reconstructed | null> =>
    solvedLayers(run, { source: some, last, part });
  const solved = await make(source, 'layers on all samples');
  if (solved === null) return null;
  const { model, samples, error, blocked } = solved;
  const seen = await candidatesOf(run, { source, judging: 'in turn', last });
  await offerFitted(seen, {
    run,
    source,
    what: SOLVED,
    model,
    make: async (some, part) => (await make(some, part))?.model ?? null,
  });
  const { kept, why } = await seen.decide(NEAR);
  const rest = blocked.map(({ layer, reason }) => `, "${layer.name}" by magnitude (${reason})`).join('');
  const message = `${story}; layers solved on ${samples} samples, at a mean error of ${error.toPrecision(3)} of the variance of their outputs${rest}; ${why}.`;
  return outcomeOf(run, { model: kept.model, message, samples, started });
}

function outcomeOf(
  { layers, resolved }: TrainingJob,
  { model, message, samples, started }: { model: Model; message: string; samples: number; started: number },
): Outcome {
  const stage: StageResult = {
    ...unsolved(resolved.budget, keptOf(model, layers)),
    message,
    seconds: { gradients: (performance.now() - started) / 1000, solve: 0 },
  };
  return { model, stages: [stage], samples, blocked: [] };
}

/** What the parts of one run share. */
interface Work {
  readonly run: TrainingJob;
  readonly budgets: readonly Budget[];
  readonly constraints: readonly Constraint[];
  readonly seen: BestSeen;
  readonly started: number;
  /** Samples that are not set aside. */
  readonly source: FeedSource;
  /** Solved layers by the budget they were solved for; null where they cannot be. */
  readonly starts: Map<Budget, Solved | null>;
  /** What the training is called among the candidates. */
  readonly what: string;
}

interface Solved extends Reconstructed {
  /** How far the model is from the dense one. */
  readonly distance: number;
  readonly took: number;
}

/** How a training went. */
interface Story {
  readonly story: string;
  readonly target: Target;
  readonly steps: number;
}

/**
 * Trains; and where each sample comes so often that the training may learn them by heart, what the run would come to with a quarter of the
 * compute is a candidate too, so that four times the compute gives nothing worse on the samples set aside. It comes on top, a third in all.
 */
async function trainAll(work: Work): Promise<Story> {
  const shorter = shorterTraining(work.run, work.source.count);
  if (shorter === null) return train(work);
  await trainAll({ ...work, run: shorter, what: SHORTER });
  const story = await train(work);
  return { ...story, story: `${story.story} (beside shorter trainings)` };
}

/** Trains, and solves the layers too where that may have come to more. */
async function train(work: Work): Promise<Story> {
  const { run, constraints, seen, source } = work;
  const { model } = run;
  const { engine, threads, signal, onProgress, keeping } = run.options;
  const { batch, seed, augment, samples, minutes } = run.resolved;
  const { fixedBatch } = source;
  const each = fixedBatch === null ? batch : fixedBatch * Math.max(1, Math.floor(batch / fixedBatch));
  const single = asFloat32(model);
  let nearest = Number.POSITIVE_INFINITY;
  try {
    const trained = await pruneByImitation({
      engine,
      model: single,
      start: async (steps) => {
        const start = await startOf(work, steps);
        return start && { ...start, model: asFloat32(start.model) };
      },
      onState: async (state, target) => {
        const own = single === model ? state : narrowLike(model, state);
        nearest = Math.min(nearest, await seen.offer({ what: work.what, model: own }, target));
      },
      layers: run.layers,
      source: single === model ? source : float32Feeds(source),
      constraints,
      batch,
      seed,
      augment,
      keeping,
      ...(minutes === null ? { steps: Math.max(1, Math.floor((samples * batch) / each)) } : { minutes }),
      ...(threads !== undefined && { threads }),
      ...(signal && { signal }),
      ...(onProgress && { onProgress }),
    });
    if (trained.target === NEAR && mayBeNearer(work, nearest)) await solveLast(work);
    return { story: storyOf(trained, batch), target: trained.target, steps: trained.steps };
  } catch (thrown) {
    if (!IN_THE_WAY.some((Class) => thrown instanceof Class)) throw thrown;
    await solveLast(work);
    return { story: `not trained to the end: ${messageOf(thrown)}`, target: NEAR, steps: samples };
  }
}

/** Where a training of so many steps starts; null = at the dense weights. */
async function startOf(work: Work, steps: number): Promise<Start | null> {
  const { run, constraints, budgets, seen } = work;
  const last = lastOf(constraints);
  if (steps < START.leastToClose) {
    await solveLast(work);
    return { ...seen.nearest(), constraints: [last] };
  }
  if (steps * run.resolved.batch >= START.mostGradients) return null;
  const at = constraints.findLastIndex((constraint) => constraint.most >= START.kept * last.most);
  const first = Math.max(0, at);
  const solved = await solve(work, budgets[first] as Budget);
  return solved && { what: SOLVED, model: solved.model, constraints: constraints.slice(first) };
}

/** The layers solved for one of the budgets, once. */
async function solve(work: Work, budget: Budget): Promise<Solved | null> {
  const { run, seen, source, starts } = work;
  const before = starts.get(budget);
  if (before !== undefined) return before;
  const started = performance.now();
  const part = `layers at ${work.budgets.indexOf(budget)}`;
  const found = await solvedLayers(run, { source, last: budget, part });
  const distance = found === null ? 0 : (await seen.meter.measure(found.model)).error;
  const solved = found && { ...found, distance, took: performance.now() - started };
  starts.set(budget, solved);
  return solved;
}

/** The layers solved for the last budget, one more candidate. */
async function solveLast(work: Work): Promise<Solved | null> {
  const solved = await solve(work, work.budgets.at(-1) as Budget);
  if (solved !== null) await work.seen.offer({ what: SOLVED, model: solved.model });
  return solved;
}

/**
 * Whether solved layers can be nearer to the dense model than the training came: not where it came nearer than layers that
 * keep more weights do, and not where there is no time left to try it, unless the training came to little.
 */
function mayBeNearer({ run, seen, started, starts }: Work, nearest: number): boolean {
  const { minutes } = run.resolved;
  const others = [...starts.values()].filter((solved) => solved !== null);
  if (others.some(({ distance }) => nearest <= distance)) return false;
  const left = minutes === null ? Number.POSITIVE_INFINITY : 60_000 * minutes - (performance.now() - started);
  return Math.max(0, ...others.map(({ took }) => took)) < left || nearest > FAR_BETTER * seen.first().judged.error;
}

function storyOf({ steps, optimizer, rate, from, target, loss, blocked }: Imitated, batch: number): string {
  const reached = !Number.isFinite(loss)
    ? 'every one of the last steps diverged and was given up'
    : target === 'labels'
      ? `trained by the labels, to a loss of ${loss.toPrecision(3)}`
      : `the outputs differ from the dense model's by ${loss.toPrecision(3)} of their variance`;
  const kept =
    blocked.length === 0
      ? ''
      : `; ${blocked.length} parameters behind operators that cannot be differentiated were not trained`;
  return `${steps} steps of ${batch} samples by ${optimizer} at rate ${rate.toPrecision(3)}${from === null ? '' : `, from ${from}`}; ${reached}${kept}`;
}

function lastOf(constraints: readonly Constraint[]): Constraint {
  return constraints.at(-1) as Constraint;
}
