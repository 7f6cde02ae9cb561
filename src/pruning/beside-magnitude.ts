import { countKept } from '../apply/weights.ts';
import { constraintOf } from '../budget/constraint-of.ts';
import type { Constraint } from '../constraints/constraint.ts';
import { type FeedSource, subset } from '../data/feeds.ts';
import { evaluate } from '../evaluate/accuracy.ts';
import { distanceMeter } from '../evaluate/distance.ts';
import type { WeightLayer } from '../graph/weights.ts';
import type { Model } from '../ir/model.ts';
import { drawnSamples } from '../reconstruction/samples.ts';
import { type Candidate, type Judging, magnitudeCandidates } from './candidates.ts';
import { setAside } from './held-out.ts';
import type { Job, Outcome } from './job.ts';
import type { StageResult } from './stage-result.ts';

/** Samples that a model is held beside magnitude on, at most. */
const JUDGES = 200;
/** Samples that are spared already are enough from this share of {@link JUDGES} on. */
const ENOUGH = 0.25;

/** What {@link magnitudeIfNearer} compares. */
export interface Beside {
  readonly pruned: Model;
  /** The layers that were pruned, and what they were held to. */
  readonly layers: readonly WeightLayer[];
  readonly constraint: Constraint;
  readonly judges: FeedSource;
  /** Whether the judges were spared by what made `pruned`. */
  readonly spared: boolean;
  /** Whether labels were the target. */
  readonly byLabels: boolean;
  /** A distance of `factor` times that by magnitude and `part` of the outputs' variance is borne. */
  readonly borne: { readonly factor: number; readonly part: number };
}

/**
 * Magnitude in the place of a model whose outputs are further from the dense model's: from few samples more weights are solved
 * for than they tell, and a quadratic model of the loss says nothing of weights far away. Where labels were the target too, its loss has
 * to be the higher one as well.
 *
 * @returns null where the pruned model stands
 * Cost: a forward pass a sample of the dense model and of the pruned one, another of what magnitude makes of it where that may be nearer.
 */
export async function magnitudeIfNearer(
  { model: dense, options }: Job,
  { pruned, layers, constraint, judges, spared, byLabels, borne }: Beside,
): Promise<Candidate | null> {
  const { engine, threads, signal } = options;
  const runs = { ...(threads !== undefined && { threads }), ...(signal && { signal }) };
  const meter = await distanceMeter({ engine, dense, source: judges, ...runs });
  const reached = (await meter.measure(pruned)).outputs;
  if (reached <= borne.part) return null;
  let best: (Candidate & { readonly distance: number }) | null = null;
  for (const candidate of magnitudeCandidates(dense, layers, constraint)) {
    const distance = (await meter.measure(candidate.model)).outputs;
    if (best === null || distance < best.distance) best = { ...candidate, distance };
  }
  if (best === null || !(reached > borne.factor * best.distance + borne.part)) return null;
  if (byLabels) {
    const lossOf = async (one: Model): Promise<number | null> => (await evaluate(engine, one, judges, runs)).loss;
    const [ours, other] = [await lossOf(pruned), await lossOf(best.model)];
    if (ours !== null && other !== null && ours <= other) return null;
  }
  const where = `${meter.samples} samples${spared ? ' set aside' : ''}`;
  return {
    what: `kept: ${best.what}, since the solved weights are further from the dense model: ${shown(reached)} beside ${shown(best.distance)} ${meter.unit} on ${where}; give more samples`,
    model: best.model,
  };
}

function shown(distance: number): string {
  return Number.isFinite(distance) ? distance.toPrecision(3) : 'not finite';
}

/** Samples that a layer-wise method is held beside magnitude on. */
export interface Spared {
  /** What it is given. */
  readonly rest: FeedSource;
  readonly aside: FeedSource;
  /** How they may judge: spared; or of its own, in turn where those are few. */
  readonly judging: Exclude<Judging, 'the same'>;
}

/**
 * Samples to hold a layer-wise method beside magnitude: those that it would not draw where there are enough of them; else some of its
 * own, which are too many to be learnt by heart; with fewer, all of them.
 *
 * @param samples  how many it draws, by `seed`
 */
export function spareSamples(source: FeedSource, samples: number, seed: number): Spared {
  const unit = source.fixedBatch ?? 1;
  const count = unit * Math.floor(Math.min(JUDGES, source.count - samples) / unit);
  const order = drawnSamples(source, source.count, seed);
  if (count >= Math.max(1, ENOUGH * Math.min(JUDGES, samples)))
    return { rest: source, aside: subset(source, order.subarray(samples, samples + count)), judging: 'set aside' };
  if (source.count < JUDGES) return { rest: source, aside: source, judging: 'in turn' };
  const whole = Math.max(unit, JUDGES - (JUDGES % unit));
  return { rest: source, aside: subset(source, order.subarray(0, whole)), judging: 'of many' };
}

/** How far weights that were solved for by gradients may be from the dense model: further, they are wrecked rather than worse. */
const BORNE = { factor: 2, part: 0.05 };

/**
 * What came of a method of gradients, or magnitude where it wrecked the model; as it is without samples to tell.
 *
 * @param borne  default: twice as far, and 5 % of the variance of the outputs
 */
export async function besideMagnitude(job: Job, outcome: Outcome, borne: Beside['borne'] = BORNE): Promise<Outcome> {
  const { options, resolved, budgeted, layers } = job;
  if (options.source === undefined) return outcome;
  const nearer = await magnitudeIfNearer(job, {
    pruned: outcome.model,
    layers,
    constraint: constraintOf(resolved.budget, budgeted),
    judges: setAside(options.source, JUDGES, resolved.seed).aside,
    spared: false,
    byLabels: resolved.labels === 'data' && resolved.loss !== 'random',
    borne,
  });
  if (nearer === null) return outcome;
  const { model, what } = nearer;
  const last = outcome.stages.at(-1) as StageResult;
  const kept = countKept(model, layers).reduce((sum, count) => sum + count, 0);
  const stage = { ...last, kept, value: null, message: `${last.message} ${what}.`, instead: what };
  return { ...outcome, model, stages: [...outcome.stages.slice(0, -1), stage] };
}
