import { readWeights, writeWeights } from '../apply/weights.ts';
import type { LossName } from '../autodiff/loss.ts';
import { type Budget, type BudgetedLayer, constraintOf, stageBudgets } from '../budget/budget.ts';
import { type GradientRows, scaleColumns } from '../curvature/gradient-rows.ts';
import { layerSensitivity } from '../curvature/layer-sensitivity.ts';
import type { MakeStore } from '../curvature/row-store.ts';
import type { FeedSource } from '../data/feeds.ts';
import type { Engine } from '../engine/engine.ts';
import { freeIdle } from '../engine/kernels/arena.ts';
import { linalg } from '../engine/linalg.ts';
import { DataError, OptionError, UnsupportedOpError } from '../errors/errors.ts';
import type { WeightLayer } from '../graph/weights.ts';
import type { Model } from '../ir/model.ts';
import { backSolve } from '../problem/back-solve.ts';
import { type QuadraticProblem, quadratic, type Value } from '../problem/quadratic.ts';
import type { OnProgress, RunOptions } from '../progress/progress.ts';
import type { Schedule } from '../schedule/stages.ts';
import type { BlockPool } from '../solvers/chita/block-wise.ts';
import { drive, type Solution } from '../solvers/drive.ts';
import { magnitude } from '../solvers/magnitude/magnitude.ts';
import type { AnySolver } from '../solvers/solver.ts';
import { random } from '../tensor/random.ts';
import { type Imitated, pruneByImitation } from './auto.ts';
import { type LabelSource, rowsOf } from './gradients.ts';
import { boundsOf, type ChosenLayers, chooseLayers, type LayerChoice } from './layers.ts';
import { lossOn, searchAlong } from './line-search.ts';
import { entryOf, type Method, type MethodEntry, type ResolvedEntry } from './methods.ts';
import { SCALINGS, type Scaling, unitsOf } from './scaling.ts';
import { macsOf } from './shapes.ts';
import { type Recalibrators, recalibratorsOf } from './stage-statistics.ts';

/** What {@link prune} is asked for; what is left out takes the method's defaults (METHODS) or PRUNE_DEFAULTS. */
export interface PruneOptions extends LayerChoice, RunOptions {
  readonly engine: Engine;
  readonly budget: Budget;
  /** Default: auto; chita without data, or where an option is given that only methods like it have. */
  readonly method?: Method;
  /** A solver in the method's place; its settings default to those of the method of its name, else to chita's. */
  readonly solver?: AnySolver;
  /** Samples for the gradients; not needed by magnitude. */
  readonly source?: FeedSource;
  readonly loss?: LossName;
  readonly labels?: LabelSource;
  /** Gradient rows n. */
  readonly samples?: number;
  /** Samples averaged into one row, m. */
  readonly batch?: number;
  /** Ridge, in units of A'A/n. */
  readonly lambda?: number;
  /** Scale of the first-order term; `auto` = 1/m. */
  readonly firstOrder?: number | 'auto';
  readonly stages?: number;
  readonly schedule?: Schedule;
  /**
   * Samples on whose true loss each stage's first-order part is scaled: the quadratic model knows its direction better
   * than its length. 0 = none.
   */
  readonly lineSearch?: number;
  /** Re-estimates batch statistics after each stage. */
  readonly recalibrateStages?: boolean;
  /** Share of the weights, and of the MACs, that is removed where the stages start. */
  readonly baseSparsity?: number;
  /** Units in which weights are compared and the ridge measures change. */
  readonly scaling?: Scaling;
  /** What becomes of layers whose gradient cannot be computed: the run is refused, or goes on without them. */
  readonly blocked?: 'refuse' | 'skip';
  readonly block?: number;
  readonly swaps?: number;
  /** Compute budget of methods that train: sample gradients in all, in the place of `samples`. */
  readonly gradients?: number;
  /** The same in minutes of this machine. */
  readonly minutes?: number;
  readonly seed?: number;
  /** Draws augmented samples for the gradients, as the data set was opened to. */
  readonly augment?: boolean;
  readonly threads?: number;
  /** Where gradient rows are kept; default in memory (see planRows). */
  readonly store?: MakeStore;
  /** Names of layers whose rows that store takes as factors. */
  readonly factored?: ReadonlySet<string>;
  /** Opens worker threads for block-wise methods; default: blocks are solved one by one. */
  readonly openPool?: (() => BlockPool) | undefined;
  /** Gradient rows of the unpruned model that were computed before (see sweep): used for the first stage. */
  readonly rows?: GradientRows;
  /** Called after each stage with the model that it made; the run waits for it. */
  readonly onStage?: (stage: StageResult, model: Model) => void | Promise<void>;
}

