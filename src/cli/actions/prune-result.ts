import { resolvePreprocess } from '../../data/preprocess.ts';
import { measureSize } from '../../evaluate/size.node.ts';
import type { EpochFacts } from '../../finetune/finetune.ts';
import { METHODS } from '../../methods/list.ts';
import { writeModel } from '../../onnx/files.node.ts';
import { flipDetails } from '../../pipeline/details/flip-details.ts';
import { reportFacts, type Surroundings } from '../../pipeline/report-facts.ts';
import type { MemoryPlan } from '../../pruning/memory-plan.ts';
import type { FlipDetails } from '../../report/details.ts';
import { integer, percent } from '../../report/figures.ts';
import { reportText, writeReport } from '../../report/files.node.ts';
import { makeReport } from '../../report/make-report.ts';
import type { Report } from '../../report/report.ts';
import { runtimeFacts } from '../../report/runtime-facts.ts';
import { sparkline } from '../../report/sparkline.ts';
import { summaryRows } from '../../report/summary.ts';
import { peakRssMB, platformFacts, toolFacts } from '../../report/surroundings.node.ts';
import { textTable } from '../../report/table.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { PREPROCESS_KEYS, type PruneFlags, trainingOptions } from '../flags.ts';
import { dataFacts, fileFacts, filesOf } from '../opening.node.ts';
import { adviceOn } from './advice.ts';
import type { Measured } from './prune-run.ts';
import type { RunSetup } from './setup.ts';

/** Where results go. */
interface Places {
  readonly flags: PruneFlags;
  readonly output: string;
  /** Where the gradient rows are; null for methods without. */
  readonly plan: MemoryPlan | null;
}

/** Writes the model and the report, and prints the result. @returns the exit code */
export async function finish(context: Context, setup: RunSetup, run: Measured, places: Places): Promise<number> {
  const { flags, output } = places;
  context.io.signal.throwIfAborted();
  await context.timed('write', () => writeModel(output, run.model));
  const report = await reportOf(context, setup, run, places);
  for (const warning of report.warnings) context.warn(warning);
  if (flags.report !== undefined) await writeReport(flags.report, report);
  context.print(
    flags.json === true ? reportText(report) : summary(report, { output, folder: flags.report, width: context.width }),
  );
  const advice = adviceOn(run, flags);
  if (advice !== null) context.tell(advice);
  return gate(context, report, flags.minAccuracy);
}

async function reportOf(context: Context, setup: RunSetup, run: Measured, places: Places): Promise<Report> {
  const { result, before, after, tuned, found } = run;
  const { flags } = places;
  const surroundings = await surroundingsOf(context, setup, run, places);
  const facts = reportFacts(
    {
      model: setup.opened.model,
      choice: flags,
      result,
      before,
      after,
      shapes: setup.shapes,
      stageAccuracies: run.stageAccuracies,
      flips: await flipsOf(setup, run, flags),
    },
    surroundings,
  );
  const trials = tuned && { heldOut: tuned.heldOut, trials: tuned.trials.map((trial) => ({ ...trial })) };
  const search = found && {
    maxDrop: flags.maxDrop as number,
    heldOut: found.heldOut,
    dense: found.dense,
    trials: found.trials.map((trial) => ({ ...trial })),
  };
  const options = {
    ...facts.asked.options,
    ...runSettings(flags),
    ...(trials && { tuned: trials }),
    ...(search && { search }),
    ...(result.epochs && { training: trainingFacts(result.epochs, flags) }),
  };
  return makeReport({ ...facts, asked: { ...facts.asked, options } });
}

/** Rows whose class changed; their pictures as they were before normalisation. */
function flipsOf({ evaluation }: RunSetup, { before, last }: Measured, flags: PruneFlags): Promise<FlipDetails | null> {
  const { mean, std } = resolvePreprocess({ mean: flags.mean, std: flags.std });
  return flipDetails({ before, after: last, source: evaluation?.source ?? null, mean, std });
}

