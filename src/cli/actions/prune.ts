import type { Command } from 'commander';
import { recalibrate } from '../../apply/recalibrate.ts';
import { sparsity } from '../../budget/sparsity.ts';
import { OptionError } from '../../errors/errors.ts';
import { type Evaluation, evaluate } from '../../evaluate/accuracy.ts';
import { measureSize } from '../../evaluate/size.node.ts';
import type { Model } from '../../ir/model.ts';
import { writeModel } from '../../onnx/files.node.ts';
import { type PruneOptions, prune, resolvePrune } from '../../pipeline/prune.ts';
import { reportFacts, type Surroundings } from '../../pipeline/report-facts.ts';
import { integer, percent } from '../../report/figures.ts';
import { reportText, writeReport } from '../../report/files.node.ts';
import { makeReport } from '../../report/make-report.ts';
import type { Report } from '../../report/report.ts';
import { summaryRows } from '../../report/summary.ts';
import { peakRssMB, platformFacts, toolFacts } from '../../report/surroundings.node.ts';
import { textTable } from '../../report/table.ts';
import { configOf } from '../config.node.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import type { PruneFlags } from '../flags.ts';
import { type LatencyAt, timeModels } from '../measuring.ts';
import { dataFacts, fileFacts, filesOf, type OpenedData } from '../opening.node.ts';
import { checkNotInput, checkWritableFile, checkWritableFolder, defaultOutput } from '../outputs.node.ts';
import { printPlan } from './plan.ts';
import { openRun, type RunSetup, samplesOf } from './setup.ts';

/**
 * Prunes a file: everything that can be refused is refused first, files are written last.
 *
 * @returns the exit code: 0, or 1 where --min-accuracy was missed
 */
export async function pruneFile(context: Context, path: string, command: Command): Promise<number> {
  const flags = command.opts<PruneFlags>();
  if (flags.sparsity === undefined)
    throw new OptionError('Cannot prune without a sparsity: give --sparsity, such as --sparsity 0.9');
  checkFlags(flags);
  const budget = sparsity(flags.sparsity, { scope: flags.scope });
  const output = flags.output ?? defaultOutput(path);
  if (flags.printConfig === true) {
    context.print(JSON.stringify(configOf(command, { output }), null, 2));
    return EXIT.ok;
  }
  if (flags.dryRun !== true) await checkOutputs(flags, path, output);
  const setup = await openRun(context, path, flags, { methods: [flags.method], seed: flags.seed });
  const options: PruneOptions = {
    ...setup.options,
    method: flags.method,
    budget,
    seed: flags.seed,
    samples: samplesOf(context, setup, flags.method),
  };
  resolvePrune(options);
  warnOfZeros(context, setup, flags.sparsity);
  if (flags.dryRun === true) return printPlan(context, setup, options, flags);
  const run = await pruneAndMeasure(context, setup, options, flags);
  return finish(context, setup, run, { flags, output });
}

function checkFlags(flags: PruneFlags): void {
  const { minAccuracy } = flags;
  if (minAccuracy !== undefined && !(minAccuracy >= 0 && minAccuracy <= 1))
    throw new OptionError(`Cannot hold --min-accuracy ${minAccuracy}: wanted a share from 0 to 1, such as 0.9`);
  if (minAccuracy !== undefined && flags.eval === undefined)
    throw new OptionError('Cannot hold --min-accuracy without data to measure on: give --eval');
  if (flags.recalibrate === true && flags.data === undefined)
    throw new OptionError('Cannot recalibrate without data: give --data');
}

async function checkOutputs({ report }: PruneFlags, path: string, output: string): Promise<void> {
  await checkNotInput(output, path);
  checkWritableFile(output);
  if (report !== undefined) checkWritableFolder(report);
}

function warnOfZeros(context: Context, { w }: RunSetup, asked: number): void {
  const zeros = w.reduce((sum, x) => sum + (x === 0 ? 1 : 0), 0) / w.length;
  if (zeros > asked)
    context.warn(
      `${percent(zeros)} of the prunable weights are zero already, more than the ${percent(asked)} asked for`,
    );
}

/** A pruned model and what was measured of it. */
interface Measured {
  readonly result: Awaited<ReturnType<typeof prune>>;
  /** The model that is written: recalibrated where that was asked for. */
  readonly model: Model;
  readonly before: Evaluation | null;
  readonly after: Evaluation | null;
  readonly recalibrated: Report['recalibrated'];
  readonly latency: readonly LatencyAt[] | null;
}

async function pruneAndMeasure(
  context: Context,
  setup: RunSetup,
  options: PruneOptions,
  flags: PruneFlags,
): Promise<Measured> {
  const { engine } = options;
  const { opened, evaluation } = setup;
  const judge = (model: Model): Promise<Evaluation | null> =>
    context.timed('evaluate', async () =>
      evaluation === null
        ? null
        : evaluate(engine, model, evaluation.source, { threads: flags.threads, ...context.run }),
    );
  const before = await judge(opened.model);
  const result = await prune(opened.model, options);
  for (const { seconds } of result.stages) {
    context.seconds.gradients = (context.seconds.gradients ?? 0) + seconds.gradients;
    context.seconds.solve = (context.seconds.solve ?? 0) + seconds.solve;
  }
  const after = await judge(result.model);
  const { model, recalibrated } = await recalibration(context, setup, result.model, { flags, judge });
  const latency =
    flags.latency && setup.shapes !== null
      ? await context.timed('latency', () =>
          timeModels(engine, [opened.model, model], {
            ...context.run,
            threads: flags.threads,
            sources: [sourceOf(setup), sourceOf(setup)],
          }),
        )
      : null;
  return { result, model, before, after, recalibrated, latency };
}

