import { readWeights, writeWeights } from '../apply/weights.ts';
import { constraintOf } from '../budget/constraint-of.ts';
import { countNonzeros } from '../constraints/constraint.ts';
import { type GradientRows, scaleColumns, usingRows } from '../curvature/gradient-rows.ts';
import { layerSensitivity } from '../curvature/layer-sensitivity.ts';
import { linalg } from '../engine/linalg.ts';
import { DataError } from '../errors/errors.ts';
import type { Model } from '../ir/model.ts';
import { type QuadraticProblem, quadratic } from '../problem/quadratic.ts';
import type { OnProgress } from '../progress/progress.ts';
import { drive } from '../solvers/drive.ts';
import { magnitude } from '../solvers/magnitude/magnitude.ts';
import type { AnySolver } from '../solvers/solver.ts';
import { random } from '../tensor/random.ts';
import { rowsOf } from './gradients.ts';
import { type Job, withoutData } from './job.ts';
import { lossOn, searchAlong } from './line-search.ts';
import { spreadUnits } from './scaling.ts';
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
  { t, budget, scale, onProgress }: StagePlace & { readonly onProgress: OnProgress },
): Promise<{ model: Model; stage: StageResult }> {
  const { options, resolved, layers } = run;
  const constraint = constraintOf(budget, run.budgeted);
  const solving = performance.now();
  const algebra = linalg(options.engine, options.threads);
  const scaled = resolved.scaling !== 'none';
  const units = scaled ? spreadUnits(run.units, layers) : new Float64Array();
  const wBar = scaled ? w.map((x, i) => x / (units[i] as number)) : w;
  const problem = quadratic(
    scaled ? scaleColumns(rows, units) : rows,
    wBar,
    { lambda: resolved.lambda, firstOrder: resolved.firstOrder },
    algebra,
  );
  const start = gradients ? (await drive(magnitude(), problem, constraint)).value : null;
  const solution = await drive(solver, problem, constraint, {
    onProgress,
    ...(options.signal && { signal: options.signal }),
  });
  options.signal?.throwIfAborted();
  const unscaled = (v: Float64Array): Float64Array =>
    scaled ? v.map((x, i) => Math.fround(x * (units[i] as number))) : v;
  const from = resolved.lineSearch > 0 && problem.a !== 0 ? await withoutFirstOrder(problem, solution.support) : null;
  const found =
    from === null
      ? { w: unscaled(solution.w), scale: null }
      : await searchAlong({ from: unscaled(from), to: unscaled(solution.w) }, scale || 1, trueLoss(run, model, t));
  const stage: StageResult = {
    budget,
    scale: found.scale,
    kept: countNonzeros(found.w),
    lossBefore: rows.meanLoss,
    start,
    value: gradients ? solution.value : null,
    status: solution.status,
    message: solution.message,
    sensitivity: gradients ? await layerSensitivity(rows, w, resolved.batch) : null,
    seconds: { gradients: took, solve: (performance.now() - solving) / 1000 },
  };
  return { model: writeWeights(model, layers, found.w), stage };
}

/** The best weights on the same support, had the quadratic model no first-order term. */
async function withoutFirstOrder(problem: QuadraticProblem, support: Uint8Array): Promise<Float64Array | null> {
  const { rows, wBar, lambda, linalg: algebra } = problem;
  const without = quadratic(rows, wBar, { lambda, firstOrder: 0 }, algebra);
  return (await without.solveOn(support))?.w ?? null;
}

/** The true loss of other weights, with the batch statistics that the stage would end with. */
function trueLoss(
  { options, resolved, layers, recalibrators }: Staged<FisherOption>,
  model: Model,
  t: number,
): (w: Float64Array) => Promise<number> {
  const { engine, source } = options;
  if (source === undefined || !(source.labelled || source.hasTargets))
    throw new DataError('Cannot search along the true loss: wanted data with labels or targets', {
      remedies: [{ option: 'data' }, { option: 'lineSearch', value: '0' }],
    });
  const { output, threads } = options;
  const loss = lossOn(
    {
      engine,
      source,
      samples: resolved.lineSearch,
      ...(output !== undefined && { output }),
      ...(threads !== undefined && { threads }),
    },
    random(resolved.seed).fork(`line search ${t}`),
  );
  return async (w) => {
    const written = writeWeights(model, layers, w);
    return loss(recalibrators === null ? written : await recalibrators.trial(written));
  };
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
