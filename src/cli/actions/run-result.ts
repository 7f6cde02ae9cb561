import { CoppiceError } from '../../errors/errors.ts';
import type { Evaluation } from '../../evaluate/accuracy.ts';
import { measureSize } from '../../evaluate/size.node.ts';
import type { Model } from '../../ir/model.ts';
import { encodeModel } from '../../onnx/encode.ts';
import { writeModel } from '../../onnx/files.node.ts';
import { dataFacts } from '../../pipeline/opened-data.ts';
import type { Recipe } from '../../pipeline/recipe.ts';
import type { Surroundings } from '../../pipeline/report-facts.ts';
import type { Finished } from '../../pipeline/run.ts';
import { latencyFacts, reportOn } from '../../pipeline/run-and-report.ts';
import { lastEvaluation, pruningOf } from '../../pipeline/run-report.ts';
import { type LatencyAt, timeModels } from '../../pipeline/timing.ts';
import type { MemoryPlan } from '../../pruning/memory-plan.ts';
import { integer, percent } from '../../report/figures.ts';
import { reportText, writeReport } from '../../report/files.node.ts';
import type { Report } from '../../report/report.ts';
import { runtimeFacts } from '../../report/runtime-facts.ts';
import { sparkline } from '../../report/sparkline.ts';
import { summaryRows } from '../../report/summary.ts';
import { peakRssMB, platformFacts, toolFacts } from '../../report/surroundings.node.ts';
import { textTable } from '../../report/table.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import type { MachineFlags } from '../flags.ts';
import { fileFacts, filesOf, givenFacts } from '../opening.node.ts';
import { keepsWhatIsWritten } from '../outputs.node.ts';
import { adviceOn } from './advice.ts';
import { finishTraining } from './finetune-result.ts';
import type { RunSetup } from './setup.ts';
import { failureIn, unfinished } from './unfinished.ts';

/** Where results go. */
interface Places {
  readonly flags: MachineFlags;
  readonly recipe: Recipe;
  readonly output: string;
  /** Where the gradient rows are; null for methods without. */
  readonly plan: MemoryPlan | null;
}

/** Writes the model and the report, and prints the result. @returns the exit code */
export async function finish(context: Context, setup: RunSetup, finished: Finished, places: Places): Promise<number> {
  const { flags, output } = places;
  context.io.signal.throwIfAborted();
  const latency = await latencyOf(context, setup, finished.model, flags);
  await context.timed('write', () => writeModel(output, finished.model));
  let code: number = EXIT.ok;
  const failed = await failureIn(async () => {
    code = await tellOf(context, setup, finished, { ...places, latency });
  });
  if (failed !== null) throw unfinished(context, `The model was written to "${output}"`, failed);
  return code;
}

/** Writes the report of a model that is written, and prints the result. @returns the exit code */
async function tellOf(
  context: Context,
  setup: RunSetup,
  finished: Finished,
  places: Places & Pick<Measured, 'latency'>,
): Promise<number> {
  const { flags, output, latency } = places;
  const pruning = pruningOf(finished);
  if (pruning === null) return finishTraining(context, setup, finished, { flags, output });
  const surroundings = await surroundingsOf(context, setup, finished, { ...places, pruning, latency });
  const { recipe } = places;
  const facts = { recipe, repeatable: true, shapes: setup.shapes };
  const run = { finished: { ...finished, pruning }, facts, evaluation: setup.evaluation };
  const report = await reportOn(setup.opened.model, run, surroundings);
  for (const warning of report.warnings) context.warn(warning);
  const folder = flags.report;
  const failed = folder === undefined ? null : await failureIn(() => writeReport(folder, report));
  context.print(
    flags.json === true
      ? reportText(report)
      : summary(report, { output, folder: failed === null ? folder : undefined, width: context.width }),
  );
  if (failed !== null) throw failed.thrown;
  const advice = adviceOn(finished, recipe);
  if (advice !== null) context.tell(advice);
  return gate(context, lastEvaluation(finished), flags.minAccuracy);
}

/** Times the model before and after, where that was asked for; one that cannot be timed is told of, and written all the same. */
async function latencyOf(
  context: Context,
  setup: RunSetup,
  model: Model,
  { latency, threads }: MachineFlags,
): Promise<readonly LatencyAt[] | null> {
  if (!latency || setup.shapes === null) return null;
  const source = setup.evaluation?.source ?? setup.data?.source;
  return context.timed('latency', () =>
    timeModels(setup.engine, [setup.opened.model, model], {
      ...context.run,
      ...(threads !== undefined && { threads }),
      sources: [source, source],
    }).catch((thrown: unknown) => {
      if (!(thrown instanceof CoppiceError)) throw thrown;
      context.warn(`latency is not measured: ${thrown.message}`);
      return null;
    }),
  );
}

interface Measured {
  readonly pruning: NonNullable<ReturnType<typeof pruningOf>>;
  readonly latency: readonly LatencyAt[] | null;
}

async function surroundingsOf(
  context: Context,
  { opened, data, evaluation, engine }: RunSetup,
  { model, steps }: Finished,
  { flags, output, plan, pruning, latency }: Places & Measured,
): Promise<Omit<Surroundings, 'recalibrated'>> {
  const written = keepsWhatIsWritten(output) ? null : encodeModel(model);
  const bytes = await context.timed('size', async () => {
    const [before, after] = await Promise.all([
      measureSize(filesOf(opened.path, opened.model)),
      measureSize(written ?? filesOf(output, model)),
    ]);
    return { before, after };
  });
  if (bytes.after.gzip === null)
    context.warn('sizes after gzip and brotli are not measured: the model is too large for that to be quick');
  const usesData = steps.length > 1 || pruning.prepared.method.needs.data;
  return {
    tool: toolFacts(),
    runtime: runtimeFacts(engine, flags.threads),
    platform: platformFacts(),
    gradientRows: plan === null ? null : rowsFacts(plan),
    command: [...context.command],
    model: opened.file,
    output: await (written === null ? fileFacts(output, model) : givenFacts(output, written)),
    data: data === null || !usesData ? null : await dataFacts(data),
    eval: evaluation === null ? null : await dataFacts(evaluation),
    bytes,
    latency: latencyFacts(latency),
    seconds: { ...context.seconds },
    peakRssMB: peakRssMB(),
    warnings: [...context.warnings],
  };
}

/** What the report says of a plan. */
function rowsFacts({ where, type, bytes, factored }: MemoryPlan): Report['gradientRows'] {
  return { where, type, bytes: Math.round(bytes), factored: factored.map(({ name }) => name) };
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

/** The accuracy that counts is that of the model as written. */
function gate(context: Context, reached: Evaluation | null, least: number | undefined): number {
  if (least === undefined) return EXIT.ok;
  const accuracy = reached?.accuracy ?? null;
  if (accuracy !== null && accuracy >= least) return EXIT.ok;
  context.fail(`the accuracy is ${percent(accuracy)}, below the ${percent(least)} of --min-accuracy`);
  return EXIT.gateMissed;
}
