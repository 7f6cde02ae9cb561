import { countKept } from '../apply/weights.ts';
import { type Budget, budgetName } from '../budget/budget.ts';
import type { GradientRows } from '../curvature/gradient-rows.ts';
import { OptionError } from '../errors/errors.ts';
import type { Evaluation } from '../evaluate/accuracy.ts';
import type { Model } from '../ir/model.ts';
import { METHODS, type Method, takesCompute } from '../methods/list.ts';
import { type PruneResult, prune } from '../methods/prune.ts';
import { type PruneOptions, resolveGradients, resolvePrune } from '../methods/prune-options.ts';
import { withoutData } from '../pruning/job.ts';
import { predictedLossChange } from './report-facts.ts';
import { denseRows, unlessBlocked } from './shared-rows.ts';

/** What {@link sweep} is asked for: what a single run is asked, with several methods, budgets and seeds. */
export interface SweepRequest extends Omit<PruneOptions, 'method' | 'solver' | 'budget' | 'seed' | 'rows'> {
  readonly methods: readonly Method[];
  readonly budgets: readonly Budget[];
  /** Default 1. A method without gradients has no randomness: it runs for the first seed only. */
  readonly seeds?: readonly number[];
  /** Settings of one method that differ from the others'. */
  readonly settings?: (method: Method) => MethodSettings;
  /** MACs of one weight by layer (see macsOf), for the cells' share of MACs. */
  readonly macs?: ReadonlyMap<string, number | null>;
  /** Measures a pruned model. */
  readonly judge: (model: Model) => Promise<Evaluation | null>;
  /** Re-estimates a pruned model's statistics; absent = not asked for. */
  readonly recalibrate?: (pruned: Model, seed: number) => Promise<Model>;
  /** Measures the model of a run as it is written; absent = not measured. */
  readonly measure?: (model: Model) => Promise<Pick<SweepCell, 'bytes' | 'latency'>>;
  /** Receives each cell as soon as it is there, and its model: the recalibrated one, where there is one. */
  readonly onCell?: (cell: SweepCell, model: Model) => void | Promise<void>;
  /** The first cells, in the order of `onCell`, where they are known from an interrupted sweep with the same options: not done again. */
  readonly known?: readonly SweepCell[];
}

/** What one method of a sweep is asked besides what all are. */
export type MethodSettings = Partial<
  Pick<PruneOptions, 'samples' | 'batch' | 'lambda' | 'stages' | 'loss' | 'labels' | 'output'>
>;

/** One run of a sweep. */
export interface SweepCell {
  readonly method: Method;
  /** As asked: share of zeros, share of the MACs kept; null where not limited. */
  readonly sparsity: number | null;
  readonly flops: number | null;
  readonly seed: number;
  readonly accuracy: number | null;
  readonly loss: number | null;
  /** Null where recalibration was not asked for. */
  readonly recalibrated: { readonly accuracy: number | null; readonly loss: number | null } | null;
  readonly nonzeros: number;
  readonly prunable: number;
  /** Share of the prunable weights' multiply-accumulates that is left; null where MACs are not known. */
  readonly macs: number | null;
  /** Of the last stage's quadratic model; null for methods without one. */
  readonly objective: number | null;
  /** Change of the loss by the quadratic models of all stages; null for methods without one. */
  readonly predictedLossChange: number | null;
  /** Nonzero weights of each layer, in the order of the layers. */
  readonly kept: readonly number[];
  /** Of the model file by brotli; null where not measured. */
  readonly bytes: number | null;
  /** Milliseconds of one sample, the median; null where not measured. */
  readonly latency: number | null;
  /** Of pruning alone; gradients that are shared count for the first run that uses them. */
  readonly seconds: number;
}

/**
 * Prunes a model by several methods to several budgets, for several seeds. Gradient rows of the unpruned model are
 * computed once for each seed and each pair of rows n and samples a row m, and shared by all runs that begin with them;
 * results are those of single runs.
 *
 * @returns  one cell for each run: by method in the order asked for, then budget, then seed
 * @throws OptionError  if there is nothing to do, or an option cannot be; before the first run
 * @throws DataError    if a method needs data and there is none
 * Cost: as the single runs, but for the shared gradients. Memory: one set of rows at a time.
 */