/** Defaults of {@link prune} that do not depend on the method. */
export const PRUNE_DEFAULTS = {
  loss: 'cross-entropy',
  labels: 'data',
  scaling: 'none',
  blocked: 'refuse',
  lineSearch: 0,
  recalibrateStages: false,
  block: 2000,
  seed: 1,
  augment: false,
} as const;

/** Every option of a run, filled in. */
export type ResolvedPrune = Required<
  Omit<
    PruneOptions,
    | 'method'
    | 'solver'
    | 'source'
    | 'swaps'
    | 'threads'
    | 'rows'
    | 'store'
    | 'factored'
    | 'openPool'
    | 'onStage'
    | 'layers'
    | 'exclude'
    | 'onProgress'
    | 'signal'
    | 'firstOrder'
    | 'engine'
    | 'gradients'
    | 'minutes'
  >
> & {
  /** Name of the method, or of the solver in its place. */
  readonly method: string;
  readonly firstOrder: number;
  readonly swaps: number | null;
  /** Minutes that were given; the steps they were enough for are `samples`. */
  readonly minutes: number | null;
};

/** One stage of a run. */
export interface StageResult {
  readonly budget: Budget;
  /** Weights that its constraint lets stand. */
  readonly kept: number;
  /** What the first-order part was multiplied by; null without a line search. */
  readonly scale: number | null;
  /** Mean loss on the stage's gradient samples, before the stage. */
  readonly lossBefore: number | null;
  /** Of the quadratic model: the kept weights as they were, and the solution. */
  readonly start: Value | null;
  readonly value: Value | null;
  readonly status: Solution['status'];
  readonly message: string;
  /** See layerSensitivity, in the order of the layers; null for methods without gradients. */
  readonly sensitivity: readonly number[] | null;
  readonly seconds: { readonly gradients: number; readonly solve: number };
}

/** What {@link prune} gives back. */
export interface PruneResult {
  readonly model: Model;
  readonly chosen: ChosenLayers;
  /** The pruned weights, [p], in the order of `chosen.layers`. */
  readonly w: Float64Array;
  readonly stages: readonly StageResult[];
  readonly options: ResolvedPrune;
}

/** Fills in the options that were left out. @throws OptionError for a value that cannot be */
export function resolvePrune(options: PruneOptions): ResolvedPrune {
  const entry = entryOf(options);
  const { name: method, defaults } = entry;
  checkCompute(options, entry);
  const batch = whole('batch', options.batch ?? defaults.batch);
  const firstOrder = options.firstOrder ?? defaults.firstOrder;
  const lambda = options.lambda ?? defaults.lambda;
  if (!(lambda > 0)) throw new OptionError(`Cannot use lambda ${lambda}: wanted a number above 0`);
  return {
    method,
    batch,
    lambda,
    budget: options.budget,
    loss: options.loss ?? PRUNE_DEFAULTS.loss,
    labels: options.labels ?? PRUNE_DEFAULTS.labels,
    samples: whole('samples', options.samples ?? rowsWithin(options.gradients, batch) ?? defaults.samples),
    firstOrder: firstOrder === 'auto' ? 1 / batch : firstOrder,
    stages: whole('stages', options.stages ?? defaults.stages),
    schedule: options.schedule ?? defaults.schedule,
    baseSparsity: options.baseSparsity ?? defaults.baseSparsity,
    lineSearch: options.lineSearch ?? PRUNE_DEFAULTS.lineSearch,
    recalibrateStages: options.recalibrateStages ?? PRUNE_DEFAULTS.recalibrateStages,
    scaling: scalingOf(options.scaling ?? PRUNE_DEFAULTS.scaling),
    blocked: options.blocked ?? PRUNE_DEFAULTS.blocked,
    block: whole('block', options.block ?? PRUNE_DEFAULTS.block),
    swaps: options.swaps ?? null,
    minutes: options.minutes ?? null,
    seed: options.seed ?? PRUNE_DEFAULTS.seed,
    augment: options.augment ?? PRUNE_DEFAULTS.augment,
  };
}

