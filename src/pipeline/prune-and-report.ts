import type { CompiledFiles } from '../compile/output.ts';
import type { Dataset } from '../data/dataset.ts';
import type { PreprocessOptions } from '../data/preprocess.ts';
import { OptionError } from '../errors/errors.ts';
import type { Evaluation } from '../evaluate/accuracy.ts';
import type { Measure } from '../evaluate/measure.ts';
import type { Model } from '../ir/model.ts';
import type { PruneResult } from '../methods/prune.ts';
import type { PruneOptions } from '../methods/prune-options.ts';
import { givenOptions } from '../pruning/method-options.ts';
import type { Report } from '../report/report.ts';
import { fedBy, type OpenedData, oneByOne } from './opened-data.ts';
import {
  type CompileStep,
  type PruneStep,
  preprocessOf,
  RECIPE_SCHEMA,
  type Recipe,
  stepBudget,
  withoutUndefined,
} from './recipe.ts';
import { type Platform, type RunGiven, runAndReport } from './run-and-report.ts';
import { type Stopwatch, stopwatch } from './run-ports.ts';

/** What a pruning may be asked for besides its data. `budget` has to be given; all else has defaults. */
export interface PruneAsked
  extends Omit<PruneOptions, 'engine' | 'source' | 'rows'>,
    Pick<RunGiven, 'latency' | 'about'> {
  /** Re-estimates batch statistics on `data` after pruning: the model returned is the tuned one, the report says both. */
  readonly recalibrate?: boolean;
  /** Compiles the pruned model too, as it is or as told: `compiled` has its files. */
  readonly compile?: boolean | Omit<CompileStep, 'do'>;
  /**
   * Looks for the smallest model, above the budget, whose accuracy on held-out rows of `data` falls by at most this (0.01 is one point), or
   * another measure, by so much of its own unit.
   */
  readonly maxDrop?: number | { readonly of: Measure; readonly most: number };
}

/** What {@link pruneAndReport} is asked for. `budget` has to be given; gradients need `data`; all else has defaults. */
export interface ReportedPruneOptions extends PruneAsked {
  /** Samples for the gradients. */
  readonly data?: Dataset | undefined;
  /** Samples on which accuracy and loss are measured before and after; without it they are not. */
  readonly evaluation?: Dataset | undefined;
}

/** What {@link pruneAndReport} gives back. */
export interface Pruned {
  readonly model: Model;
  readonly report: Report;
  /** Stage by stage, and the weights themselves. */
  readonly result: PruneResult;
  /** Of the model as it was, and of the one that is returned; null without evaluation data. */
  readonly evaluations: { readonly before: Evaluation | null; readonly after: Evaluation | null };
  /** Files of the compiled model, by name, where that was asked for and can be; else null, and the report says why. */
  readonly compiled: CompiledFiles | null;
}

/** Rows that were opened, and how. */
export interface OpenedRows {
  readonly data?: OpenedData | undefined;
  readonly evaluation?: OpenedData | undefined;
  readonly preprocess?: PreprocessOptions | undefined;
}

/**
 * Prunes a model and reports what that did, on any platform: a recipe of one pruning, and a recalibration where that is asked for.
 *
 * @throws OptionError         for options that cannot be, or layers that are not there
 * @throws UnsupportedOpError  if a layer's gradient cannot be computed; all nodes in the way are listed
 * @throws DataError           if data does not fit the model, or does not suffice
 * Deterministic given `seed`, measured times aside. Cost: that of the pipeline (stages x gradients and solver), one
 * pass over the evaluation data before and one after, and compressing both models for their sizes.
 */
export async function pruneAndReport(
  model: Model,
  { data, evaluation, ...asked }: ReportedPruneOptions,
  platform: Platform,
): Promise<Pruned> {
  const opened = {
    data: data && (await fedBy(model, data, platform.engine)),
    evaluation: evaluation && oneByOne(await fedBy(model, evaluation, platform.engine)),
  };
  return pruneOpened(model, { asked, opened, platform });
}