function trainingFacts(epochs: readonly EpochFacts[], flags: PruneFlags): Report['asked']['options'] {
  const { epochs: _, ...settings } = trainingOptions(flags);
  const { prunings, between = null, trainBatch: batch, distill = null, temperature } = flags;
  return {
    prunings,
    between,
    batch,
    distill,
    temperature,
    ...settings,
    epochs: epochs.map((epoch) => ({ ...epoch })),
  };
}

async function surroundingsOf(
  context: Context,
  { opened, data, evaluation, options: { engine } }: RunSetup,
  run: Measured,
  { flags, output, plan }: Places,
): Promise<Surroundings> {
  const bytes = await context.timed('size', async () => {
    const [before, after] = await Promise.all([
      measureSize(filesOf(opened.path, opened.model)),
      measureSize(filesOf(output, run.model)),
    ]);
    return { before, after };
  });
  if (bytes.after.gzip === null)
    context.warn('sizes after gzip and brotli are not measured: the model is too large for that to be quick');
  return {
    tool: toolFacts(),
    runtime: runtimeFacts(engine, flags.threads),
    platform: platformFacts(),
    gradientRows: plan === null ? null : rowsFacts(plan),
    command: [...context.command],
    model: opened.file,
    output: await fileFacts(output, run.model),
    data: data === null || !usesData(run, flags) ? null : await dataFacts(data),
    eval: evaluation === null ? null : await dataFacts(evaluation),
    recalibrated: run.recalibrated,
    bytes,
    latency:
      run.latency?.map(({ batch, latencies: [before = null, after = null] }) => ({ batch, before, after })) ?? null,
    seconds: { ...context.seconds },
    peakRssMB: peakRssMB(),
    warnings: [...context.warnings],
  };
}

/** What the report says of a plan. */
function rowsFacts({ where, type, bytes, factored }: MemoryPlan): Report['gradientRows'] {
  return { where, type, bytes: Math.round(bytes), factored: factored.map(({ name }) => name) };
}

/** Whether any row of --data went into the result. */
function usesData({ result, recalibrated }: Measured, { method }: PruneFlags): boolean {
  return recalibrated !== null || METHODS[method].needs.data || result.stages.some(({ value }) => value !== null);
}

/** What the report says of the run besides the library's own options. */
function runSettings(flags: PruneFlags): Record<string, string | number | boolean> {
  const all: Record<string, string | number | boolean | undefined> = { recalibrate: flags.recalibrate ?? false };
  for (const key of [...PREPROCESS_KEYS, 'augmentCrop', 'augmentFlip'] as const) all[key] = flags[key];
  return Object.fromEntries(
    Object.entries(all).filter((entry): entry is [string, string | number | boolean] => entry[1] !== undefined),
  );
}

function summary(
  report: Report,
  { output, folder, width }: { output: string; folder: string | undefined; width: number },
): string {
  const { asked, model, sparsity: achieved, nonzeros, prunable, layers } = report;
  const rows = summaryRows(report).map(({ label, before, after, change }) => [label, before, after, change]);
  const heading = `${model.name} pruned by ${asked.method}: ${percent(achieved)} of ${integer(prunable)} weights in ${layers.length} layers removed, ${integer(nonzeros)} kept`;
  const table = textTable(
    [{ heading: '' }, { heading: 'before', align: 'right' }, { heading: 'after', align: 'right' }, { heading: '' }],
    rows,
    width,
  );
  const shape = `sparsity by layer  ${sparkline(
    layers.map((layer) => layer.sparsity),
    width - 19,
  )}`;
  const written = `model   ${output}${folder === undefined ? '' : `\nreport  ${folder}`}`;
  return `${heading}\n\n${table}\n\n${shape}\n\n${written}`;
}

/** The accuracy that counts is that of the model as written: recalibrated, if it is. */
function gate(context: Context, { accuracy, recalibrated }: Report, least: number | undefined): number {
  if (least === undefined) return EXIT.ok;
  const reached = recalibrated === null ? accuracy.after : recalibrated.accuracy;
  if (reached !== null && reached >= least) return EXIT.ok;
  context.fail(`the accuracy is ${percent(reached)}, below the ${percent(least)} of --min-accuracy`);
  return EXIT.gateMissed;
}
