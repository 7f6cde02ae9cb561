import { countKept, viewWeights } from '../apply/weights.ts';
import { KERNEL_ORDER_DEFAULT } from '../budget/pattern.ts';
import type { Evaluation } from '../evaluate/accuracy.ts';
import type { Captured } from '../graph/captured.ts';
import { findWeights } from '../graph/weights.ts';
import type { Model } from '../ir/model.ts';
import type { PruneResult } from '../methods/prune.ts';
import type { LayerChoice } from '../pruning/layers.ts';
import type { StageResult } from '../pruning/stage-result.ts';
import type { Details, FlipDetails } from '../report/details.ts';
import type { LayerFacts, ReportFacts } from '../report/make-report.ts';
import type { StageReport } from '../report/report.ts';
import { sizeOf } from '../tensor/tensor.ts';
import { graphDetails } from './details/graph-details.ts';
import { weightDetails } from './details/weight-details.ts';
import { type PatternFacts, patternFacts, patternWarnings } from './pattern-facts.ts';

/** Layers that a warning names one by one. */
const MOST_NAMED = 8;

/** What the report says of a run's surroundings: files, machine, times. */
export type Surroundings = Pick<
  ReportFacts,
  | 'tool'
  | 'runtime'
  | 'platform'
  | 'command'
  | 'model'
  | 'output'
  | 'data'
  | 'eval'
  | 'recalibrated'
  | 'bytes'
  | 'latency'
  | 'gradientRows'
  | 'seconds'
  | 'peakRssMB'
  | 'warnings'
> &
  Partial<Pick<ReportFacts, 'compiled'>>;

/** A run and what was measured of it. */
export interface MeasuredRun {
  /** The model before pruning. */
  readonly model: Model;
  /** The model that is written; default: as it was pruned. */
  readonly final?: Model;
  readonly choice: LayerChoice;
  readonly result: PruneResult;
  /** Null where there was nothing to evaluate on. */
  readonly before: Evaluation | null;
  readonly after: Evaluation | null;
  /** Shapes of the model's values in a run of `batch` samples, for the multiply-accumulates; null where there are none. */
  readonly shapes: { readonly captured: Captured; readonly batch: number } | null;
  /** Accuracy after the last so many stages, in their order; absent = not measured. */
  readonly stageAccuracies?: readonly StageAccuracy[];
  /** Rows whose class changed; absent = not measured. */
  readonly flips?: FlipDetails | null;
}

/** Accuracy on some rows of the evaluation data. */
export interface StageAccuracy {
  readonly accuracy: number | null;
  readonly rows: number;
}

/** Everything that a report needs of a run of `prune`; {@link makeReport} completes it. Pure. */
export function reportFacts(run: MeasuredRun, surroundings: Surroundings): ReportFacts {
  const { result, choice, before, after } = run;
  const { method, budget, seed, ...settings } = result.options;
  const layers = layersOf(run);
  const last = result.stages.at(-1);
  const judged = last?.value ? last : null;
  return {
    ...surroundings,
    seed,
    asked: {
      method,
      sparsity: budget.sparsity ?? null,
      flops: budget.flops ?? null,
      params: budget.params ?? null,
      pattern: budget.pattern ?? null,
      options: {
        ...settings,
        scope: budget.scope,
        ...(budget.pattern !== undefined && { kernels: budget.kernels ?? KERNEL_ORDER_DEFAULT }),
        bounds: (budget.bounds ?? []).map(({ layer, least, most }) => `${layer}:keep=${least}..${most}`),
        layers: [...(choice.layers ?? [])],
        exclude: [...(choice.exclude ?? [])],
      },
    },
    status: judged && { code: judged.status, message: judged.message },
    predicted: judged && {
      objective: { before: judged.start?.objective ?? null, after: judged.value?.objective ?? null },
      lossChange: predictedLossChange(result),
    },
    layers: layers.facts,
    stages: stagesOf(run),
    details: detailsOf(run, layers.facts),
    untouched: result.chosen.untouched.map(({ name, op, dims, reason }) => ({
      name,
      op,
      weights: sizeOf(dims),
      reason,
    })),
    accuracy: { before: before?.accuracy ?? null, after: after?.accuracy ?? null },
    loss: { before: before?.loss ?? null, after: after?.loss ?? null },
    macs: layers.macs,
    warnings: [
      ...surroundings.warnings,
      ...blockedWarnings(result, layers.facts),
      ...patternNotes(result, layers.facts),
      ...stageWarnings(result.stages),
      ...dataWarnings(surroundings),
    ],
  };
}

/**
 * Loss after minus before by the quadratic models of all stages, without the ridge. A row that averages m samples has
 * about 1/m of a sample gradient's second moment, so the model of the loss is m / n times that of the rows.
 */
export function predictedLossChange({ stages, options }: Pick<PruneResult, 'stages' | 'options'>): number | null {
  let change = 0;
  for (const { value } of stages) {
    if (value === null) return null;
    change += ((options.batch ?? 1) * (value.fit + value.firstOrder)) / value.product.length;
  }
  return change;
}

