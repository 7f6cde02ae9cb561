import type { Evaluation } from '../evaluate/accuracy.ts';
import { FINETUNE_DEFAULTS } from '../finetune/finetune.ts';
import type { Model } from '../ir/model.ts';
import { takesCompute } from '../methods/list.ts';
import type { Shapes } from '../pruning/shapes.ts';
import type { FlipDetails } from '../report/details.ts';
import { makeReport } from '../report/make-report.ts';
import type { Report } from '../report/report.ts';
import { GRADUAL_DEFAULTS } from './gradual.ts';
import type { Recipe } from './recipe.ts';
import { reportFacts, type Surroundings } from './report-facts.ts';
import type { Finished, StepFacts } from './run.ts';
import type { PruneFacts } from './transforms/prune.ts';
import { trainingOf } from './transforms/training.ts';

/** What a report of a run says besides what the run found out. */
export interface RunReportFacts {
  readonly recipe: Recipe;
  /** Whether the recipe says everything: false where code took part. */
  readonly repeatable: boolean;
  /** Null where the model does not run. */
  readonly shapes: Shapes | null;
  readonly flips: FlipDetails | null;
}

/** The pruning of a run, with how good the model was after it; null for a run without. */
export function pruningOf({ steps }: Finished): (PruneFacts & Pick<StepFacts, 'evaluation'>) | null {
  return steps.find((step) => step.do === 'prune') ?? null;
}

/** A run that prunes. */
export interface PrunedRun extends Finished {
  readonly pruning: NonNullable<ReturnType<typeof pruningOf>>;
}

/** How good the model of a run is as it was written. */
export function lastEvaluation({ before, steps }: Finished): Evaluation | null {
  return steps.at(-1)?.evaluation ?? before;
}

/** The report of a run that prunes. Pure. */
export function runReport(
  model: Model,
  finished: PrunedRun,
  { recipe, repeatable, shapes, flips }: RunReportFacts,
  surroundings: Omit<Surroundings, 'recalibrated'>,
): Report {
  const { result, step, tuned, found, stageAccuracies, evaluation } = finished.pruning;
  const facts = reportFacts(
    {
      model,
      final: finished.model,
      choice: { layers: step.layers ?? [], exclude: step.exclude ?? [] },
      result,
      before: finished.before,
      after: evaluation,
      shapes,
      stageAccuracies,
      flips,
    },
    { ...surroundings, recalibrated: recalibratedOf(finished) },
  );
  const trials = tuned && { heldOut: tuned.heldOut, trials: tuned.trials.map((trial) => ({ ...trial })) };
  const search = found && {
    maxDrop: step.budget.maxDrop as number,
    heldOut: found.heldOut,
    dense: found.dense,
    trials: found.trials.map((trial) => ({ ...trial })),
  };
  const options = {
    ...facts.asked.options,
    ...settingsOf(recipe),
    ...(trials && { tuned: trials }),
    ...(search && { search }),
    ...(result.epochs && { training: trainingFacts(step.gradual, result.epochs) }),
  };
  return makeReport({
    ...facts,
    asked: { ...facts.asked, options },
    finetuned: finetunedOf(finished),
    dependsOn: dependenciesOf(finished),
    recipe: repeatable ? (JSON.parse(JSON.stringify(recipe)) as Report['recipe']) : null,
  });
}

/** Trainings run products whose order of sums the runtime chooses by its threads; all else is the same with any number of them. */
function dependenciesOf({ pruning: { step, prepared }, steps }: PrunedRun): Report['dependsOn'] {
  const byClock = typeof step.options.minutes === 'number';
  const trains =
    takesCompute(prepared.method) || step.gradual !== undefined || steps.some((one) => one.do === 'finetune');
  return [...(trains ? (['threads'] as const) : []), ...(byClock ? (['clock'] as const) : [])];
}

function recalibratedOf({ steps }: Finished): Report['recalibrated'] {
  const last = steps.findLast((step) => step.do === 'recalibrate');
  return last === undefined
    ? null
    : { accuracy: last.evaluation?.accuracy ?? null, loss: last.evaluation?.loss ?? null, rows: last.rows };
}

function finetunedOf({ steps }: Finished): Report['finetuned'] {
  const last = steps.findLast((step) => step.do === 'finetune');
  return last === undefined
    ? null
    : {
        accuracy: last.evaluation?.accuracy ?? null,
        loss: last.evaluation?.loss ?? null,
        epochs: last.trained.epochs.length,
      };
}

/** What the recipe says of its rows, and whether it recalibrates, as the report lists options. */
function settingsOf({ preprocess, augment, steps }: Recipe): Record<string, string | number | boolean> {
  const all = {
    recalibrate: steps.some((step) => step.do === 'recalibrate'),
    ...preprocess,
    augmentCrop: augment?.crop,
    augmentFlip: augment?.flip,
  };
  return Object.fromEntries(
    Object.entries(all).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(',') : value]],
    ),
  );
}

function trainingFacts(
  gradual: PruneFacts['step']['gradual'] = {},
  epochs: NonNullable<PruneFacts['result']['epochs']>,
): Report['asked']['options'] {
  const { epochs: _, batch = FINETUNE_DEFAULTS.batch, ...settings } = trainingOf(gradual);
  const { prunings = GRADUAL_DEFAULTS.prunings, between = null, distill } = gradual;
  return {
    prunings,
    between,
    batch,
    distill: distill?.share ?? null,
    temperature: distill?.temperature ?? null,
    ...settings,
    epochs: epochs.map((epoch) => ({ ...epoch })),
  };
}
