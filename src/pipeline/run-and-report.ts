import type { CompiledFiles } from '../compile/output.ts';
import { resolvePreprocess } from '../data/preprocess.ts';
import type { Engine } from '../engine/engine.ts';
import type { Evaluation } from '../evaluate/accuracy.ts';
import type { Model } from '../ir/model.ts';
import { encodeModel } from '../onnx/encode.ts';
import type { OutputChoice } from '../outputs/outputs.ts';
import { shapesOf } from '../pruning/shapes.ts';
import type { Report } from '../report/report.ts';
import { runtimeFacts } from '../report/runtime-facts.ts';
import { compiledFacts, compilingOf, filesOfCompiled, programSide, sizesOfFiles } from './compiled-facts.ts';
import { flipDetails } from './details/flip-details.ts';
import { dataFacts, type OpenedData } from './opened-data.ts';
import { type PruneStep, type Recipe, withoutUndefined } from './recipe.ts';
import type { Surroundings } from './report-facts.ts';
import { type Finished, run, type StepFacts } from './run.ts';
import { type RunPorts, type Stopwatch, stopwatch } from './run-ports.ts';
import { lastEvaluation, type PrunedRun, pruningOf, type RunReportFacts, runReport } from './run-report.ts';
import { type LatencyAt, timeSides } from './timing.ts';

/** What Node and a browser each do in their own way. */
export interface Platform {
  readonly engine: Engine;
  /** Bytes of a model raw and compressed; null for what the platform cannot tell. */
  readonly measureSize: (bytes: Uint8Array) => Promise<NonNullable<Report['bytes']['before']>>;
  /** SHA-256 in hexadecimal. */
  readonly sha256: (bytes: Uint8Array) => Promise<string>;
  /** Asked after the run. */
  readonly facts: () => Pick<Surroundings, 'tool' | 'platform' | 'peakRssMB'>;
}

/** What a run is given besides its recipe. */
export interface RunGiven
  extends Partial<
    Pick<RunPorts, 'threads' | 'onProgress' | 'signal' | 'openPool' | 'pruning' | 'teacher' | 'augment'>
  > {
  readonly data?: OpenedData | undefined;
  readonly evaluation?: OpenedData | undefined;
  /** Batch sizes at which latency is measured, both models side by side; absent = not measured. */
  readonly latency?: readonly number[] | undefined;
  /** What the report shall say about files and the command; else it says what the model itself knows. */
  readonly about?: Partial<Pick<Surroundings, 'command' | 'model' | 'output'>> | undefined;
  /** Whether the recipe says everything: false where code took part. */
  readonly repeatable: boolean;
}

/** What {@link runAndReport} gives back. */
export interface Ran {
  readonly model: Model;
  /** Null for a recipe without a pruning. */
  readonly report: Report | null;
  /** What is known of each step, and how good the model was after it. */
  readonly steps: readonly StepFacts[];
  /** Of the model as it was, and of the one that is returned; null without evaluation data. */
  readonly evaluations: { readonly before: Evaluation | null; readonly after: Evaluation | null };
  /** Files of the compiled model, by name, where the recipe compiles and the model can be compiled; else null. */
  readonly compiled: CompiledFiles | null;
}

/**
 * Applies a recipe to a model and reports what that did, on any platform.
 *
 * @param watch  adds to the seconds of steps that went before, such as opening the data
 * @throws CoppiceError as {@link run}
 * Deterministic given the seeds of the steps, measured times aside. Cost: that of the steps, one pass over the evaluation data before the
 * first and one after each, and compressing both models for their sizes.
 */
export async function runAndReport(
  model: Model,
  { recipe, given, platform }: { readonly recipe: Recipe; readonly given: RunGiven; readonly platform: Platform },
  watch: Stopwatch = stopwatch(),
): Promise<Ran> {
  const warnings: string[] = [];
  const setup: Setup = { model, recipe, given, platform, watch, warnings };
  const finished = await run(model, recipe.steps, portsOf(setup));
  const pruning = pruningOf(finished);
  return {
    model: finished.model,
    steps: finished.steps,
    report: pruning === null ? null : await reportOf(setup, { ...finished, pruning }),
    evaluations: { before: finished.before, after: lastEvaluation(finished) },
    compiled: filesOf(finished),
  };
}

/** What compiled models are called where nobody names them. */
const STEM = 'model';

function filesOf(finished: Finished): CompiledFiles | null {
  const compiling = compilingOf(finished);
  return compiling === null || compiling.checked === null ? null : filesOfCompiled(compiling, STEM);
}

/** What a run is made of. */
interface Setup {
  readonly model: Model;
  readonly recipe: Recipe;
  readonly given: RunGiven;
  readonly platform: Platform;
  readonly watch: Stopwatch;
  readonly warnings: string[];
}

/** The output that a recipe is judged by, where it names one. */
export function judgedBy({ steps }: Pick<Recipe, 'steps'>): OutputChoice {
  const { output } = { ...steps.find((step) => step.do === 'prune'), ...steps[0] } as PruneStep;
  return withoutUndefined({ output });
}

