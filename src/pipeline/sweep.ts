import { countKept } from '../apply/weights.ts';
import { type Budget, budgetName } from '../budget/budget.ts';
import type { GradientRows } from '../curvature/gradient-rows.ts';
import { OptionError } from '../errors/errors.ts';
import type { Evaluation } from '../evaluate/accuracy.ts';
import type { Model } from '../ir/model.ts';
import { METHODS, type Method } from '../methods/list.ts';
import type { PruneResult } from '../methods/prune.ts';
import { resolveGradients } from '../methods/prune-options.ts';
import { givenOptions } from '../pruning/method-options.ts';
import { type CompiledCell, compiledCell } from './compiled-cell.ts';
import { compilingOf, type MeasureSize } from './compiled-facts.ts';
import { type CompileStep, type PruneStep, type Step, stepBudget, withoutUndefined } from './recipe.ts';
import { predictedLossChange } from './report-facts.ts';
import { type Finished, run } from './run.ts';
import { type RunPorts, stopwatch } from './run-ports.ts';
import { pruningOf } from './run-report.ts';
import { decidedRows, unlessBlocked } from './shared-rows.ts';
import { type CompileFacts, compileTransform } from './transforms/compile.ts';
import { type PreparedPrune, preparePrune } from './transforms/prune-options.ts';

/** What {@link sweep} is asked for: one step with several methods, budgets and seeds. */
export interface SweepRequest {
  readonly methods: readonly Method[];
  readonly budgets: readonly Budget[];
  /** Default 1. A method without data has no randomness: it runs for the first seed only. */
  readonly seeds?: readonly number[];
  /** What all runs are asked besides; of the options each method has its own. */
  readonly asked: Omit<PruneStep, 'do' | 'method' | 'budget' | 'seed'>;
  /** Re-estimates batch statistics after each pruning. */
  readonly recalibrate?: boolean;
  /** Compiles the model of each run, and measures the program; absent = none is. */
  readonly compile?: { readonly step: CompileStep; readonly measureSize: MeasureSize };
  readonly ports: RunPorts;
  /** MACs of one weight by layer (see macsOf), for the cells' share of MACs. */
  readonly macs?: ReadonlyMap<string, number | null>;
  /** Measures the model of a run as it is written; absent = not measured. */
  readonly measure?: (model: Model) => Promise<Pick<SweepCell, 'bytes' | 'latency'>>;
  /** Receives each cell as soon as it is there, its model (the recalibrated one, where there is one), and what was compiled. */
  readonly onCell?: (cell: SweepCell, model: Model, compiling: CompileFacts | null) => void | Promise<void>;
  /** The first cells, in the order of `onCell`, where they are known from an interrupted sweep with the same options: not done again. */
  readonly known?: readonly SweepCell[];
}

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
  /** Of the program that its model was compiled into; null where that was not asked for. */
  readonly compiled: CompiledCell | null;
  /** Of pruning alone; gradients that are shared count for the first run that uses them. */
  readonly seconds: number;
}

/** A run of a sweep, prepared. */
interface Cell {
  readonly method: Method;
  readonly budget: Budget;
  readonly seed: number;
  readonly step: PruneStep;
  readonly prepared: PreparedPrune;
  /** Runs of one key may share rows. */
  readonly key: string;
}

/** The key of runs without gradients. */
const NO_ROWS = '';

/**
 * Prunes a model by several methods to several budgets, for several seeds: each cell is a run of its recipe. Gradient rows of the
 * unpruned model are computed once for each seed and each pair of rows n and samples a row m, and shared by all runs that begin with them;
 * results are those of single runs.
 *
 * @returns  one cell for each run: by method in the order asked for, then budget, then seed
 * @throws OptionError  if there is nothing to do, or an option cannot be; before the first run
 * @throws DataError    if a method needs data and there is none
 * Cost: as the single runs, but for the shared gradients. Memory: one set of rows at a time.
 */
export async function sweep(model: Model, request: SweepRequest): Promise<SweepCell[]> {
  const place = { is: '' };
  const ports = sweepPorts(request.ports, place);
  const planned = await planCells(model, request, ports);
  const done = new Map<Cell, SweepCell>();
  let shared: { key: string; rows: GradientRows } | undefined;
  const rowsFor = async ({ key, prepared: { options } }: Cell): Promise<GradientRows | undefined> => {
    if (shared?.key === key) return shared.rows;
    shared?.rows.release?.(); // the rows before go first: two sets may not fit
    shared = undefined;
    const rows = key === NO_ROWS ? null : await unlessBlocked(options, () => decidedRows(model, options));
    if (rows !== null) shared = { key, rows };
    return shared?.rows;
  };
  try {
    for (const [at, cell] of inRowOrder(planned).entries()) {
      ports.signal?.throwIfAborted();
      const before = request.known?.[at];
      if (before !== undefined) {
        done.set(cell, before);
        continue;
      }
      place.is = `run ${at + 1} of ${planned.length}, ${cell.method} at ${budgetName(cell.budget)}: `;
      const started = performance.now();
      const rows = await rowsFor(cell);
      const { step, prepared } = cell;
      const watch = stopwatch();
      const timed = { ...ports, seconds: watch.seconds, time: both(watch.time, ports.time) };
      const begun = {
        before: null,
        prepared: rows ? { ...prepared, options: { ...prepared.options, rows } } : prepared,
      };
      const finished = await run(model, stepsOf(request, step), timed, begun);
      const { evaluate = 0, recalibrate = 0, compile = 0 } = watch.seconds;
      const seconds = (performance.now() - started) / 1000 - evaluate - recalibrate - compile;
      const measured = (await request.measure?.(finished.model)) ?? { bytes: null, latency: null };
      const compiling = compilingOf(finished);
      const compiled = await measuredProgram(request, compiling);
      const known = { ...cellOf(request, cell, finished), ...measured, compiled, seconds };
      done.set(cell, known);
      await request.onCell?.(known, finished.model, compiling);
    }
  } finally {
    shared?.rows.release?.();
  }
  return planned.map((cell) => done.get(cell) as SweepCell);
}