function stagesOf({ result, stageAccuracies = [] }: MeasuredRun): StageReport[] {
  const prunable = result.chosen.layers.reduce((sum, { size }) => sum + size, 0);
  const known = result.stages.length - stageAccuracies.length; // a run that was resumed has judged its last stages alone
  const judged = (t: number): StageAccuracy | undefined => stageAccuracies[t - known];
  return result.stages.map((stage, t) => ({
    sparsity: 1 - stage.kept / prunable,
    ...(stage.lambda !== undefined && { lambda: stage.lambda }),
    loss: stage.lossBefore,
    accuracy: judged(t)?.accuracy ?? null,
    accuracyRows: judged(t)?.rows ?? null,
    objective: { before: stage.start?.objective ?? null, after: stage.value?.objective ?? null },
    predictedLossChange: predictedLossChange({ stages: [stage], options: result.options }),
    seconds: stage.seconds,
  }));
}

function detailsOf(
  { model, result, final = result.model, shapes, flips = null }: MeasuredRun,
  facts: readonly LayerFacts[],
): Details {
  const { layers } = result.chosen;
  return {
    weights: weightDetails(layers, (layer) => [viewWeights(model, layer), viewWeights(final, layer)]),
    graph: graphDetails({
      before: model.graph,
      after: final.graph,
      layers,
      kept: facts.map(({ kept }) => kept),
      captured: shapes?.captured ?? null,
    }),
    flips,
  };
}

/** The budget's pattern in each pruned layer; none without one. */
function patternsOf({
  model,
  result,
  final = result.model,
}: Pick<MeasuredRun, 'model' | 'result' | 'final'>): (PatternFacts | null)[] {
  const { pattern, kernels } = result.options.budget;
  if (pattern === undefined) return [];
  const asked = { pattern, ...(kernels && { kernels }) };
  return result.chosen.layers.map((layer) => patternFacts(final, layer, asked, model));
}

/** The pruned layers, and the multiply-accumulates of all prunable ones: those that were left out stay dense. */
function layersOf({ model, result, final = result.model, shapes }: MeasuredRun): {
  facts: LayerFacts[];
  macs: ReportFacts['macs'];
} {
  const perWeight = new Map(
    findWeights(model, shapes?.captured, shapes?.batch).prunable.map((layer) => [layer.name, layer]),
  );
  const facts: LayerFacts[] = [];
  const counts = countKept(final, result.chosen.layers);
  const patterns = patternsOf({ model, result, final });
  for (const [i, { name, op, dims, size }] of result.chosen.layers.entries()) {
    const kept = counts[i] as number;
    const macs = perWeight.get(name)?.macsPerWeight ?? null;
    const cost = (weights: number): number | null => (macs === null ? null : Math.round(weights * macs));
    const sensitivity = result.stages[0]?.sensitivity?.[facts.length] ?? null;
    const both = { before: cost(size), after: cost(kept) };
    const pattern = patterns[i] ?? null;
    facts.push({ name, op, shape: [...dims], weights: size, kept, macs: both, sensitivity, pattern });
    perWeight.delete(name);
  }
  const rest = [...perWeight.values()].reduce((sum, { size, macsPerWeight }) => sum + size * (macsPerWeight ?? 0), 0);
  const total = (when: 'before' | 'after'): number | null =>
    shapes === null ? null : Math.round(facts.reduce((sum, { macs }) => sum + (macs[when] ?? 0), rest));
  return { facts, macs: { before: total('before'), after: total('after') } };
}

/** Layers that were meant to be pruned and were not, and what that makes of the budget. */
function blockedWarnings({ chosen: { blocked = [] } }: PruneResult, facts: readonly LayerFacts[]): string[] {
  if (blocked.length === 0) return [];
  const left = blocked.reduce((sum, { dims }) => sum + sizeOf(dims), 0);
  const [all, kept] = [facts.reduce((sum, f) => sum + f.weights, 0), facts.reduce((sum, f) => sum + f.kept, 0)];
  const share = ((100 * (all - kept)) / (all + left)).toFixed(1);
  const [first, ...others] = blocked.map(({ name, reason }) => `"${name}" (${reason})`);
  const list = others.length > MOST_NAMED ? [first, `${others.length} more`] : [first, ...others];
  return [
    `Left dense: ${list.join(', ')}; the budget is met by the other layers alone, so that ${share} % of all weights that were to be pruned are zero`,
  ];
}

function patternNotes({ chosen, options }: PruneResult, facts: readonly LayerFacts[]): string[] {
  const { pattern } = options.budget;
  if (pattern === undefined) return [];
  return patternWarnings(
    chosen.layers,
    facts.map((layer) => layer.pattern ?? null),
    pattern,
  );
}

function stageWarnings(stages: readonly StageResult[]): string[] {
  const prefix = (t: number): string => (stages.length > 1 ? `stage ${t + 1} of ${stages.length}: ` : '');
  return stages.flatMap(({ status, message, instead }, t) => [
    ...(status === 'converged' ? [] : [prefix(t) + message]),
    ...(instead === undefined ? [] : [prefix(t) + instead]),
  ]);
}

function dataWarnings({ data, eval: evaluation }: Surroundings): string[] {
  if (data === null || evaluation === null) return [];
  const same = data.sha256 === null ? data.address === evaluation.address : data.sha256 === evaluation.sha256;
  return same
    ? ['Accuracy was measured on the rows that the gradients come from: it says nothing about other data.']
    : [];
}