function sourceOf({ evaluation, data }: RunSetup): OpenedData['source'] | undefined {
  return evaluation?.source ?? data?.source;
}

async function recalibration(
  context: Context,
  { opened, data, options }: RunSetup,
  pruned: Model,
  { flags, judge }: { flags: PruneFlags; judge: (model: Model) => Promise<Evaluation | null> },
): Promise<Pick<Measured, 'model' | 'recalibrated'>> {
  if (flags.recalibrate !== true || data === null) return { model: pruned, recalibrated: null };
  const tuned = await context.timed('recalibrate', () =>
    recalibrate(pruned, opened.model, {
      engine: options.engine,
      source: data.source,
      seed: flags.seed,
      ...context.run,
    }),
  );
  const evaluation = await judge(tuned.model);
  if (tuned.normalizations + tuned.corrections === 0)
    context.warn(
      'nothing to recalibrate: the model has no batch normalisation, and no convolution whose statistics could be restored',
    );
  return {
    model: tuned.model,
    recalibrated: { accuracy: evaluation?.accuracy ?? null, loss: evaluation?.loss ?? null, rows: tuned.samples },
  };
}

interface Places {
  readonly flags: PruneFlags;
  readonly output: string;
}

async function finish(context: Context, setup: RunSetup, run: Measured, { flags, output }: Places): Promise<number> {
  const { opened } = setup;
  context.io.signal.throwIfAborted();
  await context.timed('write', () => writeModel(output, run.model));
  const bytes = await context.timed('size', async () => ({
    before: await measureSize(filesOf(opened.path, opened.model)),
    after: await measureSize(filesOf(output, run.model)),
  }));
  const surroundings: Surroundings = {
    tool: toolFacts(),
    runtime: { name: setup.options.engine.name, version: setup.options.engine.version, threads: flags.threads ?? null },
    platform: platformFacts(),
    command: [...context.command],
    model: opened.file,
    output: await fileFacts(output, run.model),
    data: setup.data === null || !usesData(run) ? null : await dataFacts(setup.data),
    eval: setup.evaluation === null ? null : await dataFacts(setup.evaluation),
    recalibrated: run.recalibrated,
    bytes,
    latency:
      run.latency?.map(({ batch, latencies: [before = null, after = null] }) => ({ batch, before, after })) ?? null,
    seconds: { ...context.seconds },
    peakRssMB: peakRssMB(),
    warnings: [...context.warnings],
  };
  const { result, before, after } = run;
  const facts = reportFacts(
    { model: opened.model, choice: flags, result, before, after, shapes: setup.shapes },
    surroundings,
  );
  const report = makeReport({
    ...facts,
    asked: { ...facts.asked, options: { ...facts.asked.options, ...runSettings(flags) } },
  });
  for (const warning of report.warnings) context.warn(warning);
  if (flags.report !== undefined) await writeReport(flags.report, report);
  context.print(flags.json === true ? reportText(report) : summary(report, { output, folder: flags.report }));
  return gate(context, report, flags.minAccuracy);
}

/** Whether any row of --data went into the result. */
function usesData({ result, recalibrated }: Measured): boolean {
  return recalibrated !== null || result.stages.some(({ value }) => value !== null);
}

/** What the report says of the run besides the library's own options. */
function runSettings(flags: PruneFlags): Record<string, string | number | boolean> {
  const {
    scale,
    mean,
    std,
    size,
    resize,
    interpolation,
    layout,
    channels,
    augmentCrop,
    augmentFlip,
    recalibrate: again = false,
  } = flags;
  const all = {
    scale,
    mean,
    std,
    size,
    resize,
    interpolation,
    layout,
    channels,
    augmentCrop,
    augmentFlip,
    recalibrate: again,
  };
  return Object.fromEntries(
    Object.entries(all).filter((entry): entry is [string, string | number | boolean] => entry[1] !== undefined),
  );
}

function summary(report: Report, { output, folder }: { output: string; folder: string | undefined }): string {
  const { asked, model, sparsity: achieved, nonzeros, prunable, layers } = report;
  const rows = summaryRows(report).map(({ label, before, after, change }) => [label, before, after, change]);
  const heading = `${model.name} pruned by ${asked.method}: ${percent(achieved)} of ${integer(prunable)} weights in ${layers.length} layers removed, ${integer(nonzeros)} kept`;
  const table = textTable(
    [{ heading: '' }, { heading: 'before', align: 'right' }, { heading: 'after', align: 'right' }, { heading: '' }],
    rows,
  );
  const written = `model   ${output}${folder === undefined ? '' : `\nreport  ${folder}`}`;
  return `${heading}\n\n${table}\n\n${written}`;
}

/** The accuracy that counts is that of the model as written: recalibrated, if it is. */
function gate(context: Context, { accuracy, recalibrated }: Report, least: number | undefined): number {
  if (least === undefined) return EXIT.ok;
  const reached = recalibrated === null ? accuracy.after : recalibrated.accuracy;
  if (reached !== null && reached >= least) return EXIT.ok;
  context.io.err(`coppice: the accuracy is ${percent(reached)}, below the ${percent(least)} of --min-accuracy\n`);
  return EXIT.gateMissed;
}
