import { countKept, readWeights, writeWeights } from '../apply/weights.ts';
import { type Budget, stageBudgets } from '../budget/budget.ts';
import { constraintOf } from '../budget/constraint-of.ts';
import { squared } from '../constraints/constraint.ts';
import type { FeedSource } from '../data/feeds.ts';
import { UnsupportedOpError } from '../errors/errors.ts';
import type { WeightLayer } from '../graph/weights.ts';
import type { Model } from '../ir/model.ts';
import { within } from '../progress/recall.ts';
import { type Reconstructed, reconstruct } from '../reconstruction/reconstruct.ts';
import { spareSamples } from './beside-magnitude.ts';
import { candidatesOf, magnitudeCandidates, offerFitted, SOLVED } from './candidates.ts';
import { type Job, neededSource, type Outcome } from './job.ts';
import type { StageResult } from './stage-result.ts';

/** Defaults of solving layer by layer. */
export const RECONSTRUCT_DEFAULTS = {
  samples: 1000,
  lambda: 1e-2,
  stages: 40,
  schedule: 'linear',
  baseSparsity: 0.05,
} as const;

/** Behind what magnitude of those layers alone is called that can be solved. */
const OF_THE_SOLVED = ' of the solved layers';

/** A job that solves layers. */
export type LayerwiseJob = Job<'samples'> & { readonly resolved: { readonly lambda: number } };

/**
 * The stages' budgets as supports on the way to the last of them, in all layers at once; then layer after layer. Magnitude stands in their
 * place unless they are clearly nearer to the dense model; of few samples all judge in turn, at the cost of five more solves. Layers that cannot be
 * solved stay dense, and the others have the budget alone: they are held beside magnitude of all layers too.
 */
export async function pruneLayerwise(run: LayerwiseJob, budgets: readonly Budget[]): Promise<Outcome> {
  const { samples, seed } = run.resolved;
  const source = neededSource(run);
  const { rest, aside, judging } = spareSamples(source, samples, seed);
  const inTurn = judging === 'in turn';
  const solve = (some: FeedSource, part: string): Promise<Reconstructed> =>
    reconstructed(run, { source: some, budgets: () => budgets, part });
  const solved = await solve(rest, 'layers');
  const { layers, model, blocked } = solved;
  const own = run.budgeted.filter((_, i) => layers.includes(run.layers[i] as WeightLayer));
  const last = budgets.at(-1) as Budget;
  const seen = await candidatesOf(run, { source: aside, judging, last });
  const partly = blocked.length === 0 ? [] : magnitudeCandidates(run.model, layers, constraintOf(last, own));
  for (const { what, model: one } of partly) await seen.offer({ what: `${what}${OF_THE_SOLVED}`, model: one });
  if (inTurn)
    await offerFitted(seen, {
      run,
      source,
      what: SOLVED,
      model,
      make: async (some, part) => (await unlessNone(solve(some, part)))?.model ?? null,
    });
  else await seen.offer({ what: SOLVED, model });
  const { kept, why } = await seen.decide('dense outputs');
  if (kept.what === SOLVED) return outcomeOf(run, solved);
  const isWhole = !kept.what.endsWith(OF_THE_SOLVED);
  const pruned = isWhole ? { ...solved, layers: run.layers, blocked: [] } : solved;
  return outcomeOf(run, { ...pruned, model: kept.model }, why);
}

/**
 * The layers solved for a budget by the defaults of `reconstruct`, those that cannot be by magnitude, each part within its share of the
 * budget; null where none can be solved.
 *
 * @param part  what it is called among the parts of the run that are kept
 */
export async function solvedLayers(
  run: Job,
  { source, last, part }: { source: FeedSource; last: Budget; part: string },
): Promise<Reconstructed | null> {
  const { stages, schedule, baseSparsity: base, samples, lambda } = RECONSTRUCT_DEFAULTS;
  const all = run.layers.reduce((sum, { size }) => sum + size, 0);
  const budgets = (p: number): Budget[] => stageBudgets(shareOf(last, p / all), { stages, schedule, base }, p);
  const resolved = { ...run.resolved, samples, lambda };
  const solved = await unlessNone(reconstructed({ ...run, resolved }, { source, budgets, part }));
  return solved === null || solved.blocked.length === 0
    ? solved
    : { ...solved, model: restByMagnitude(run, solved, last) };
}

/** What is solved, or null where no layer can be. */
async function unlessNone(solving: Promise<Reconstructed>): Promise<Reconstructed | null> {
  try {
    return await solving;
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
function restByMagnitude({ layers, budgeted }: Job, { model, blocked }: Reconstructed, last: Budget): Model {
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
  { model, options, resolved, layers, budgeted }: LayerwiseJob,
  { source, budgets, part }: { source: FeedSource; budgets: (p: number) => readonly Budget[]; part: string },
): Promise<Reconstructed> {
  const { engine, threads, signal, onProgress, keeping } = options;
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
    ...(keeping && { recall: within(keeping.recall, part) }),
  });
}

function outcomeOf({ resolved }: Job, solved: Reconstructed, kept?: string): Outcome {
  const { model, layers, samples, error, seconds, blocked } = solved;
  const stage: StageResult = {
    ...unsolved(resolved.budget, keptOf(model, layers)),
    message: `layers solved on ${samples} samples, their supports at a mean error of ${error.toPrecision(3)} of the variance of their outputs${kept === undefined ? '' : `; ${kept}`}.`,
    seconds: { gradients: seconds.moments, solve: seconds.solve },
    ...(kept !== undefined && { instead: kept }),
  };
  return { model, stages: [stage], samples, blocked };
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