/** Budgets of compute are for methods that train, and one is enough. */
function checkCompute({ gradients, minutes, samples }: PruneOptions, { name, trains }: ResolvedEntry): void {
  const given = Object.entries({ gradients, minutes, samples }).filter(([, value]) => value !== undefined);
  if (!trains && (gradients ?? minutes) !== undefined)
    throw new OptionError(
      `Cannot prune by ${name} within ${given.map(([what]) => what).join(' and ')}: only "auto" takes a budget of compute; set samples and stages instead`,
    );
  if (trains && given.length > 1)
    throw new OptionError(`Cannot train within ${given.map(([what]) => what).join(' and ')} at once: give one of them`);
  if (minutes !== undefined && !(minutes > 0 && minutes < Number.POSITIVE_INFINITY))
    throw new OptionError(`Cannot train for ${minutes} minutes: wanted a number above 0`);
}

/** Rows of `batch` samples that a number of sample gradients is enough for. */
function rowsWithin(gradients: number | undefined, batch: number): number | undefined {
  if (gradients === undefined) return undefined;
  if (!(gradients >= batch))
    throw new OptionError(`Cannot train within ${gradients} sample gradients: one step takes ${batch} (--batch)`);
  return Math.floor(gradients / batch);
}

function scalingOf(name: Scaling): Scaling {
  if (!Object.hasOwn(SCALINGS, name))
    throw new OptionError(`Cannot scale by "${name}": the scalings are ${Object.keys(SCALINGS).join(', ')}`);
  return name;
}

function whole(name: string, value: number): number {
  if (!Number.isInteger(value) || value < 1)
    throw new OptionError(`Cannot use ${name} ${value}: wanted a whole number above 0`);
  return value;
}

/**
 * Prunes a model to a budget: in each stage, gradient rows of the present model, the quadratic model of its loss, and
 * the solver's answer written back.
 *
 * @throws OptionError         for options that cannot be, or layers that are not there
 * @throws UnsupportedOpError  if a layer's gradient cannot be computed; all nodes in the way are listed
 * @throws DataError           if the data does not suffice
 * Deterministic given `seed`. Cost: stages x (n m sample gradients + the solver's cost); memory n p floats.
 */
export async function prune(model: Model, options: PruneOptions): Promise<PruneResult> {
  return pruneLayers(model, options, chooseLayers(model, options));
}

/** Prunes the chosen layers; where some cannot be differentiated and `blocked` is `skip`, once more without those. */
async function pruneLayers(model: Model, options: PruneOptions, chosen: ChosenLayers): Promise<PruneResult> {
  try {
    return await pruneChosen(model, options, chosen);
  } catch (thrown) {
    const behind = thrown instanceof UnsupportedOpError ? thrown.fields.weights : undefined;
    if (options.blocked !== 'skip' || !Array.isArray(behind)) throw thrown;
    const isBlocked = (layer: WeightLayer): boolean => behind.includes(layer.name);
    const layers = chosen.layers.filter((layer) => !isBlocked(layer));
    if (layers.length === 0 || layers.length === chosen.layers.length) throw thrown;
    const skipped = chosen.layers.filter(isBlocked).map(({ name, node, op, dims }) => ({
      name,
      node,
      op,
      dims,
      reason: 'it lies behind an operator that cannot be differentiated',
    }));
    return pruneLayers(model, options, { layers, untouched: [...skipped, ...chosen.untouched] });
  }
}

async function pruneChosen(model: Model, options: PruneOptions, chosen: ChosenLayers): Promise<PruneResult> {
  const resolved = resolvePrune(options);
  const layers = await budgetedLayers(model, options, chosen);
  const sizes = layers.map(({ size }) => size);
  const budgets = stageBudgets(
    resolved.budget,
    { stages: resolved.stages, schedule: resolved.schedule, base: resolved.baseSparsity },
    sizes.reduce((sum, size) => sum + size, 0),
  );
  constraintOf(resolved.budget, layers); // what cannot be met is refused before any work
  const run: Run = {
    options,
    resolved,
    entry: entryOf(options),
    layers: chosen.layers,
    sizes,
    budgeted: layers,
  };
  let current = { model, w: readWeights(model, chosen.layers) };
  if (run.entry.trains) return pruneAndTrain(run, { model, chosen, budgets });
  const units = unitsOf(
    resolved.scaling,
    chosen.layers,
    current.w,
    layers.map(({ macsPerWeight }) => macsPerWeight),
  );
  const stages: StageResult[] = [];
  const recalibrators = resolved.recalibrateStages ? recalibratorsOf(model, options) : null;
  try {
    for (const [t, budget] of budgets.entries()) {
      options.signal?.throwIfAborted();
      const scale = stages.at(-1)?.scale ?? 1;
      const { w, stage } = await pruneStage({ ...run, units, recalibrators }, current, {
        t,
        of: budgets.length,
        budget,
        scale,
      });
      stages.push(stage);
      const solved = writeWeights(current.model, chosen.layers, w);
      const written = recalibrators === null ? solved : await recalibrators.stage(solved);
      current = { model: written, w: readWeights(written, chosen.layers) };
      await options.onStage?.(stage, written);
    }
  } finally {
    freeIdle(); // a stage leaves the memory of its rows to the next
  }
  return { model: current.model, chosen, w: current.w, stages, options: resolved };
}