/** The ports of a sweep as one of its runs has them: a cell tells of itself when it is done. */
function sweepPorts(ports: RunPorts, place: { readonly is: string }): RunPorts {
  return {
    ...ports,
    judgesStages: false,
    tell: () => undefined,
    emit: () => undefined,
    onProgress: (progress) => ports.onProgress?.({ ...progress, step: place.is + progress.step }),
  };
}

/** Two stopwatches as one. */
function both(a: RunPorts['time'], b: RunPorts['time']): RunPorts['time'] {
  return (step, work) => a(step, () => b(step, work));
}

function stepsOf({ recalibrate, compile }: SweepRequest, step: PruneStep): Step[] {
  const again = recalibrate === true ? [withoutUndefined({ do: 'recalibrate' as const, seed: step.seed })] : [];
  return [step, ...again, ...(compile === undefined ? [] : [compile.step])];
}

async function measuredProgram(
  { compile, ports }: Pick<SweepRequest, 'compile' | 'ports'>,
  compiling: CompileFacts | null,
): Promise<CompiledCell | null> {
  if (compile === undefined || compiling === null) return null;
  const { evaluation, data, signal } = ports;
  const asked = { rows: evaluation ?? data, measureSize: compile.measureSize, ...withoutUndefined({ signal }) };
  return ports.time('latency', () => compiledCell(compiling, asked));
}

/** The model as it is, compiled and measured as those of the runs are; null where that was not asked for. @param dense  how good it is */
export async function compiledDense(
  model: Model,
  dense: Evaluation | null,
  { compile, ports }: Pick<SweepRequest, 'compile' | 'ports'>,
): Promise<CompiledCell | null> {
  if (compile === undefined) return null;
  const facts = await compileTransform({ model, before: dense }, compile.step, ports);
  return measuredProgram({ compile, ports }, facts);
}

/** Prepares all runs: what cannot be is refused before the first. */
async function planCells(model: Model, request: SweepRequest, ports: RunPorts): Promise<Cell[]> {
  const { methods, budgets, seeds = [1], asked } = request;
  const cells: Cell[] = [];
  for (const method of methods)
    for (const budget of budgets)
      for (const seed of METHODS[method].needs.data ? seeds : seeds.slice(0, 1)) {
        const options = optionsOf(method, asked.options);
        const step: PruneStep = { ...asked, do: 'prune', method, budget: stepBudget(budget), options, seed };
        const { constraint } = budget;
        const own = { ...ports, pruning: { ...ports.pruning, ...(constraint && { constraint }) } };
        const prepared = await preparePrune(model, step, own);
        const rows = resolveGradients(prepared.options);
        const key = rows === null ? NO_ROWS : `${seed}/${rows.samples}/${rows.batch}`;
        cells.push({ method, budget, seed, step, prepared, key });
      }
  if (cells.length > 0) return cells;
  throw new OptionError('Cannot sweep over nothing: name at least one method, one budget and one seed');
}

/** Of the options of a sweep those that a method has. */
function optionsOf(method: Method, options: PruneStep['options']): PruneStep['options'] {
  const { shape } = METHODS[method].options;
  const own = Object.entries(givenOptions(options as Parameters<typeof givenOptions>[0])).filter(
    ([name]) => name in shape,
  );
  return Object.fromEntries(own) as PruneStep['options'];
}

/** Runs that share rows one after another, otherwise in the order asked for. */
function inRowOrder(cells: readonly Cell[]): Cell[] {
  const keys = [...new Set(cells.map(({ key }) => key))];
  return keys.flatMap((key) => cells.filter((cell) => cell.key === key));
}

function cellOf(
  request: SweepRequest,
  { method, budget, seed }: Cell,
  finished: Finished,
): Omit<SweepCell, 'bytes' | 'latency' | 'compiled' | 'seconds'> {
  const { result, evaluation } = pruningOf(finished) as NonNullable<ReturnType<typeof pruningOf>>; // the first step is one
  const tuned = finished.steps.find((step) => step.do === 'recalibrate');
  const kept = countKept(result.model, result.chosen.layers);
  return {
    method,
    sparsity: budget.sparsity ?? null,
    flops: budget.flops ?? null,
    seed,
    accuracy: evaluation?.accuracy ?? null,
    loss: evaluation?.loss ?? null,
    recalibrated: tuned ? { accuracy: tuned.evaluation?.accuracy ?? null, loss: tuned.evaluation?.loss ?? null } : null,
    nonzeros: kept.reduce((sum, count) => sum + count, 0),
    prunable: result.chosen.layers.reduce((sum, { size }) => sum + size, 0),
    macs: macsLeft(request.macs, result.chosen, kept),
    objective: result.stages.at(-1)?.value?.objective ?? null,
    predictedLossChange: predictedLossChange(result),
    kept,
  };
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
