import { countKept } from '../../apply/weights.ts';
import type { Engine } from '../../engine/engine.ts';
import { OptionError } from '../../errors/errors.ts';
import { keptStatisticsOf } from '../../finetune/kept-statistics.ts';
import { openEvaluation, openRows } from '../../library/rows.node.ts';
import { METHODS, type Method, takesCompute } from '../../methods/list.ts';
import type { OutputChoice } from '../../outputs/outputs.ts';
import { isMadeUp, type OpenedData } from '../../pipeline/opened-data.ts';
import type { Recipe } from '../../pipeline/recipe.ts';
import type { RunPorts } from '../../pipeline/run-ports.ts';
import { type ChosenLayers, chooseLayers, type LayerChoice } from '../../pruning/layers.ts';
import { type Shapes, shapesOf } from '../../pruning/shapes.ts';
import { blockPoolOpener } from '../../solvers/chita/block-pool.node.ts';
import type { Context } from '../context.ts';
import { openEngine } from '../engine.node.ts';
import type { OutputFlags, ProviderFlags } from '../flags.ts';
import { type OpenedModel, openModel } from '../opening.node.ts';
import { decideFor } from './deciding.ts';
import { sharedRows } from './overlap.ts';
import { warnOfSamples } from './samples.ts';

/** A run with everything open and checked that can be checked before the work. */
export interface RunSetup {
  readonly engine: Engine;
  readonly opened: OpenedModel;
  readonly data: OpenedData | null;
  readonly evaluation: OpenedData | null;
  /** Whether the data is opened to be augmented. */
  readonly augments: boolean;
  /** The output that the evaluation judges, where it was named. */
  readonly judged: OutputChoice;
  readonly chosen: ChosenLayers;
  /** The chosen weights, and those of them that are zero in the file. */
  readonly prunable: number;
  readonly zeros: number;
  /** Null where the model does not run. */
  readonly shapes: Shapes | null;
}

/** What a run opens, and what will be done with it. */
export interface RunRequest {
  readonly rows: Pick<Recipe, 'data' | 'eval' | 'preprocess' | 'augment'>;
  readonly machine: ProviderFlags & Pick<OutputFlags, 'threads'>;
  readonly choice: LayerChoice;
  readonly judged: OutputChoice;
  readonly methods: readonly Method[];
  /** Whether a step besides the methods learns from the rows. */
  readonly learns: boolean;
  readonly seed: number;
}

/** Opens the model and the data of a run by one or more methods. @throws CoppiceError of the kind of what is wrong */
export async function openRun(context: Context, path: string, request: RunRequest): Promise<RunSetup> {
  const { rows, machine, choice, judged, methods, learns, seed } = request;
  const { preprocess, augment } = rows;
  const { output } = judged;
  const readsData = methods.some((method) => METHODS[method].needs.data);
  if (readsData && rows.data === undefined) {
    throw new OptionError(
      `Cannot prune by ${methods.join(', ')} without data: give --data (random:64 makes inputs up), or use --method magnitude`,
    );
  }
  const engine = await openEngine(context, machine);
  const opened = await context.timed('read', () => openModel(path));
  const { model } = opened;
  const evaluation = await context.timed('open data', async () =>
    rows.eval === undefined ? null : openEvaluation(model, rows.eval, { preprocess, engine, output }),
  );
  const madeUp = rows.data === undefined || isMadeUp(rows.data);
  const tried = madeUp ? await context.timed('shapes', () => shapesOf(engine, model)) : null;
  const open = tried === null || 'reason' in tried ? undefined : (tried.open ?? undefined);
  const data = await context.timed('open data', async () =>
    rows.data === undefined
      ? null
      : openRows(model, rows.data, {
          preprocess: {
            ...preprocess,
            ...(augment && { augment: { crop: augment.crop ?? 0, flip: augment.flip ?? false } }),
          },
          seed,
          output,
          ...(open !== undefined && { open }),
          ...((readsData || learns) && { engine }),
        }),
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
  const chosen = chooseLayers(opened.model, choice, known?.captured, known?.batch);
  const prunable = chosen.layers.reduce((sum, { size }) => sum + size, 0);
  const zeros = prunable - countKept(opened.model, chosen.layers).reduce((sum, kept) => sum + kept, 0);
  if (evaluation !== null) await decideFor(context, opened, { engine, data: evaluation, choice: judged });
  else context.warn('no --eval: accuracy and loss are not measured');
  if (data !== null && evaluation !== null && (readsData || learns)) warnOfOverlap(context, data, evaluation);
  return {
    engine,
    opened,
    data,
    evaluation,
    augments: augment !== undefined,
    judged,
    chosen,
    prunable,
    zeros,
    shapes: known,
  };
}

/** What runs work with: what was opened, and the context to tell. */
export function portsOf(
  context: Context,
  { engine, data, evaluation, judged, augments }: RunSetup,
  { threads }: Pick<OutputFlags, 'threads'>,
): RunPorts {
  const { run, seconds, timed: time, tell, note, warn, emit } = context;
  return {
    ...run,
    ...{ engine, seconds, time, tell, note, warn, emit, judged },
    ...(threads !== undefined && { threads }),
    data: data?.source ?? null,
    augment: augments,
    evaluation: evaluation?.source ?? null,
    judgesStages: false,
    openPool: blockPoolOpener(threads),
  };
}

function warnOf({ warn }: Context, sentence: string | undefined): void {
  if (sentence !== undefined) warn(sentence);
}

/** Rows that the gradients saw say nothing about other data. */
function warnOfOverlap(context: Context, data: OpenedData, evaluation: OpenedData): void {
  const rows = sharedRows(data, evaluation);
  if (rows > 0) context.warn(`${rows} rows of --eval are among the rows of --data: the accuracy is too good`);
}
