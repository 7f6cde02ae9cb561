import { hasConstants } from '../apply/batch-statistics.ts';
import type { Budget } from '../budget/budget.ts';
import type { FeedSource } from '../data/feeds.ts';
import { statisticsInputs } from '../graph/operators/table.ts';
import type { Model } from '../ir/model.ts';
import type { MethodOption, MethodOptions, SettledOptions } from '../pruning/method-options.ts';
import type { Schedule } from '../schedule/stages.ts';
import { defaultOf, type Method } from './method.ts';

/** Fewer samples than this tell neither a true loss nor batch statistics. */
const ENOUGH_SAMPLES = 100;
/** Samples of a line search where it is left to the data: at most, and of all that there are. */
const SEARCHED_SAMPLES = 4000;
const SEARCHED_SHARE = 1 / 2;
/** The ridge of one-stage methods. */
const USUAL_RIDGE = 1e-3;
/** From this sparsity on stages gather near the target. */
const HIGH_SPARSITY = 0.9;

/** Settings that a method may leave to the data, the model and the budget. */
type Strong = Partial<Pick<SettledOptions, 'lambda' | 'lineSearch' | 'recalibrateStages' | 'schedule'>>;

/** What settings are settled by. */
export interface StrongFacts {
  readonly budget: Budget;
  /** Absent where it is not known: then nothing is measured between stages. */
  readonly model?: Model;
  readonly source?: FeedSource | undefined;
  /** Whether the gradients are of the loss by the answers of the data: neither labels drawn from the model nor random directions. */
  readonly byAnswers?: boolean;
  /** Samples that are held out of the data. */
  readonly holding?: number;
  /** Samples that the gradients of a stage take. */
  readonly drawn?: number;
  /** All weights that are pruned; absent = not known. */
  readonly weights?: number;
}

/** What is given of an option, else what the method was published with where that is asked for, else its default. */
export function settingOf(method: Method, options: MethodOptions, name: MethodOption): unknown {
  return options[name] ?? (options.asPublished ? method.published[name] : undefined) ?? defaultOf(method, name);
}

/**
 * What is left `auto` of a method's settings, settled; nothing where nothing is.
 *
 *   lambda             a number where there are no answers, or too few samples beside those of the gradients; else it stays for each stage to choose
 *   lineSearch         half of the samples, at most 4,000, where the first-order term is on and the data has answers; else 0
 *   recalibrateStages  where the model has running statistics and the data shows them
 *   schedule           `exp` above a sparsity of 0.9, else `poly`
 */
export function strongSettings(method: Method, options: MethodOptions, facts: StrongFacts): Strong {
  const isLeft = (name: MethodOption): boolean => settingOf(method, options, name) === 'auto';
  const firstOrder = settingOf(method, options, 'firstOrder');
  return {
    ...(isLeft('lambda') && facts.model !== undefined && !canJudge(facts) && { lambda: fixedRidge(method) }),
    ...(isLeft('lineSearch') && { lineSearch: firstOrder === 0 ? 0 : searchedSamples(facts) }),
    ...(isLeft('recalibrateStages') && { recalibrateStages: canRecalibrate(facts) }),
    ...(isLeft('schedule') && { schedule: scheduleFor(facts) }),
  };
}

/** The ridge where none can be chosen: that of the paper. */
function fixedRidge(method: Method): number {
  const usual = method.published.lambda ?? defaultOf(method, 'lambda');
  return typeof usual === 'number' ? usual : USUAL_RIDGE;
}

/** Whether ridges can be told apart by the true loss of samples that the gradients do not see. */
function canJudge(facts: StrongFacts): boolean {
  return answered(facts) - (facts.drawn ?? 0) >= ENOUGH_SAMPLES;
}

function searchedSamples(facts: StrongFacts): number {
  const count = answered(facts);
  return count >= ENOUGH_SAMPLES ? Math.min(SEARCHED_SAMPLES, Math.floor(SEARCHED_SHARE * count)) : 0;
}

/** Samples that tell the true loss. */
function answered({ source, byAnswers = false, holding = 0 }: StrongFacts): number {
  if (source === undefined || !byAnswers || !(source.labelled || source.hasTargets)) return 0;
  return isReal(source) ? source.count - holding : 0;
}

function canRecalibrate({ model, source }: StrongFacts): boolean {
  return model !== undefined && source !== undefined && isReal(source) && source.count >= ENOUGH_SAMPLES
    ? hasRunningStatistics(model)
    : false;
}

function isReal({ isMadeUp }: FeedSource): boolean {
  return isMadeUp !== true;
}

/** Whether a BatchNormalization has a mean and a variance that are stored. */
function hasRunningStatistics(model: Model): boolean {
  return model.graph.nodes.some((node) => {
    const statistics = statisticsInputs(node).map((i) => node.inputs[i] ?? '');
    return statistics.length > 0 && hasConstants(model, statistics);
  });
}

/** Near the target most stages where it is high; a budget of MACs alone says nothing of a sparsity. */
function scheduleFor({ budget: { sparsity = 0, params }, weights }: StrongFacts): Schedule {
  const share = params === undefined || weights === undefined ? sparsity : Math.max(sparsity, 1 - params / weights);
  return share > HIGH_SPARSITY ? 'exp' : 'poly';
}