/** The stages' budgets as one training, in the course of which the support closes in on the last of them. */
async function pruneAndTrain(
  { options, resolved, layers, budgeted }: Run,
  { model, chosen, budgets }: { model: Model; chosen: ChosenLayers; budgets: readonly Budget[] },
): Promise<PruneResult> {
  const { engine, source, minutes, threads, signal, onProgress } = options;
  if (source === undefined)
    throw new DataError(`Cannot prune by ${resolved.method} without data: give --data, or use --method magnitude`);
  const started = performance.now();
  const { batch, seed, augment, samples } = resolved;
  const constraints = budgets.map((budget) => constraintOf(budget, budgeted));
  const trained = await pruneByImitation({
    engine,
    model,
    layers,
    source,
    constraints,
    batch,
    seed,
    augment,
    ...(minutes === undefined ? { steps: samples } : { minutes }),
    ...(threads !== undefined && { threads }),
    ...(signal && { signal }),
    ...(onProgress && { onProgress }),
  });
  const stage: StageResult = {
    budget: resolved.budget,
    scale: null,
    kept: (constraints.at(-1) as (typeof constraints)[number]).kept,
    lossBefore: null,
    sensitivity: null,
    start: null,
    value: null,
    status: 'converged',
    message: `${trained.steps} steps of ${batch} samples by ${trained.optimizer} at rate ${trained.rate.toPrecision(3)}; ${outcome(trained)}.`,
    seconds: { gradients: (performance.now() - started) / 1000, solve: 0 },
  };
  return {
    model: trained.model,
    chosen,
    w: readWeights(trained.model, layers),
    stages: [stage],
    options: { ...resolved, samples: trained.steps },
  };
}

function outcome({ target, loss }: Imitated): string {
  return target === 'labels'
    ? `trained by the labels, to a loss of ${loss.toPrecision(3)}`
    : `the outputs differ from the dense model's by ${loss.toPrecision(3)} of their variance`;
}

interface Run {
  readonly options: PruneOptions;
  readonly resolved: ResolvedPrune;
  readonly entry: MethodEntry;
  readonly layers: readonly WeightLayer[];
  readonly sizes: readonly number[];
  readonly budgeted: readonly BudgetedLayer[];
}

async function pruneStage(
  run: Run & { readonly units: Float64Array; readonly recalibrators: Recalibrators | null },
  current: { model: Model; w: Float64Array },
  { t, of, budget, scale }: { t: number; of: number; budget: Budget; scale: number },
): Promise<{ w: Float64Array; stage: StageResult }> {
  const { options, resolved, entry, sizes, units } = run;
  const onProgress = prefixed(options.onProgress, of > 1 ? `stage ${t + 1} of ${of}: ` : '');
  const constraint = constraintOf(budget, run.budgeted);
  const started = performance.now();
  const rows = entry.needsGradients ? await stageRows(run, current.model, { t, onProgress }) : emptyRows(sizes);
  const solving = performance.now();
  const algebra = linalg(options.engine, options.threads);
  const scaled = resolved.scaling !== 'none';
  const wBar = scaled ? current.w.map((x, i) => x / (units[i] as number)) : current.w;
  const problem = quadratic(
    scaled ? scaleColumns(rows, units) : rows,
    wBar,
    { lambda: resolved.lambda, firstOrder: resolved.firstOrder },
    algebra,
  );
  const solver = entry.solver({
    block: resolved.block,
    openPool: options.openPool,
    ...(resolved.swaps === null ? {} : { swaps: resolved.swaps }),
  });
  const start = entry.needsGradients ? (await drive(magnitude(), problem, constraint)).value : null;
  const solution = await drive(solver, problem, constraint, {
    onProgress,
    ...(options.signal && { signal: options.signal }),
  });
  options.signal?.throwIfAborted();
  const unscaled = (w: Float64Array): Float64Array =>
    scaled ? w.map((x, i) => Math.fround(x * (units[i] as number))) : w;
  const from = resolved.lineSearch > 0 && problem.a !== 0 ? await withoutFirstOrder(problem, solution.w) : null;
  const found =
    from === null
      ? { w: unscaled(solution.w), scale: null }
      : await searchAlong(
          { from: unscaled(from), to: unscaled(solution.w) },
          scale || 1,
          trueLoss(run, current.model, t),
        );
  const stage: StageResult = {
    budget,
    scale: found.scale,
    kept: constraint.kept,
    lossBefore: rows.meanLoss,
    start,
    value: entry.needsGradients ? solution.value : null,
    status: solution.status,
    message: solution.message,
    sensitivity: entry.needsGradients ? await layerSensitivity(rows, current.w, resolved.batch) : null,
    seconds: { gradients: (solving - started) / 1000, solve: (performance.now() - solving) / 1000 },
  };
  if (rows !== options.rows) rows.release?.();
  return { w: found.w, stage };
}

