import type { FeedSource } from '../data/feeds.ts';
import type { Engine } from '../engine/engine.ts';
import { DataError } from '../errors/errors.ts';
import { evaluate } from '../evaluate/accuracy.ts';
import { type FinetuneOptions, finetune, type SupportsAt } from '../finetune/finetune.ts';
import type { Model } from '../ir/model.ts';
import { type Recall, recallNumber } from '../progress/recall.ts';
import { holdOut } from './held-out.ts';

/** What a training goes by. */
export type Target = 'dense outputs' | 'labels';

/** A loss to train by. */
export interface Objective {
  readonly target: Target;
  /** The training without its optimiser, rate, steps and supports. */
  readonly training: FinetuneOptions;
  /** Unit of the loss: the rates of gradient descent are divided by it. */
  readonly unit: number;
}

/** How the steps are taken. */
export type Way = Required<Pick<FinetuneOptions, 'optimizer' | 'rate' | 'momentum' | 'nesterov'>>;

/** Samples that tell which of two trainings is the better one, and the others. */
export interface Judge {
  readonly rest: FeedSource;
  readonly count: number;
  /** Share of the samples that a model of logits gets right. */
  readonly accuracy: (model: Model) => Promise<number>;
}

/** What {@link chooseTraining} chooses between. */
export interface Choice {
  readonly student: Model;
  /** Steps of the whole run, trials included. */
  readonly steps: number;
  /** The dense model's outputs, and labels behind them. */
  readonly objectives: readonly Objective[];
  /** Needed where there are two objectives. */
  readonly judge: Judge | null;
  /** Whether it starts within the budget, from the best that is known: high rates would only lose that. */
  readonly startsWithin: boolean;
  /** The supports of a training of so many steps. */
  readonly supportsOf: (steps: number) => SupportsAt;
  /** Of what the trials came to. */
  readonly recall: Recall;
}

/** Share of the steps that one trial takes, and by which each of two targets is judged. */
const TRIAL = 0.03;
const DUEL = 0.1;
/** Steps of a trial at least, and at most. */
const LEAST_TRIAL = 12;
const MOST_TRIAL = 100;
/** Of a training that starts within the budget: steps of a trial, and how many of the highest rates are left out. */
const WITHIN = { trial: 5, skipped: 2 } as const;
/** Rates that are tried, in this order. */
const SGD_RATES: Readonly<Record<Target, readonly number[]>> = {
  'dense outputs': [0.35, 0.1, 0.03, 0.01, 3e-3, 1e-3, 3e-4, 1e-4],
  labels: [0.1, 0.03, 0.01, 3e-3, 1e-3, 3e-4],
};
const ADAM_RATES = [3e-3, 1e-3, 3e-4, 1e-4, 3e-5];
/** Where the steps do for no trial: a rate that few models do not bear. */
const UNTRIED = { sgd: 3, adam: 2 } as const;
/** A loss above this, in units of the objective, is of a rate that the model does not bear. */
const UNBORNE = 2;
const MOMENTUM = 0.9;
/** Labelled samples that are set aside where labels may be the better target: so many at most, and no fewer. */
const JUDGES = 2000;
const LEAST_JUDGES = 500;
/** Standard errors by which labels may be behind: who imitates the dense model cannot pass it, however long. */
const BEHIND = 2;
/** A dense model that is right on this share of them has learnt what the labels say. */
const LEARNT = 0.98;

/** Null where the dense model's outputs are the better target, or it could not be told: no labels, or too few. */
export async function judgeOf({
  engine,
  model,
  source,
  seed,
  threads,
}: {
  readonly engine: Engine;
  readonly model: Model;
  readonly source: FeedSource;
  readonly seed: number;
  readonly threads?: number;
}): Promise<Judge | null> {
  if (!source.labelled || source.count < 5 * LEAST_JUDGES) return null;
  const { rest, heldOut } = holdOut(source, JUDGES, { seed, what: 'compare targets' });
  const options = threads === undefined ? {} : { threads };
  const { accuracy } = await evaluate(engine, model, heldOut, options);
  if (accuracy === null || accuracy >= LEARNT) return null;
  const accuracyOf = async (trained: Model): Promise<number> =>
    (await evaluate(engine, trained, heldOut, options)).accuracy ?? 0;
  return { rest, count: heldOut.count, accuracy: accuracyOf };
}

