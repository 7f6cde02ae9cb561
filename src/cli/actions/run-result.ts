import { CoppiceError, OutputError, UnfinishedError } from '../../errors/errors.ts';
import { measureSize } from '../../evaluate/size.node.ts';
import { reasonOf, writeFiles } from '../../files/atomic.node.ts';
import { encodeModel } from '../../onnx/encode.ts';
import { writeModel } from '../../onnx/files.node.ts';
import {
  compiledFacts,
  compilingOf,
  filesOfCompiled,
  programSide,
  sizesOfFiles,
} from '../../pipeline/compiled-facts.ts';
import { dataFacts } from '../../pipeline/opened-data.ts';
import type { Recipe } from '../../pipeline/recipe.ts';
import type { Surroundings } from '../../pipeline/report-facts.ts';
import type { Finished } from '../../pipeline/run.ts';
import { latencyFacts, reportOn } from '../../pipeline/run-and-report.ts';
import { lastEvaluation, pruningOf } from '../../pipeline/run-report.ts';
import { type LatencyAt, timeSides } from '../../pipeline/timing.ts';
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
import { fileIn, keepsWhatIsWritten } from '../outputs.node.ts';
import { adviceOn } from './advice.ts';
import { finishCompact, isCompacted } from './compact-result.ts';
import { finishTraining } from './finetune-result.ts';
import { gate } from './gate.ts';
import type { RunSetup } from './setup.ts';
import { failureIn, unfinished } from './unfinished.ts';

/** Where a compiled model goes: a folder, and the name of its files without ending. */
export interface ProgramPlace {
  readonly folder: string;
  readonly stem: string;
}

/** Where results go. */
interface Places {
  readonly flags: MachineFlags;
  readonly recipe: Recipe;
  readonly output: string;
  readonly program: ProgramPlace;
  /** Where the gradient rows are; null for methods without. */
  readonly plan: MemoryPlan | null;
}

/** Writes the model and the report, and prints the result. @returns the exit code */
export async function finish(context: Context, setup: RunSetup, finished: Finished, places: Places): Promise<number> {
  const { flags, output } = places;
  context.io.signal.throwIfAborted();
  const latency = await latencyOf(context, setup, finished, flags);
  await context.timed('write', () => writeModel(output, finished.model));
  let code: number = EXIT.ok;
  const failed = await failureIn(async () => {
    await writeCompiled(context, finished, places.program);
    code = await tellOf(context, setup, finished, { ...places, latency });
  });
  if (failed !== null) throw unfinished(context, `The model was written to "${output}"`, failed);
  const refused = compilingOf(finished)?.refused ?? null;
  if (refused !== null)
    throw new UnfinishedError(`The model was written to "${output}"; it is not compiled: ${refused}`);
  return code;
}

async function writeCompiled(context: Context, finished: Finished, { folder, stem }: ProgramPlace): Promise<void> {
  const compiling = compilingOf(finished);
  if (compiling === null || compiling.checked === null) return;
  const files = filesOfCompiled(compiling, stem);
  await context.timed('write', () =>
    writeFiles(folder, files).catch((cause: unknown) => {
      throw new OutputError(`Cannot write to "${folder}": ${reasonOf(cause)}`, { cause });
    }),
  );
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
  if (isCompacted(finished)) return finishCompact(context, setup, finished, places);
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
      : summary(report, {
          output,
          program: programLine(report, places.program),
          folder: failed === null ? folder : undefined,
          width: context.width,
        }),
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
  finished: Finished,
  { latency, threads }: MachineFlags,
): Promise<readonly LatencyAt[] | null> {
  if (!latency || setup.shapes === null) return null;
  const source = setup.evaluation?.source ?? setup.data?.source;
  const { engine, opened } = setup;
  const compiling = compilingOf(finished);
  const program = compiling && (await programSide(compiling, source));
  const models = [opened.model, finished.model].map((model) => ({ engine, model, source }));
  return context.timed('latency', () =>
    timeSides([...models, ...(program ? [program] : [])], {
      ...context.run,
      ...(threads !== undefined && { threads }),
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
  finished: Finished,
  { flags, output, program, plan, pruning, latency }: Places & Measured,
): Promise<Omit<Surroundings, 'recalibrated'>> {
  const { model, steps } = finished;
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
  const compiling = compilingOf(finished);
  const files = await context.timed('size', () =>
    sizesOfFiles(compiling === null ? {} : filesOfCompiled(compiling, program.stem), measureSize),
  );
  const usesData =
    steps.some((step) => step.do !== 'prune' && step.do !== 'compile') || pruning.prepared.method.needs.data;
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
    compiled: compiling && compiledFacts(compiling, files, latency),
    seconds: { ...context.seconds },
    peakRssMB: peakRssMB(),
    warnings: [...context.warnings],
  };
}

/** What the report says of a plan. */
function rowsFacts({ where, type, bytes, factored }: MemoryPlan): Report['gradientRows'] {
  return { where, type, bytes: Math.round(bytes), factored: factored.map(({ name }) => name) };
}

/** Where the compiled model lies; null where there is none. */
function programLine({ compiled }: Report, { folder }: ProgramPlace): string | null {
  if (compiled === null || compiled.files.length === 0) return null;
  return compiled.files.map(({ name }) => fileIn(folder, name)).join(', ');
}

function summary(
  report: Report,
  {
    output,
    program,
    folder,
    width,
  }: { output: string; program: string | null; folder: string | undefined; width: number },
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
  const written = [
    `model   ${output}`,
    ...(program === null ? [] : [`program ${program}`]),
    ...(folder === undefined ? [] : [`report  ${folder}`]),
  ].join('\n');
  return `${heading}\n\n${table}\n\n${shape}\n\n${written}`;
}
