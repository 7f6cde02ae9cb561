import { type Budget, budget } from '../budget/budget.ts';
import { patternShare } from '../budget/pattern.ts';
import { usingRows } from '../curvature/gradient-rows.ts';
import type { FeedSource } from '../data/feeds.ts';
import { DataError, InfeasibleError, OptionError } from '../errors/errors.ts';
import { type Measure, measured } from '../evaluate/measure.ts';
import type { Model } from '../ir/model.ts';
import { withSolvingMethod } from '../methods/list.ts';
import { prune } from '../methods/prune.ts';
import type { PruneOptions } from '../methods/prune-options.ts';
import { holdOut } from '../pruning/held-out.ts';
import { sharedRows } from './shared-rows.ts';

/** Options of {@link searchMaxDrop}. */
export interface MaxDropOptions {
  /** How much may be lost: of accuracy in (0, 1), 0.01 is one point; else above 0, in the unit of the measure. */
  readonly maxDrop: number;
  /** What may drop; default accuracy. */
  readonly measure?: Measure;
  /** Runs of the search; the sparsity is found to within 2^-(trials - 1). */
  readonly trials?: number;
  /** Samples of the data that are held out: at most this many, and at most a fifth. */
  readonly heldOut?: number;
  /** How a model of the search is made: default {@link prune}, or with training between the prunings. */
  readonly make?: (model: Model, options: PruneOptions) => Promise<{ readonly model: Model }>;
  /** The first runs, where they are known from an interrupted search with the same options. */
  readonly known?: readonly DropTrial[];
  /** Called after each run with all of them so far; the search waits for it. */
  readonly onTrial?: (trials: readonly DropTrial[]) => void | Promise<void>;
}

/** Defaults of {@link searchMaxDrop}. */
export const MAX_DROP_DEFAULTS = { trials: 8, heldOut: 5000 } as const;

/** One run of the search. */
export interface DropTrial {
  readonly sparsity: number;
  /** On the held-out samples; of another measure, its mean. */
  readonly accuracy: number;
  readonly drop: number;
  readonly accepted: boolean;
}

/** What {@link searchMaxDrop} gives back. */
export interface MaxDropFound {
  /** The budget that was asked for, at the highest sparsity accepted. */
  readonly budget: Budget;
  readonly dense: number;
  readonly trials: readonly DropTrial[];
  readonly heldOut: number;
  /** The remaining samples: prune with them to keep the held-out ones unseen. */
  readonly source: FeedSource;
}

/**
 * Looks for the highest sparsity at which the accuracy on held-out samples of the data falls by at most `maxDrop`, by
 * bisection: accuracy is taken to fall as sparsity grows. Other parts of the budget hold in every trial.
 *
 * @throws InfeasibleError  if the other parts alone cost more accuracy than that; its fields tell how much
 * @throws DataError        if the data has no labels, or too few samples
 * Cost: `trials` runs and passes over the held-out samples; one-stage methods share their gradient rows.
 */
export async function searchMaxDrop(
  model: Model,
  asked: Omit<PruneOptions, 'budget'> & { readonly budget: Partial<Budget> },
  { maxDrop, measure = 'accuracy', known = [], onTrial, make, ...search }: MaxDropOptions,
): Promise<MaxDropFound> {
  const options = withSolvingMethod(asked);
  const { trials: count, heldOut } = { ...MAX_DROP_DEFAULTS, ...search };
  const isAccuracy = measure === 'accuracy';
  if (!(maxDrop > 0 && (maxDrop < 1 || !isAccuracy)))
    throw new OptionError(
      `Cannot hold the ${isAccuracy ? 'accuracy' : 'measure'} within ${maxDrop}: wanted ${isAccuracy ? 'a share above 0 and below 1, such as 0.01' : 'a finite number above 0'}`,
    );
  const { source, engine, signal } = options;
  if (source === undefined || (isAccuracy && !source.labelled))
    throw new DataError(
      'Cannot search for the smallest model: wanted data to measure on, with labels for its accuracy',
      {
        remedies: [{ option: 'data' }],
      },
    );
  const parts = holdOut(source, heldOut, { seed: options.seed ?? 1, what: 'search for the smallest model' });
  const judge = (one: Model): Promise<number> =>
    measured(one, measure, { engine, source: parts.heldOut, ...(signal && { signal }) });
  const least = Math.max(options.budget.sparsity ?? 0, patternShare(options.budget.pattern));
  const at = (sparsity: number): Budget => budget({ ...options.budget, sparsity });
  const shared = make ? {} : await sharedRows(model, { ...options, budget: at(least), source: parts.rest });
  const dense = await judge(model);
  const trials: DropTrial[] = [];
  const attempt = async (sparsity: number): Promise<boolean> => {
    const before = known[trials.length];
    if (before !== undefined) {
      trials.push(before);
      return before.accepted;
    }
    const step = `search ${trials.length + 1} of at most ${count}, sparsity ${sparsity.toFixed(4)}: `;
    const onProgress: PruneOptions['onProgress'] = (progress) =>
      options.onProgress?.({ ...progress, step: step + progress.step });
    const { model: pruned } = await (make ?? prune)(model, {
      ...options,
      ...shared,
      source: parts.rest,
      budget: at(sparsity),
      onProgress,
    });
    const accuracy = await judge(pruned);
    const accepted = dense - accuracy <= maxDrop;
    trials.push({ sparsity, accuracy, drop: dense - accuracy, accepted });
    await onTrial?.(trials);
    return accepted;
  };
  let [low, high] = [least, 1];
  const searched = async (): Promise<boolean> => {
    let sure = false;
    while (trials.length < count) {
      const middle = (low + high) / 2;
      if (await attempt(middle)) [low, sure] = [middle, true];
      else high = middle;
    }
    return sure || (await attempt(least));
  };
  if (!(await usingRows('rows' in shared ? shared.rows : undefined, searched))) {
    const { drop } = trials.at(-1) as DropTrial;
    throw new InfeasibleError(
      isAccuracy
        ? `Cannot hold the accuracy within ${(100 * maxDrop).toFixed(2)} points: at sparsity ${least} the method already loses ${(100 * drop).toFixed(2)}; allow more, or loosen the other budgets`
        : `Cannot hold the measure within ${maxDrop}: at sparsity ${least} the method already loses ${drop.toPrecision(3)}; allow more, or loosen the other budgets`,
      { fields: { closest: { sparsity: least, drop } } },
    );
  }
  return { budget: at(low), dense, trials, heldOut: parts.heldOut.count, source: parts.rest };
}
