import { readWeights, writeWeights } from '../apply/weights.ts';
import { constraintOf } from '../budget/constraint-of.ts';
import { countNonzeros } from '../constraints/constraint.ts';
import { type GradientRows, usingRows } from '../curvature/gradient-rows.ts';
import { layerSensitivity } from '../curvature/layer-sensitivity.ts';
import { linalg } from '../engine/linalg.ts';
import type { Model } from '../ir/model.ts';
import type { OnProgress } from '../progress/progress.ts';
import type { AnySolver } from '../solvers/solver.ts';
import { random } from '../tensor/random.ts';
import { rowsOf } from './gradients.ts';
import { type Job, withoutData } from './job.ts';
import { leastLossAhead, RIDGES, type RidgeSetting, solveWith } from './ridge.ts';
import { spreadUnits } from './scaling.ts';
import { lossesOf } from './stage-losses.ts';
import type { StageResult } from './stage-result.ts';
import type { Stage, Staged, StagedOption, StagePlace } from './stages.ts';

/** Options that a stage on gradient rows goes by. */
export type FisherOption =
  | StagedOption
  | 'samples'
  | 'batch'
  | 'lambda'
  | 'firstOrder'
  | 'lineSearch'
  | 'recalibrateStages';

/**
 * A stage on gradient rows: those of the present model, the quadratic model of its loss, the solver's answer, and the search along
 * its first-order part where one was asked for.
 *
 * @param solver     makes the solver of a stage
 * @param gradients  false for a solver that looks at the weights alone
 */
export function pruneStage(solver: () => AnySolver, gradients = true): Stage<FisherOption> {
  return async (job, model, place) => {
    const { options } = job;
    const onProgress = prefixed(options.onProgress, place.of > 1 ? `stage ${place.t + 1} of ${place.of}: ` : '');
    const started = performance.now();
    const w = readWeights(model, job.layers);
    const rows = gradients ? await stageRows(job, model, { t: place.t, onProgress }) : emptyRows(w.length);
    const took = (performance.now() - started) / 1000;
    const own = rows === options.rows ? undefined : rows;
    const start = { model, w, rows, took, solver: solver(), gradients };
    return usingRows(own, () => solveStage(job, start, { ...place, onProgress }));
  };
}

/** What a stage starts from: the model, its weights and their rows, which took so many seconds, and what solves for them. */
interface StageStart {
  readonly model: Model;
  readonly w: Float64Array;
  readonly rows: GradientRows;
  readonly took: number;
  readonly solver: AnySolver;
  readonly gradients: boolean;
}

async function solveStage(
  run: Staged<FisherOption>,
  { model, w, rows, took, solver, gradients }: StageStart,
  { t, budget, next, scale, onProgress }: StagePlace & { readonly onProgress: OnProgress },
): Promise<{ model: Model; stage: StageResult }> {
  const { options, resolved, layers } = run;
  const solving = performance.now();
  const losses = lossesOf(run, model, { t, drawn: rows.n * resolved.batch });
  const setting: RidgeSetting = {
    rows,
    w,
    units: resolved.scaling === 'none' ? null : spreadUnits(run.units, layers),
    firstOrder: resolved.firstOrder,
    constraint: constraintOf(budget, run.budgeted),
    next: next && constraintOf(next, run.budgeted),
    scale,
    solver,
    algebra: linalg(options.engine, options.threads),
    onProgress,
    ...(resolved.lineSearch > 0 && { searched: losses.searched }),
    ...(options.signal && { signal: options.signal }),
  };
  const found =
    resolved.lambda === 'auto'
      ? await leastLossAhead(setting, resolved.stages > 1 ? RIDGES.staged : RIDGES.once, losses.spared)
      : await solveWith(setting, resolved.lambda);
  const { solution } = found;
  const stage: StageResult = {
    budget,
    scale: found.scale,
    ...(resolved.lambda === 'auto' && { lambda: found.lambda }),
    kept: countNonzeros(found.w),
    lossBefore: rows.meanLoss,
    start: gradients ? found.start : null,
    value: gradients ? solution.value : null,
    status: solution.status,
    message: solution.message,
    sensitivity: gradients ? await layerSensitivity(rows, w, resolved.batch) : null,
    seconds: { gradients: took, solve: (performance.now() - solving) / 1000 },
  };
  return { model: writeWeights(model, layers, found.w), stage };
}

/** The gradient rows of a stage, or those that the caller has of the first. @throws DataError without data */
export async function stageRows(
  { options, resolved, layers }: Pick<Job<'samples' | 'batch'>, 'options' | 'resolved' | 'layers'>,
  model: Model,
  { t, onProgress }: { t: number; onProgress?: OnProgress | undefined },
): Promise<GradientRows> {
  if (t === 0 && options.rows !== undefined) return options.rows;
  if (options.source === undefined) throw withoutData(resolved.method);
  return rowsOf(
    {
      ...resolved,
      engine: options.engine,
      model,
      layers,
      source: options.source,
      rng: random(resolved.seed).fork(`stage ${t}`),
      ...(options.threads === undefined ? {} : { threads: options.threads }),
      ...(options.output !== undefined && { output: options.output }),
      ...(options.store && { store: options.store }),
      ...(options.factored && { factored: options.factored }),
    },
    { ...(onProgress && { onProgress }), ...(options.signal && { signal: options.signal }) },
  );
}

/** No rows at all, for methods that look at weights only. */
function emptyRows(p: number): GradientRows {
  return { n: 0, p, panels: [], meanLoss: null };
}

function prefixed(onProgress: OnProgress | undefined, prefix: string): OnProgress {
  return (progress) => onProgress?.({ ...progress, step: prefix + progress.step });
}