/** The best weights on the same support, had the quadratic model no first-order term. */
async function withoutFirstOrder(problem: QuadraticProblem, w: Float64Array): Promise<Float64Array | null> {
  const support = Uint8Array.from(w, (x) => (x === 0 ? 0 : 1));
  return (await backSolve({ ...problem, a: 0 }, support))?.w ?? null;
}

/** The true loss of other weights, with the batch statistics that the stage would end with. */
function trueLoss(
  { options, resolved, layers, recalibrators }: Run & { readonly recalibrators: Recalibrators | null },
  model: Model,
  t: number,
): (w: Float64Array) => Promise<number> {
  const { engine, source } = options;
  if (source === undefined || !(source.labelled || source.hasTargets))
    throw new DataError('Cannot search along the true loss: wanted data with labels or targets (--data)');
  const loss = lossOn({ engine, source, samples: resolved.lineSearch }, random(resolved.seed).fork(`line search ${t}`));
  return async (w) => {
    const written = writeWeights(model, layers, w);
    return loss(recalibrators === null ? written : await recalibrators.trial(written));
  };
}

/** The layers with what a budget has to know of them: MACs only where they are limited. */
export async function budgetedLayers(
  model: Model,
  options: Pick<PruneOptions, 'budget' | 'engine' | 'source' | 'scaling'>,
  { layers }: ChosenLayers,
): Promise<BudgetedLayer[]> {
  const { budget, scaling } = options;
  const costs = budget.flops === undefined && scaling !== 'macs' ? null : await macsOf(model, options);
  const bounds = boundsOf(layers, budget.bounds ?? []);
  return layers.map(({ name, size }, i) => ({
    size,
    macsPerWeight: costs?.get(name) ?? null,
    ...(bounds[i] && { bound: bounds[i] }),
  }));
}

async function stageRows(
  run: Run,
  model: Model,
  { t, onProgress }: { t: number; onProgress: OnProgress },
): Promise<GradientRows> {
  const { options, resolved, layers } = run;
  if (t === 0 && options.rows !== undefined) return options.rows;
  if (options.source === undefined)
    throw new DataError(`Cannot prune by ${resolved.method} without data: give --data, or use --method magnitude`);
  return rowsOf(
    {
      engine: options.engine,
      model,
      layers,
      source: options.source,
      loss: resolved.loss,
      labels: resolved.labels,
      samples: resolved.samples,
      batch: resolved.batch,
      rng: random(resolved.seed).fork(`stage ${t}`),
      augment: resolved.augment,
      ...(options.threads === undefined ? {} : { threads: options.threads }),
      ...(options.store && { store: options.store }),
      ...(options.factored && { factored: options.factored }),
    },
    { onProgress, ...(options.signal && { signal: options.signal }) },
  );
}

/** No rows at all, for methods that look at weights only. */
function emptyRows(sizes: readonly number[]): GradientRows {
  return { n: 0, p: sizes.reduce((sum, size) => sum + size, 0), panels: [], meanLoss: null };
}

function prefixed(onProgress: OnProgress | undefined, prefix: string): OnProgress {
  return (progress) => onProgress?.({ ...progress, step: prefix + progress.step });
}