/** {@link pruneAndReport} of rows that are open. @param watch  adds to the seconds of steps that went before, such as opening the data */
export async function pruneOpened(
  model: Model,
  given: { readonly asked: PruneAsked; readonly opened: OpenedRows; readonly platform: Platform },
  watch: Stopwatch = stopwatch(),
): Promise<Pruned> {
  const { asked, opened, platform } = given;
  if (asked.recalibrate && opened.data === undefined)
    throw new OptionError('Cannot recalibrate without data: give `data`', { remedies: [{ option: 'data' }] });
  const recipe = recipeFrom(asked, opened);
  const { report, steps, ...ran } = await runAndReport(
    model,
    { recipe, given: givenBy(asked, opened), platform },
    watch,
  );
  const pruning = steps.find((step) => step.do === 'prune');
  if (report === null || pruning === undefined) throw new Error('a recipe of a pruning gave none');
  return { ...ran, report, result: pruning.result };
}

/** What options say that no recipe does. */
function givenBy(asked: PruneAsked, { data, evaluation }: OpenedRows): RunGiven {
  const {
    threads,
    onProgress,
    signal,
    openPool,
    solver,
    budget,
    maxDrop,
    onStage,
    store,
    factored,
    augment,
    latency,
    about,
  } = asked;
  return {
    ...withoutUndefined({ threads, onProgress, signal, openPool, augment }),
    pruning: withoutUndefined({
      solver,
      onStage,
      store,
      factored,
      constraint: budget.constraint,
      measure: measureOf(maxDrop),
    }),
    ...{ data, evaluation, latency, about },
    repeatable: solver === undefined && budget.constraint === undefined && isAccuracy(measureOf(maxDrop)),
  };
}

function measureOf(maxDrop: PruneAsked['maxDrop']): Measure | undefined {
  return typeof maxDrop === 'object' ? maxDrop.of : undefined;
}

function isAccuracy(measure: Measure = 'accuracy'): boolean {
  return measure === 'accuracy';
}

/** The recipe that flat options mean. */
function recipeFrom(asked: PruneAsked, { data, evaluation, preprocess = {} }: OpenedRows): Recipe {
  const { budget, method, seed, maxDrop } = asked;
  const most = typeof maxDrop === 'object' ? maxDrop.most : maxDrop;
  const step: PruneStep = withoutUndefined({
    do: 'prune' as const,
    method,
    budget: { ...stepBudget(budget), ...(most !== undefined && { maxDrop: most }) },
    ...stepOptions(asked),
    seed,
  });
  const { augment } = preprocess;
  return {
    schema: RECIPE_SCHEMA,
    ...(data && { data: data.address }),
    ...(evaluation && { eval: evaluation.address }),
    preprocess: preprocessOf(preprocess),
    ...(augment && asked.augment === true && { augment: withoutUndefined(augment) }),
    steps: [
      step,
      ...(asked.recalibrate === true ? [withoutUndefined({ do: 'recalibrate' as const, seed })] : []),
      ...compileSteps(asked),
    ],
  };
}

/** The step that compiles, where it is asked for. */
export function compileSteps({ compile = false }: Pick<PruneAsked, 'compile'>): CompileStep[] {
  if (compile === false) return [];
  return [withoutUndefined({ ...(compile === true ? {} : compile), do: 'compile' as const })];
}

/** Of flat options what a step says besides its method, budget and seed. */
export function stepOptions(
  asked: Omit<PruneAsked, 'budget'>,
): Omit<PruneStep, 'do' | 'method' | 'budget' | 'seed' | 'tune' | 'gradual'> {
  const { layers, exclude, loss, labels, output, blocked } = asked;
  return {
    options: givenOptions(asked) as PruneStep['options'],
    ...withoutUndefined({
      layers: layers && [...layers],
      exclude: exclude && [...exclude],
      loss,
      labels,
      output,
      blocked,
    }),
  };
}
