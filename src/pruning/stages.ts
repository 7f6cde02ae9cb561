import { readWeightsNarrow } from '../apply/weights.ts';
import type { Budget } from '../budget/budget.ts';
import { freeIdle } from '../engine/kernels/arena.ts';
import type { Model } from '../ir/model.ts';
import { budgetsOf, type Job, type Outcome } from './job.ts';
import type { MethodOption } from './method-options.ts';
import { layerUnits } from './scaling.ts';
import type { StageResult } from './stage-result.ts';
import { type Recalibrators, recalibratorsOf } from './stage-statistics.ts';

/** Options that a run in stages goes by. */
export type StagedOption = 'stages' | 'schedule' | 'baseSparsity' | 'scaling';

/** A job in stages. */
export type Staged<Name extends MethodOption> = Job<Name> & {
  /** In which weights are compared, by layer (see layerUnits). */
  readonly units: readonly number[];
  /** Null where statistics are not re-estimated between stages. */
  readonly recalibrators: Recalibrators | null;
};

/** Which stage of how many; its budget and that of the next (null for the last), and what the stage before multiplied its first-order part by. */
export interface StagePlace {
  readonly t: number;
  readonly of: number;
  readonly budget: Budget;
  readonly next: Budget | null;
  readonly scale: number;
}

/** One stage: what it makes of the model of the moment. */
export type Stage<Name extends MethodOption> = (
  job: Staged<Name>,
  model: Model,
  place: StagePlace,
) => Promise<{ readonly model: Model; readonly stage: StageResult }>;

/** Prunes in stages to budgets that close in, each from the model that the stage before it made. */
export async function inStages<Name extends MethodOption>(
  job: NoInfer<Job<Name | StagedOption>> & { readonly resolved: { readonly recalibrateStages?: boolean } },
  stage: Stage<Name>,
): Promise<Outcome> {
  const { model, options, resolved } = job;
  const budgets = budgetsOf(job);
  const recalibrators = resolved.recalibrateStages ? recalibratorsOf(model, { ...options, seed: resolved.seed }) : null;
  const staged = { ...job, units: unitsOf(job), recalibrators };
  const stages: StageResult[] = [];
  let current = model;
  try {
    for (const [t, budget] of budgets.entries()) {
      options.signal?.throwIfAborted();
      const place = { t, of: budgets.length, budget, next: budgets[t + 1] ?? null, scale: stages.at(-1)?.scale ?? 1 };
      const pruned = await stage(staged, current, place);
      stages.push(pruned.stage);
      current = recalibrators === null ? pruned.model : await recalibrators.stage(pruned.model);
      await options.onStage?.(pruned.stage, current);
    }
  } finally {
    freeIdle(); // a stage leaves the memory of its rows to the next
  }
  return { model: current, stages, blocked: [] };
}

function unitsOf({ resolved: { scaling }, layers, budgeted, model }: Job<'scaling'>): number[] {
  const w = scaling === 'none' ? new Float32Array() : readWeightsNarrow(model, layers);
  const macs = budgeted.map(({ macsPerWeight }) => macsPerWeight);
  return layerUnits(scaling, layers, w, macs);
}