/** The ports of a run that tells nobody but its report. */
export function portsOf({
  recipe,
  given,
  platform: { engine },
  watch,
  warnings,
}: Pick<Setup, 'given' | 'platform' | 'watch' | 'warnings'> & { readonly recipe: Pick<Recipe, 'steps'> }): RunPorts {
  const { threads, onProgress, signal, openPool, pruning, teacher, augment = false } = given;
  return {
    ...watch,
    ...withoutUndefined({ threads, onProgress, signal, openPool, pruning, teacher }),
    engine,
    data: given.data?.source ?? null,
    augment,
    evaluation: given.evaluation?.source ?? null,
    judged: judgedBy(recipe),
    judgesStages: true,
    tell: () => undefined,
    note: () => undefined,
    emit: () => undefined,
    warn: (message) => warnings.push(message),
  };
}

async function reportOf(setup: Setup, finished: PrunedRun): Promise<Report> {
  const { model, recipe, given, platform } = setup;
  const surroundings = await surroundingsOf(setup, finished);
  const source = (given.data ?? given.evaluation)?.source;
  const shapes = await shapesOf(platform.engine, model, source); // of made-up inputs where there is no data
  const facts = { recipe, repeatable: given.repeatable, shapes: 'reason' in shapes ? null : shapes };
  return reportOn(model, { finished, facts, evaluation: given.evaluation ?? null }, surroundings);
}

/** The report of a run that prunes, with the rows whose class changed. */
export async function reportOn(
  model: Model,
  run: {
    readonly finished: PrunedRun;
    readonly facts: Omit<RunReportFacts, 'flips'>;
    readonly evaluation: OpenedData | null;
  },
  surroundings: Omit<Surroundings, 'recalibrated'>,
): Promise<Report> {
  const { finished, facts, evaluation } = run;
  const { mean, std } = resolvePreprocess({ mean: facts.recipe.preprocess.mean, std: facts.recipe.preprocess.std });
  const after = lastEvaluation(finished);
  const flips = await flipDetails({ before: finished.before, after, source: evaluation?.source ?? null, mean, std });
  return runReport(model, finished, { ...facts, flips }, surroundings);
}

/** Latencies as a report has them. */
export function latencyFacts(timed: readonly LatencyAt[] | null): Report['latency'] {
  return timed?.map(({ batch, latencies: [before = null, after = null] }) => ({ batch, before, after })) ?? null;
}

async function surroundingsOf(setup: Setup, finished: Finished): Promise<Omit<Surroundings, 'recalibrated'>> {
  const { model, given, platform, watch, warnings } = setup;
  const { data, evaluation, about } = given;
  const { model: final } = finished;
  const bytes = await watch.time('size', () => sizesOf(platform, model, final));
  const latency = await watch.time('latency', () => latencyOf(setup, finished));
  const compiling = compilingOf(finished);
  const files = await watch.time('size', () => sizesOfFiles(filesOf(finished) ?? {}, platform.measureSize));
  const remarks = [data, evaluation].flatMap((rows) => rows?.source.tested?.remark ?? []);
  return {
    ...platform.facts(),
    runtime: runtimeFacts(platform.engine, given.threads),
    gradientRows: null,
    command: about?.command ?? null,
    model: about?.model ?? (await fileFacts(platform, model)),
    output: about?.output ?? null,
    data: data === undefined ? null : await dataFacts(data),
    eval: evaluation === undefined ? null : await dataFacts(evaluation),
    bytes,
    latency: latencyFacts(latency),
    compiled: compiling && compiledFacts(compiling, files, latency),
    seconds: watch.seconds,
    warnings: [...new Set([...remarks, ...warnings])],
  };
}

async function sizesOf({ measureSize }: Platform, before: Model, after: Model): Promise<Report['bytes']> {
  const was = await measureSize(encodeModel(before)); // one after the other: each is a copy of all weights
  const is = await measureSize(encodeModel(after));
  return { before: was, after: is };
}

async function latencyOf({ platform, model, given }: Setup, finished: Finished): Promise<readonly LatencyAt[] | null> {
  const { latency: batches, data, evaluation, threads, onProgress, signal } = given;
  const source = (data ?? evaluation)?.source;
  if (batches === undefined || source === undefined) return null;
  const { engine } = platform;
  const compiling = compilingOf(finished);
  const program = compiling && (await programSide(compiling, source));
  const sides = [{ engine, model, source }, { engine, model: finished.model, source }, ...(program ? [program] : [])];
  return timeSides(sides, { ...withoutUndefined({ threads, onProgress, signal }), batches });
}

async function fileFacts({ sha256 }: Platform, model: Model): Promise<Report['model']> {
  const bytes = encodeModel(model);
  return { name: model.graph.name, sha256: await sha256(bytes), bytes: bytes.byteLength };
}
