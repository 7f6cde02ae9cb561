import { countKept } from '../../apply/weights.ts';
import type { Engine } from '../../engine/engine.ts';
import { DataError, OptionError } from '../../errors/errors.ts';
import { keptStatisticsOf } from '../../finetune/kept-statistics.ts';
import type { Model } from '../../ir/model.ts';
import { METHODS, type Method, takesCompute } from '../../methods/list.ts';
import { defaultOf } from '../../methods/method.ts';
import type { PruneOptions } from '../../methods/prune-options.ts';
import { decideOutputs } from '../../outputs/decide.ts';
import type { OutputChoice } from '../../outputs/outputs.ts';
import { TUNE_DEFAULTS } from '../../pipeline/tune.ts';
import { type ChosenLayers, chooseLayers } from '../../pruning/layers.ts';
import { type Shapes, shapesOf } from '../../pruning/shapes.ts';
import { blockPoolOpener } from '../../solvers/chita/block-pool.node.ts';
import type { Context } from '../context.ts';
import { openEngine } from '../engine.node.ts';
import { judgeChoice, type PruningFlags } from '../flags.ts';
import { isMadeUp, type OpenedData, type OpenedModel, openData, openEvaluation, openModel } from '../opening.node.ts';
import { decideFor } from './deciding.ts';
import { sharedRows } from './overlap.ts';
import { warnOfSamples } from './samples.ts';

/** A run with everything open and checked that can be checked before the work. */
export interface RunSetup {
  readonly opened: OpenedModel;
  readonly data: OpenedData | null;
  readonly evaluation: OpenedData | null;
  /** The output that the evaluation judges, where it was named. */
  readonly judged: OutputChoice;
  readonly chosen: ChosenLayers;
  /** The chosen weights, and those of them that are zero in the file. */
  readonly prunable: number;
  readonly zeros: number;
  /** Null where the model does not run. */
  readonly shapes: Shapes | null;
  /** What the library is asked, but for method, budget and seed. */
  readonly options: Omit<PruneOptions, 'budget' | 'method' | 'seed'>;
}

/** Opens the model and the data of a run by one or more methods. @throws CoppiceError of the kind of what is wrong */
export async function openRun(
  context: Context,
  path: string,
  flags: PruningFlags,
  { methods, seed = 1 }: { methods: readonly Method[]; seed?: number },
): Promise<RunSetup> {
  const needsGradients = methods.some((method) => METHODS[method].needs.gradients);
  const readsData = methods.some((method) => METHODS[method].needs.data);
  if (readsData && flags.data === undefined) {
    throw new OptionError(
      `Cannot prune by ${methods.join(', ')} without data: give --data (random:64 makes inputs up), or use --method magnitude`,
    );
  }
  const engine = await openEngine(context, flags);
  const opened = await context.timed('read', () => openModel(path));
  const augment =
    flags.augmentCrop !== undefined || flags.augmentFlip === true
      ? { crop: flags.augmentCrop ?? 0, flip: flags.augmentFlip ?? false }
      : undefined;
  const { model } = opened;
  const evaluation = await context.timed('open data', async () =>
    flags.eval === undefined ? null : openEvaluation(model, flags.eval, { preprocess: flags, engine }),
  );
  const madeUp = flags.data === undefined || isMadeUp(flags.data);
  const tried = madeUp ? await context.timed('shapes', () => shapesOf(engine, model)) : null;
  const open = tried === null || 'reason' in tried ? undefined : (tried.open ?? undefined);
  const data = await context.timed('open data', async () =>
    flags.data === undefined
      ? null
      : openData(model, flags.data, { preprocess: flags, seed, augment, open, ...(readsData && { engine }) }),
  );
  warnOfSamples(context, data, evaluation);
  const source = evaluation?.source ?? (madeUp ? undefined : data?.source);
  const shapes =
    source === undefined && tried !== null
      ? tried
      : await context.timed('shapes', () => shapesOf(engine, model, source));
  if ('reason' in shapes)
    context.warn(`MACs and latency are not known, since the model does not run: ${shapes.reason}`);
  const known = 'reason' in shapes ? null : shapes;
  const trains = methods.some((method) => takesCompute(METHODS[method]));
  if (trains && known !== null && data?.source.fixedBatch === 1)
    warnOf(context, keptStatisticsOf(model.graph, known.captured));
  const { layers, exclude } = flags;
  const chosen = chooseLayers(opened.model, { layers, exclude }, known?.captured, known?.batch);
  const prunable = chosen.layers.reduce((sum, { size }) => sum + size, 0);
  const zeros = prunable - countKept(opened.model, chosen.layers).reduce((sum, kept) => sum + kept, 0);
  const judged = judgeChoice(flags);
  if (evaluation !== null) await decideFor(context, opened, { engine, data: evaluation, choice: judged });
  const options = {
    engine,
    layers,
    exclude,
    ...context.run,
    ...(await gradientOptions(context, { model, engine, data: needsGradients ? data : null }, flags)),
    samples: flags.samples,
    batch: flags.batch,
    lambda: flags.lambda,
    firstOrder: flags.firstOrder,
    stages: flags.stages,
    schedule: flags.schedule,
    baseSparsity: flags.baseSparsity,
    swaps: flags.swaps,
    lineSearch: flags.lineSearch,
    recalibrateStages: flags.recalibrateStages,
    gradients: flags.gradients,
    minutes: flags.minutes,
    block: flags.block,
    scaling: flags.scaling,
    blocked: flags.refuseBlocked === true ? ('refuse' as const) : ('skip' as const),
    augment: augment !== undefined,
    threads: flags.threads,
    openPool: blockPoolOpener(flags.threads),
    ...(data === null ? {} : { source: data.source }),
  };
  if (evaluation === null) context.warn('no --eval: accuracy and loss are not measured');
  if (data !== null && evaluation !== null && (readsData || flags.recalibrate === true))
    warnOfOverlap(context, data, evaluation);
  return { opened, data, evaluation, judged, chosen, prunable, zeros, shapes: known, options };
}

