import type { Dataset } from '../data/dataset.ts';
import { feedsFromDataset } from '../data/dataset-feeds.ts';
import type { FeedSource } from '../data/feeds.ts';
import { sharedInputsOf } from '../data/model-sides.ts';
import type { Engine } from '../engine/engine.ts';
import { OptionError } from '../errors/errors.ts';
import type { EvaluateOptions, Evaluation } from '../evaluate/accuracy.ts';
import { measureLatency, withRows } from '../evaluate/latency.ts';
import type { Model } from '../ir/model.ts';
import type { PruneResult } from '../methods/prune.ts';
import type { PruneOptions } from '../methods/prune-options.ts';
import { encodeModel } from '../onnx/encode.ts';
import { givenOptions } from '../pruning/method-options.ts';
import { type Shapes, shapesOf } from '../pruning/shapes.ts';
import type { Report } from '../report/report.ts';
import { runtimeFacts } from '../report/runtime-facts.ts';
import { testedFeeds } from '../samples/tested-feeds.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { flipDetails } from './details/flip-details.ts';
import { type PruneStep, RECIPE_SCHEMA, type Recipe, withoutUndefined } from './recipe.ts';
import type { Surroundings } from './report-facts.ts';
import { type Finished, run } from './run.ts';
import { type RunPorts, type Stopwatch, stopwatch } from './run-ports.ts';
import { lastEvaluation, pruningOf, runReport } from './run-report.ts';

/** What {@link pruneAndReport} is asked for. `budget` has to be given; gradients need `data`; all else has defaults. */
export interface ReportedPruneOptions extends Omit<PruneOptions, 'engine' | 'source' | 'rows'> {
  /** Samples for the gradients. */
  readonly data?: Dataset | undefined;
  /** Samples on which accuracy and loss are measured before and after; without it they are not. */
  readonly evaluation?: Dataset | undefined;
  /** Re-estimates batch statistics on `data` after pruning: the model returned is the tuned one, the report says both. */
  readonly recalibrate?: boolean;
  /** Batch sizes at which latency is measured, both models side by side; absent = not measured. */
  readonly latency?: readonly number[];
  /** What the report shall say about files and the command; else it says what the model itself knows. */
  readonly about?: Partial<Pick<Surroundings, 'command' | 'model' | 'output'>>;
}

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

/** What {@link pruneAndReport} gives back. */
export interface Pruned {
  readonly model: Model;
  readonly report: Report;
  /** Stage by stage, and the weights themselves. */
  readonly result: PruneResult;
  /** Of the model as it was, and of the one that is returned; null without evaluation data. */
  readonly evaluations: { readonly before: Evaluation | null; readonly after: Evaluation | null };
}

/**
 * Prunes a model and reports what that did, on any platform: a recipe of one pruning, and a recalibration where that is asked for.
 *
 * @param watch  adds to the seconds of steps that went before, such as opening the data
 * @throws OptionError         for options that cannot be, or layers that are not there
 * @throws UnsupportedOpError  if a layer's gradient cannot be computed; all nodes in the way are listed
 * @throws DataError           if data does not fit the model, or does not suffice
 * Deterministic given `seed`, measured times aside. Cost: that of the pipeline (stages x gradients and solver), one
 * pass over the evaluation data before and one after, and compressing both models for their sizes.
 */
export async function pruneAndReport(
  model: Model,
  options: ReportedPruneOptions,
  platform: Platform,
  watch: Stopwatch = stopwatch(),
): Promise<Pruned> {
  const { data, evaluation } = options;
  if (options.recalibrate && data === undefined) throw new OptionError('Cannot recalibrate without data: give `data`');
  const source = data && (await testedFeeds(platform.engine, model, feedsFromDataset(model, data)));
  const tested = evaluation && (await testedFeeds(platform.engine, model, feedsFromDataset(model, evaluation)));
  const tests = tested?.flat ?? tested;
  const setup: Setup = { model, options, platform, source, tests };
  const recipe = recipeFrom(options);
  const warnings: string[] = [];
  const { steps } = recipe;
  const finished = await run(model, steps, portsOf(setup, { watch, warnings }));
  const pruning = pruningOf(finished) as NonNullable<ReturnType<typeof pruningOf>>; // the first step is one
  const surroundings = await surroundingsOf(setup, finished, { watch, warnings });
  const last = lastEvaluation(finished);
  const flips = await flipDetails({ before: finished.before, after: last, source: tests ?? null });
  const facts = { recipe, repeatable: options.solver === undefined, shapes: await shapesOfRun(setup), flips };
  return {
    model: finished.model,
    report: runReport(model, { ...finished, pruning }, facts, surroundings),
    result: pruning.result,
    evaluations: { before: finished.before, after: last },
  };
}

/** What a run is made of. */
interface Setup {
  readonly model: Model;
  readonly options: ReportedPruneOptions;
  readonly platform: Platform;
  readonly source: FeedSource | undefined;
  readonly tests: FeedSource | undefined;
}

