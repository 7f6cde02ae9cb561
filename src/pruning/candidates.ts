import { readWeightsNarrow, writeWeights } from '../apply/weights.ts';
import type { Budget } from '../budget/budget.ts';
import { constraintOf } from '../budget/constraint-of.ts';
import { type Constraint, projection, squared } from '../constraints/constraint.ts';
import { inOrder } from '../data/batches.ts';
import { type FeedSource, subset } from '../data/feeds.ts';
import type { Engine } from '../engine/engine.ts';
import { evaluate } from '../evaluate/accuracy.ts';
import { type Distance, type DistanceMeter, distanceMeter, distanceOf, type Part } from '../evaluate/distance.ts';
import type { WeightLayer } from '../graph/weights.ts';
import type { Model } from '../ir/model.ts';
import type { Target } from './auto-choice.ts';
import { type CrossFit, crossFitted } from './cross-fit.ts';
import type { Job } from './job.ts';
import { clearlyNearer } from './nearer.ts';

/** What solved layers are called as a candidate. */
export const SOLVED = 'solved layers';

/** A model within the budget, and what it came of. */
export interface Candidate {
  readonly what: string;
  readonly model: Model;
}

/** What a candidate is judged by: lower is better in all, and infinite where outputs are not finite. */
interface Judged extends Distance {
  /** Loss on the labels; null where they are no target. */
  readonly loss: number | null;
}

/**
 * Set aside; or in turn, each of them by what was made from others; or some of those that candidates were made from, of which there are
 * too many to be learnt by heart; or all of them, which tell nothing.
 */
export type Judging = 'set aside' | 'in turn' | 'of many' | 'the same';

/** How that is told. */
const TOLD: Readonly<Record<Judging, string>> = {
  'set aside': 'set aside',
  'of many': 'of those that it was solved on',
  'in turn': 'in turn, solved without those that judge',
  'the same': 'that it was made from: too few to set some aside, so that nothing but magnitude can be trusted',
};

/** What {@link bestOf} is asked for. */
export interface BestRequest {
  readonly engine: Engine;
  /** The dense model. */
  readonly model: Model;
  /** Samples that the candidates are judged on. */
  readonly source: FeedSource;
  /** How the samples came to judge. Where the candidates were made from them they tell nothing, and the first candidate stays. */
  readonly judging: Judging;
  readonly threads?: number;
  readonly signal?: AbortSignal;
}

/** The candidates of a run so far. */
export interface BestSeen {
  /** Judges one more. Of those with the same `what` the best is remembered. @returns how far it is from the dense model */
  offer(candidate: Candidate, target?: Target): Promise<number>;
  /** One more whose distance is known otherwise, in the same parts. */
  enter(candidate: Candidate, distance: Distance): void;
  /** How distances are measured, and in which parts. */
  readonly meter: DistanceMeter;
  /** The first candidate, and how far it is. */
  first(): Candidate & { readonly judged: Distance };
  /** The nearest to the dense model so far. */
  nearest(): Candidate;
  /** The one to keep, and why in words. @param target  what the run goes by */
  decide(target: Target): Promise<{ readonly kept: Candidate; readonly why: string }>;
}

/**
 * Judges candidates on the same samples and keeps the best. By labels that is the one of the lowest loss; by the dense
 * model's outputs the one of the lowest error in them and their logits, of those that are clearly nearer to the dense model than
 * the first candidate ({@link clearlyNearer}).
 *
 * Cost: a forward pass a sample now, one at each offer, another where labels are the target. Memory: the candidates' weights.
 */
export async function bestOf(request: BestRequest): Promise<BestSeen> {
  const { engine, model, source, judging, ...options } = request;
  const meter = await distanceMeter({ engine, dense: model, source, ...options });
  const { samples, measure, unit } = meter;
  const labelled = subset(source, inOrder(samples));
  const offers = new Map<string, Offered>();
  const lossOf = async (one: Model): Promise<number> => {
    const { loss } = await evaluate(engine, one, labelled, options);
    return loss === null || Number.isNaN(loss) ? Number.POSITIVE_INFINITY : loss;
  };
  const first = (): Offered => [...offers.values()][0] as Offered;
  const isFit = ({ judged }: Pick<Offered, 'judged'>): boolean => clearlyNearer(judged, first().judged);
  const nearest = (): Offered => {
    if (judging === 'the same') return first();
    const fit = [...offers.values()].slice(1).filter(isFit);
    return fit.reduce((a, b) => (b.judged.error < a.judged.error ? b : a), first());
  };
  /** By the dense model's outputs one that may be kept comes before a nearer one that may not. */
  const isBetter = (judged: Judged, before: Judged): boolean => {
    if (judged.loss !== null) return judged.loss < (before.loss ?? 0);
    const [fit, was] = [isFit({ judged }), isFit({ judged: before })];
    return fit === was ? judged.error < before.error : fit;
  };
  return {
    nearest,
    meter,
    first,
    enter: (candidate, distance) =>
      void offers.set(candidate.what, { ...candidate, judged: { ...distance, loss: null } }),
    offer: async (candidate, target = 'dense outputs') => {
      const loss = target === 'labels' ? await lossOf(candidate.model) : null;
      const judged = { ...(await measure(candidate.model)), loss };
      const before = offers.get(candidate.what)?.judged;
      if (before === undefined || isBetter(judged, before)) offers.set(candidate.what, { ...candidate, judged });
      return judged.error;
    },
    decide: async (target) => {
      const where = `on ${samples} samples ${TOLD[judging]}`;
      if (target === 'dense outputs')
        return told(nearest(), [...offers.values()], (judged) => judged.error, `${unit} ${where}`);
      const all: Offered[] = [];
      for (const offer of offers.values())
        all.push({ ...offer, judged: { ...offer.judged, loss: offer.judged.loss ?? (await lossOf(offer.model)) } });
      const kept = all.reduce((a, b) => ((b.judged.loss as number) < (a.judged.loss as number) ? b : a));
      return told(kept, all, (judged) => judged.loss as number, `loss by the labels ${where}`);
    },
  };
}