function warnOf({ warn }: Context, sentence: string | undefined): void {
  if (sentence !== undefined) warn(sentence);
}

/** Rows that the gradients saw say nothing about other data. */
function warnOfOverlap(context: Context, data: OpenedData, evaluation: OpenedData): void {
  const rows = sharedRows(data, evaluation);
  if (rows > 0) context.warn(`${rows} rows of --eval are among the rows of --data: the accuracy is too good`);
}

/** Loss and labels, where the user leaves them to the outputs and the data; answers that do not fit are refused. */
async function gradientOptions(
  context: Context,
  { model, engine, data }: { model: Model; engine: Engine; data: OpenedData | null },
  { loss: asked, labels, outputName: output }: PruningFlags,
): Promise<Pick<PruneOptions, 'loss' | 'labels' | 'output'>> {
  const named = output === undefined ? {} : { output };
  if (data === null) return { ...(asked && { loss: asked }), ...(labels && { labels }), ...named };
  const madeUp = data.dataset === null && labels !== 'model' ? 'random' : undefined;
  const loss = asked ?? madeUp;
  const decided = await decideOutputs(model, {
    engine,
    source: data.source,
    ...named,
    ...(loss && { loss }),
    ...(labels && { labels }),
  });
  context.tell(decided.says);
  if (decided.labels === 'model' && decided.loss !== 'random' && labels === undefined)
    context.warn(
      "the data has no labels: the gradients use labels drawn from the model's own prediction (--labels model)",
    );
  return { loss: decided.loss, labels: decided.labels, output: decided.judged.name };
}

/** Fewer gradient rows than this say little about a loss. */
const FEW_ROWS = 100;

/**
 * The rows n of a method: as asked, else its default or what the data has.
 *
 * @throws DataError if the data has fewer than were asked for
 */
export function samplesOf(
  context: Context,
  { options, chosen }: RunSetup,
  method: Method,
  tuned = false,
): number | undefined {
  const { gradients } = METHODS[method].needs;
  if (!gradients || options.source === undefined) return options.samples;
  const batch = options.batch ?? (defaultOf(METHODS[method], 'batch') as number);
  const { count } = options.source;
  const there = Math.floor((tuned ? count - Math.min(TUNE_DEFAULTS.heldOut, Math.floor(count / 5)) : count) / batch);
  const wanted = options.samples ?? (defaultOf(METHODS[method], 'samples') as number);
  if (there < 1 || (options.samples !== undefined && there < wanted)) {
    throw new DataError(
      `Cannot take ${there < 1 ? 1 : wanted} gradient rows of ${batch} samples each: the data has ${options.source.count} samples; lower --samples or --batch`,
    );
  }
  const samples = Math.min(wanted, there);
  if (samples < wanted)
    context.warn(`the data gives ${samples} gradient rows of ${batch} samples, fewer than the default of ${wanted}`);
  if (samples < FEW_ROWS)
    context.warn(
      `${samples} gradient rows are few: the loss model knows ${samples} directions of ${chosen.layers.reduce((sum, layer) => sum + layer.size, 0)}`,
    );
  return samples;
}