/**
 * The objective, the optimiser and its learning rate, by short trainings to the whole budget that are thrown away: of
 * each optimiser the first rate that does better than the next lower one, the optimiser of the lower loss, and the
 * objective that classifies more of the judge's samples right, labels where they are about even. Too high a rate shows within a few steps, and how high is
 * too high differs by a factor of ten between models with and without normalisation.
 *
 * Cost: at most half of the steps.
 */
export async function chooseTraining(choice: Choice): Promise<{ objective: Objective; way: Way; spent: number }> {
  const { objectives, steps, judge } = choice;
  const duel = judge === null ? 0 : Math.round(DUEL * steps);
  const optimizers = attends(choice.student) ? (['adam', 'sgd'] as const) : (['sgd'] as const);
  const most = (Math.floor(steps / (2 * objectives.length)) - duel) / optimizers.length;
  const found: { objective: Objective; way: Way; spent: number; accuracy: number }[] = [];
  for (const objective of objectives) {
    const own = judge === null ? objective : { ...objective, training: { ...objective.training, source: judge.rest } };
    let best: Tried | null = null;
    let spent = duel;
    for (const optimizer of optimizers) {
      const tried: Tried = await findRate(choice, own, { optimizer, most });
      spent += tried.spent;
      if (best === null || tried.loss < best.loss) best = tried;
    }
    const { way } = best as Tried;
    const accuracy = await recallNumber(choice.recall, `duel ${objective.target}`, async () => {
      const judged = judge === null || duel === 0 ? null : await trial(choice, own, way, duel);
      return judged === null ? 0 : (judge as Judge).accuracy(judged.model);
    });
    found.push({ objective, way, spent, accuracy });
  }
  const slack = (accuracy: number): number =>
    judge === null ? 0 : BEHIND * Math.sqrt((accuracy * (1 - accuracy)) / judge.count);
  const { objective, way } = found.reduce((a, b) => (b.accuracy > a.accuracy - slack(a.accuracy) ? b : a));
  return { objective, way, spent: found.reduce((sum, one) => sum + one.spent, 0) };
}

/** Models with attention, whose layers get gradients of very different sizes; for the others Adam is ahead in short trials only. */
function attends({ graph }: Model): boolean {
  const shares = new Set(graph.nodes.flatMap(({ op, outputs }) => (op === 'Softmax' ? outputs : [])));
  return graph.nodes.some(({ op, inputs }) => op === 'MatMul' && inputs.some((name) => shares.has(name)));
}

interface Tried {
  readonly way: Way;
  readonly loss: number;
  readonly spent: number;
}

/** @param most  steps that may be spent */
async function findRate(
  choice: Choice,
  objective: Objective,
  { optimizer, most }: { optimizer: 'sgd' | 'adam'; most: number },
): Promise<Tried> {
  const least = choice.startsWithin ? WITHIN.trial : LEAST_TRIAL;
  const each = Math.min(MOST_TRIAL, Math.max(least, Math.round(TRIAL * choice.steps)));
  const rates = optimizer === 'adam' ? ADAM_RATES : SGD_RATES[objective.target].map((rate) => rate / objective.unit);
  let spent = 0;
  const wayAt = (rate: number): Way => ({ optimizer, rate, momentum: MOMENTUM, nesterov: optimizer === 'sgd' });
  let best = { rate: rates[UNTRIED[optimizer]] as number, loss: Number.POSITIVE_INFINITY };
  for (const rate of choice.startsWithin && optimizer === 'sgd' ? rates.slice(WITHIN.skipped) : rates) {
    if (spent + each > most) {
      // no steps for more trials, and none went well: a rate below those
      if (best.loss > UNBORNE * objective.unit && spent > 0) best = { ...best, rate };
      break;
    }
    const loss = await recallNumber(
      choice.recall,
      `trial ${objective.target} ${optimizer} ${rate}`,
      async () => (await trial(choice, objective, wayAt(rate), each))?.loss ?? Number.POSITIVE_INFINITY,
    );
    spent += each;
    if (loss > best.loss) break;
    best = { rate, loss };
  }
  return { way: wayAt(best.rate), loss: best.loss, spent };
}

/** A training to the whole budget within a few steps; null where it comes to nothing. */
async function trial(
  { student, supportsOf }: Choice,
  { training }: Objective,
  way: Way,
  steps: number,
): Promise<{ loss: number; model: Model } | null> {
  try {
    const { epochs, model } = await finetune(student, { ...training, ...way, steps, supports: supportsOf(steps) });
    return { loss: (epochs.at(-1) as (typeof epochs)[number]).loss, model };
  } catch (thrown) {
    if (thrown instanceof DataError) return null;
    throw thrown;
  }
}