type Offered = Candidate & { readonly judged: Judged };

function told(
  kept: Offered,
  all: readonly Offered[],
  figure: (judged: Judged) => number,
  unit: string,
): { kept: Candidate; why: string } {
  const others = all.filter(({ what }) => what !== kept.what);
  const list = others.map(({ what, judged }) => `${what} ${figure(judged).toPrecision(3)}`);
  const beside = list.length === 0 ? '' : ` (${list.join(', ')})`;
  return { kept, why: `kept: ${kept.what}, ${figure(kept.judged).toPrecision(3)} ${unit}${beside}` };
}

/** Folds that the samples are dealt into, and how many weights are solved for so often; beyond, two have to do. */
const FOLDS = 5;
const MOST_FOLDED = 2 ** 22;

/** What magnitude makes of a run, as the first candidates. */
export async function candidatesOf(
  { model, options: { engine, threads, signal }, layers, budgeted }: Job,
  { last, ...judged }: Pick<BestRequest, 'source' | 'judging'> & { readonly last: Budget },
): Promise<BestSeen> {
  const runs = { ...(threads !== undefined && { threads }), ...(signal && { signal }) };
  const seen = await bestOf({ engine, model, ...judged, ...runs });
  for (const candidate of magnitudeCandidates(model, layers, constraintOf(last, budgeted))) await seen.offer(candidate);
  return seen;
}

/**
 * One more candidate, made from the samples that judge: of each it has the error of what is made from others, or its own where that is
 * larger, since what is made from all of them may have come out worse than what is made from most.
 */
export async function offerFitted(
  seen: BestSeen,
  { run, model, what, ...fit }: Candidate & Pick<CrossFit, 'source' | 'make'> & { readonly run: Job },
): Promise<void> {
  const { meter } = seen;
  const size = run.layers.reduce((sum, layer) => sum + layer.size, 0);
  const folds = size > MOST_FOLDED ? 2 : FOLDS;
  const distance = await crossFitted({ ...fit, meter, folds, seed: run.resolved.seed });
  if (distance === null) return;
  const own = (await meter.measure(model)).each;
  const each = distance.each.map((part, i) => larger(part, own[i] as Part));
  seen.enter({ what, model }, distanceOf(each));
}

function larger(a: Part, b: Part): Part {
  return { error: Math.max(a.error, b.error), outputs: Math.max(a.outputs, b.outputs) };
}

/** Weights beyond which only their magnitudes are looked at: the other candidates sort each layer. */
const MOST_SORTED = 2 ** 24;

/**
 * What magnitude makes of a model: over all layers at once, with each layer in units of its mean square, and with the same
 * share of each layer. Each is within the constraint.
 *
 * Cost: p log p.
 */
export function magnitudeCandidates(model: Model, layers: readonly WeightLayer[], constraint: Constraint): Candidate[] {
  const w = readWeightsNarrow(model, layers);
  const candidate = (what: string, support: Uint8Array): Candidate => {
    const kept = w.slice();
    for (let i = 0; i < kept.length; i++) if (support[i] === 0) kept[i] = 0;
    return { what, model: writeWeights(model, layers, kept) };
  };
  const plain = candidate('magnitude', projection(constraint, w));
  if (w.length > MOST_SORTED || layers.length === 1) return [plain];
  const squares = squared(w);
  return [
    plain,
    candidate('magnitude in units of each layer', constraint.support(byLayer(squares, layers, inOwnUnits))),
    candidate('magnitude layer by layer', constraint.support(byLayer(squares, layers, ranks))),
  ];
}

function byLayer(
  importance: Float64Array,
  layers: readonly WeightLayer[],
  change: (part: Float64Array) => Float64Array,
): Float64Array {
  const changed = new Float64Array(importance.length);
  let start = 0;
  for (const { size } of layers) {
    changed.set(change(importance.subarray(start, start + size)), start);
    start += size;
  }
  return changed;
}

function inOwnUnits(squares: Float64Array): Float64Array {
  const mean = squares.reduce((sum, x) => sum + x, 0) / squares.length;
  return mean > 0 ? squares.map((x) => x / mean) : squares;
}

/** The share of the layer that is no larger, 0 for zeros. */
function ranks(squares: Float64Array): Float64Array {
  const order = Uint32Array.from(squares.keys()).sort(
    (a, b) => (squares[a] as number) - (squares[b] as number) || b - a,
  );
  const rank = new Float64Array(squares.length);
  order.forEach((i, r) => {
    rank[i] = (squares[i] as number) > 0 ? (r + 1) / squares.length : 0;
  });
  return rank;
}