export async function sweep(model: Model, request: SweepRequest): Promise<SweepCell[]> {
  const runs = planRuns(request);
  const cells = new Map<Run, SweepCell>();
  let shared: { key: string; rows: GradientRows } | undefined;
  const runOne = async (run: Run, at: number): Promise<void> => {
    request.signal?.throwIfAborted();
    const known = request.known?.[at];
    if (known !== undefined) return void cells.set(run, known);
    const started = performance.now();
    const options = optionsOf(request, run, { at, of: runs.length });
    if (shared?.key !== run.key) {
      shared?.rows.release?.(); // the rows before go first: two sets may not fit
      shared = undefined;
      const rows = run.key === NO_ROWS ? null : await unlessBlocked(request, () => denseRows(model, options));
      if (rows !== null) shared = { key: run.key, rows };
    }
    const result = await prune(model, shared === undefined ? options : { ...options, rows: shared.rows });
    const seconds = (performance.now() - started) / 1000;
    const { cell, final } = await judgeRun(request, run, { result, seconds });
    cells.set(run, cell);
    await request.onCell?.(cell, final);
  };
  try {
    for (const [at, run] of inRowOrder(runs).entries()) await runOne(run, at);
  } finally {
    shared?.rows.release?.();
  }
  return runs.map((run) => cells.get(run) as SweepCell);
}

/** The key of runs without gradients. */
const NO_ROWS = '';

interface Run {
  readonly method: Method;
  readonly budget: Budget;
  readonly seed: number;
  /** Runs of one key may share rows. */
  readonly key: string;
}

function planRuns(request: SweepRequest): Run[] {
  const { methods, budgets, seeds = [1] } = request;
  const runs = methods.flatMap((method) =>
    budgets.flatMap((budget) =>
      (METHODS[method].needs.data ? seeds : seeds.slice(0, 1)).map((seed): Run => {
        const options = optionsOf(request, { method, budget, seed, key: NO_ROWS });
        resolvePrune(options);
        const rows = resolveGradients(options);
        return { method, budget, seed, key: rows === null ? NO_ROWS : `${seed}/${rows.samples}/${rows.batch}` };
      }),
    ),
  );
  if (runs.length === 0)
    throw new OptionError('Cannot sweep over nothing: name at least one method, one budget and one seed');
  const needy = runs.find(({ method }) => METHODS[method].needs.data);
  if (needy !== undefined && request.source === undefined) throw withoutData(needy.method);
  return runs;
}

/** Runs that share rows one after another, otherwise in the order asked for. */
function inRowOrder(runs: readonly Run[]): Run[] {
  const keys = [...new Set(runs.map(({ key }) => key))];
  return keys.flatMap((key) => runs.filter((run) => run.key === key));
}

function optionsOf(request: SweepRequest, run: Run, place?: { at: number; of: number }): PruneOptions {
  const {
    methods: _methods,
    budgets: _budgets,
    seeds: _seeds,
    macs: _macs,
    settings,
    judge: _judge,
    recalibrate: _recalibrate,
    measure: _measure,
    onCell: _onCell,
    known: _known,
    onProgress,
    ...options
  } = request;
  const where =
    place === undefined ? '' : `run ${place.at + 1} of ${place.of}, ${run.method} at ${budgetName(run.budget)}: `;
  return {
    ...options,
    ...(takesCompute(METHODS[run.method]) ? {} : { gradients: undefined, minutes: undefined }),
    ...settings?.(run.method),
    method: run.method,
    budget: run.budget,
    seed: run.seed,
    onProgress: (progress) => onProgress?.({ ...progress, step: where + progress.step }),
  };
}

async function judgeRun(
  request: SweepRequest,
  { method, budget, seed }: Run,
  { result, seconds }: { result: PruneResult; seconds: number },
): Promise<{ cell: SweepCell; final: Model }> {
  const evaluation = await request.judge(result.model);
  const tuned = await request.recalibrate?.(result.model, seed);
  const again = tuned && (await request.judge(tuned));
  const final = tuned ?? result.model;
  const kept = countKept(result.model, result.chosen.layers);
  const cell: SweepCell = {
    method,
    sparsity: budget.sparsity ?? null,
    flops: budget.flops ?? null,
    seed,
    accuracy: evaluation?.accuracy ?? null,
    loss: evaluation?.loss ?? null,
    recalibrated: tuned === undefined ? null : { accuracy: again?.accuracy ?? null, loss: again?.loss ?? null },
    nonzeros: kept.reduce((sum, count) => sum + count, 0),
    prunable: result.chosen.layers.reduce((sum, { size }) => sum + size, 0),
    macs: macsLeft(request.macs, result.chosen, kept),
    objective: result.stages.at(-1)?.value?.objective ?? null,
    predictedLossChange: predictedLossChange(result),
    kept,
    ...((await request.measure?.(final)) ?? { bytes: null, latency: null }),
    seconds,
  };
  return { cell, final };
}

/** Share of the pruned layers' multiply-accumulates that is left. */
function macsLeft(
  macs: SweepRequest['macs'],
  { layers }: PruneResult['chosen'],
  kept: readonly number[],
): number | null {
  let [before, after] = [0, 0];
  for (const [i, { name, size }] of layers.entries()) {
    const cost = macs?.get(name) ?? null;
    if (cost === null) return null;
    before += size * cost;
    after += cost * (kept[i] as number);
  }
  return after / before;
}