/** The recipe that flat options mean. */
function recipeFrom(options: ReportedPruneOptions): Recipe {
  const { budget, method, layers, exclude, loss, labels, output, blocked, seed, data, evaluation } = options;
  const { scope, bounds, ...amounts } = budget;
  const step: PruneStep = withoutUndefined({
    do: 'prune' as const,
    method,
    budget: withoutUndefined({ ...amounts, scope, bounds: bounds && [...bounds] }) as PruneStep['budget'],
    options: givenOptions(options) as PruneStep['options'],
    layers: layers && [...layers],
    exclude: exclude && [...exclude],
    loss,
    labels,
    output,
    blocked,
    seed,
  });
  return {
    schema: RECIPE_SCHEMA,
    ...(data && { data: data.address }),
    ...(evaluation && { eval: evaluation.address }),
    preprocess: {},
    steps: [step, ...(options.recalibrate === true ? [withoutUndefined({ do: 'recalibrate' as const, seed })] : [])],
  };
}

function portsOf(
  { options, platform, source, tests }: Setup,
  { watch, warnings }: { readonly watch: Stopwatch; readonly warnings: string[] },
): RunPorts {
  const { threads, onProgress, signal, openPool, solver, onStage, output, augment = false } = options;
  return {
    ...watch,
    ...withoutUndefined({ threads, onProgress, signal, openPool }),
    engine: platform.engine,
    data: source ?? null,
    augment,
    evaluation: tests ?? null,
    judged: withoutUndefined({ output }),
    judgesStages: true,
    tell: () => undefined,
    emit: () => undefined,
    warn: (message) => warnings.push(message),
    pruning: withoutUndefined({ solver, onStage }),
  };
}

async function surroundingsOf(
  setup: Setup,
  { model: final }: Finished,
  { watch: { seconds, time }, warnings }: { readonly watch: Stopwatch; readonly warnings: readonly string[] },
): Promise<Omit<Surroundings, 'recalibrated'>> {
  const { model, options, platform } = setup;
  const bytes = await time('size', () => sizesOf(platform, model, final));
  const latency = await time('latency', () => latencyOf(setup, final));
  return {
    ...platform.facts(),
    runtime: runtimeFacts(platform.engine, options.threads),
    gradientRows: null,
    command: options.about?.command ?? null,
    model: options.about?.model ?? (await fileFacts(platform, model)),
    output: options.about?.output ?? null,
    data: await dataFacts(options.data),
    eval: await dataFacts(options.evaluation),
    bytes,
    latency,
    seconds,
    warnings: [
      ...new Set([...[setup.source, setup.tests].flatMap((source) => source?.tested?.remark ?? []), ...warnings]),
    ],
  };
}

function runOptions({ threads, onProgress, signal }: ReportedPruneOptions): EvaluateOptions {
  return { ...(threads !== undefined && { threads }), ...(onProgress && { onProgress }), ...(signal && { signal }) };
}

/** Shapes of one sample's run, of made-up inputs where there is no data; null if the model does not run. */
async function shapesOfRun({ platform, model, source, tests }: Setup): Promise<Shapes | null> {
  const shapes = await shapesOf(platform.engine, model, source ?? tests);
  return 'reason' in shapes ? null : shapes;
}

/** The fewest samples that the model runs on. */
async function oneRun(source: FeedSource): Promise<{ inputs: Map<string, Tensor>; rows: number }> {
  const rows = source.fixedBatch ?? 1;
  const { inputs } = await source.feeds(Int32Array.from({ length: rows }, (_, i) => i % source.count));
  return { inputs, rows };
}

async function sizesOf({ measureSize }: Platform, before: Model, after: Model): Promise<Report['bytes']> {
  const was = await measureSize(encodeModel(before)); // one after the other: each is a copy of all weights
  const is = await measureSize(encodeModel(after));
  return { before: was, after: is };
}

async function latencyOf({ platform, model, options, source, tests }: Setup, final: Model): Promise<Report['latency']> {
  const example = source ?? tests;
  if (options.latency === undefined || example === undefined) return null;
  const { inputs } = await oneRun(example);
  const threads = { holdsWeights: true, ...(options.threads !== undefined && { threads: options.threads }) };
  const sessions = await Promise.all([model, final].map((one) => platform.engine.createSession(one, threads)));
  try {
    const entries: NonNullable<Report['latency']> = [];
    for (const batch of example.fixedBatch === null ? options.latency : [example.fixedBatch]) {
      const cases = sessions.map((session) => ({ session, feeds: withRows(inputs, batch, sharedInputsOf(model)) }));
      const [before = null, after = null] = await measureLatency(cases, runOptions(options));
      entries.push({ batch, before, after });
    }
    return entries;
  } finally {
    await Promise.all(sessions.map((session) => session.release()));
  }
}

async function fileFacts({ sha256 }: Platform, model: Model): Promise<Report['model']> {
  const bytes = encodeModel(model);
  return { name: model.graph.name, sha256: await sha256(bytes), bytes: bytes.byteLength };
}

async function dataFacts(dataset: Dataset | undefined): Promise<Report['data']> {
  return dataset === undefined ? null : { address: dataset.address, sha256: await dataset.hash(), rows: dataset.count };
}
