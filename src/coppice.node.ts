import { recalibrate } from './apply/recalibrate.ts';
import type { Dataset } from './data/dataset.ts';
import { type FeedSource, feedsFromDataset } from './data/feeds.ts';
import { openDataset } from './data/open-dataset.node.ts';
import type { PreprocessOptions } from './data/preprocess.ts';
import type { Engine } from './engine/engine.ts';
import { onnxruntimeNode } from './engine/onnxruntime.node.ts';
import { OptionError } from './errors/errors.ts';
import { type EvaluateOptions, type Evaluation, evaluate } from './evaluate/accuracy.ts';
import { measureLatency, withRows } from './evaluate/latency.ts';
import { measureSize } from './evaluate/size.node.ts';
import { feedsOf } from './ir/access.ts';
import type { Model } from './ir/model.ts';
import { encodeModel } from './onnx/encode.ts';
import { modelHash } from './onnx/files.node.ts';
import { type PruneOptions, type PruneResult, prune as prunePipeline } from './pipeline/prune.ts';
import { reportFacts, type Surroundings } from './pipeline/report-facts.ts';
import { type Shapes, shapesOf } from './pipeline/shapes.ts';
import { makeReport } from './report/make-report.ts';
import type { Report } from './report/report.ts';
import { peakRssMB, platformFacts, toolFacts } from './report/surroundings.node.ts';
import type { Tensor } from './tensor/tensor.ts';

/** What {@link prune} is asked for. `budget` has to be given; gradients need `data`; all else has defaults. */
export interface PruneRequest extends Omit<PruneOptions, 'engine' | 'source' | 'rows'> {
  /** What runs the models; default onnxruntime on the CPU. */
  readonly engine?: Engine;
  /** Samples for the gradients: a data set, or its address (see {@link openDataset}). */
  readonly data?: Dataset | string;
  /** Samples on which accuracy and loss are measured before and after; without it they are not. */
  readonly evaluation?: Dataset | string;
  /** How data behind an address is preprocessed; a data set has its own ways. */
  readonly preprocess?: PreprocessOptions;
  /** Re-estimates batch statistics on `data` after pruning: the model returned is the tuned one, the report says both. */
  readonly recalibrate?: boolean;
  /** Batch sizes at which latency is measured, both models side by side; absent = not measured. */
  readonly latency?: readonly number[];
  /** What the report shall say about files and the command; else it says what the model itself knows. */
  readonly about?: Partial<Pick<Surroundings, 'command' | 'model' | 'output'>>;
}

/** What {@link prune} gives back. */
export interface Pruned {
  readonly model: Model;
  readonly report: Report;
  /** Stage by stage, and the weights themselves. */
  readonly result: PruneResult;
}

/**
 * Prunes a model and reports what that did: the sentence at the top of the README as one call.
 *
 *     const model = await readModel('resnet20.onnx');
 *     const { model: pruned, report } = await prune(model, { data, solver: chita(), budget: sparsity(0.9) });
 *     await writeModel('resnet20-90.onnx', pruned);
 *
 * @throws OptionError         for options that cannot be, or layers that are not there
 * @throws UnsupportedOpError  if a layer's gradient cannot be computed; all nodes in the way are listed
 * @throws DataError           if data cannot be read, does not fit the model, or does not suffice
 * Deterministic given `seed`, measured times aside. Cost: that of the pipeline (stages x gradients and solver), one
 * pass over the evaluation data before and one after, and compressing both models for their sizes.
 */
export async function prune(model: Model, request: PruneRequest): Promise<Pruned> {
  const watch = stopwatch();
  const setup = await open(model, request, watch);
  const measured = await pruneAndJudge(setup, watch);
  const surroundings = await surroundingsOf(setup, measured, watch);
  const facts = { model, choice: request, ...measured, shapes: await shapesOfRun(setup) };
  return { model: measured.final, report: makeReport(reportFacts(facts, surroundings)), result: measured.result };
}

/** A request with its data opened. */
interface Setup {
  readonly model: Model;
  readonly request: PruneRequest;
  readonly engine: Engine;
  readonly data: Dataset | undefined;
  readonly evaluation: Dataset | undefined;
  readonly source: FeedSource | undefined;
  readonly tests: FeedSource | undefined;
}

async function open(model: Model, request: PruneRequest, { time }: Stopwatch): Promise<Setup> {
  if (request.recalibrate && request.data === undefined)
    throw new OptionError('Cannot recalibrate without data: give `data`');
  const modelInput = feedsOf(model.graph)[0];
  const opened = async (given: Dataset | string | undefined): Promise<Dataset | undefined> =>
    typeof given === 'string'
      ? openDataset(given, { ...request.preprocess, ...(modelInput && { modelInput }) })
      : given;
  const data = await time('data', () => opened(request.data));
  const evaluation = await time('data', () => opened(request.evaluation));
  return {
    model,
    request,
    engine: request.engine ?? onnxruntimeNode,
    data,
    evaluation,
    source: data && feedsFromDataset(model, data),
    tests: evaluation && feedsFromDataset(model, evaluation),
  };
}

/** The run itself, and how good each model is. */
interface Measured {
  readonly result: PruneResult;
  /** The model to return: recalibrated where that was asked for. */
  readonly final: Model;
  readonly before: Evaluation | null;
  readonly after: Evaluation | null;
  readonly recalibrated: Report['recalibrated'];
}

async function pruneAndJudge(setup: Setup, { seconds, time }: Stopwatch): Promise<Measured> {
  const { model, request, engine, source, tests } = setup;
  const judge = (judged: Model): Promise<Evaluation | null> =>
    time('evaluate', async () => (tests ? evaluate(engine, judged, tests, runOptions(request)) : null));
  const before = await judge(model);
  const result = await prunePipeline(model, { ...request, engine, ...(source && { source }) });
  for (const stage of result.stages) {
    seconds.gradients = (seconds.gradients ?? 0) + stage.seconds.gradients;
    seconds.solve = (seconds.solve ?? 0) + stage.seconds.solve;
  }
  const after = await judge(result.model);
  if (!request.recalibrate || source === undefined)
    return { result, final: result.model, before, after, recalibrated: null };
  const { seed, onProgress, signal } = request;
  const options = {
    engine,
    source,
    ...(seed !== undefined && { seed }),
    ...(onProgress && { onProgress }),
    ...(signal && { signal }),
  };
  const tuned = await time('recalibrate', () => recalibrate(result.model, model, options));
  const last = await judge(tuned.model);
  const recalibrated = { accuracy: last?.accuracy ?? null, loss: last?.loss ?? null, rows: tuned.samples };
  return { result, final: tuned.model, before, after, recalibrated };
}

async function surroundingsOf(
  setup: Setup,
  { final, recalibrated }: Measured,
  { seconds, time }: Stopwatch,
): Promise<Surroundings> {
  const { model, request, engine, data, evaluation } = setup;
  const bytes = await time('size', () => sizesOf(model, final));
  const latency = await time('latency', () => latencyOf(setup, final));
  return {
    tool: toolFacts(),
    runtime: { name: engine.name, version: engine.version, threads: request.threads ?? null },
    platform: platformFacts(),
    command: request.about?.command ?? null,
    model: request.about?.model ?? (await fileFacts(model)),
    output: request.about?.output ?? null,
    data: await dataFacts(data),
    eval: await dataFacts(evaluation),
    recalibrated,
    bytes,
    latency,
    seconds,
    peakRssMB: peakRssMB(),
    warnings: [],
  };
}

/** Adds up wall time by step. */
interface Stopwatch {
  readonly seconds: Record<string, number>;
  readonly time: <T>(step: string, work: () => Promise<T>) => Promise<T>;
}

function stopwatch(): Stopwatch {
  const seconds: Record<string, number> = {};
  return {
    seconds,
    time: async (step, work) => {
      const start = performance.now();
      try {
        return await work();
      } finally {
        seconds[step] = (seconds[step] ?? 0) + (performance.now() - start) / 1000;
      }
    },
  };
}

function runOptions({ threads, onProgress, signal }: PruneRequest): EvaluateOptions {
  return { ...(threads !== undefined && { threads }), ...(onProgress && { onProgress }), ...(signal && { signal }) };
}

/** Shapes of one sample's run, of made-up inputs where there is no data; null if the model does not run. */
async function shapesOfRun({ engine, model, source, tests }: Setup): Promise<Shapes | null> {
  const shapes = await shapesOf(engine, model, source ?? tests);
  return 'reason' in shapes ? null : shapes;
}

/** The fewest samples that the model runs on. */
async function oneRun(source: FeedSource): Promise<{ inputs: Map<string, Tensor>; rows: number }> {
  const rows = source.fixedBatch ?? 1;
  const { inputs } = await source.feeds(Int32Array.from({ length: rows }, (_, i) => i % source.count));
  return { inputs, rows };
}

async function sizesOf(before: Model, after: Model): Promise<Report['bytes']> {
  return { before: await measureSize(encodeModel(before)), after: await measureSize(encodeModel(after)) };
}

async function latencyOf({ engine, model, request, source, tests }: Setup, final: Model): Promise<Report['latency']> {
  const example = source ?? tests;
  if (request.latency === undefined || example === undefined) return null;
  const { inputs } = await oneRun(example);
  const options = request.threads === undefined ? {} : { threads: request.threads };
  const sessions = await Promise.all([model, final].map((one) => engine.createSession(one, options)));
  try {
    const entries: NonNullable<Report['latency']> = [];
    for (const batch of example.fixedBatch === null ? request.latency : [example.fixedBatch]) {
      const cases = sessions.map((session) => ({ session, feeds: withRows(inputs, batch) }));
      const [before = null, after = null] = await measureLatency(cases, runOptions(request));
      entries.push({ batch, before, after });
    }
    return entries;
  } finally {
    await Promise.all(sessions.map((session) => session.release()));
  }
}

async function fileFacts(model: Model): Promise<Report['model']> {
  const bytes = encodeModel(model);
  return { name: model.graph.name, sha256: await modelHash(bytes), bytes: bytes.byteLength };
}

async function dataFacts(dataset: Dataset | undefined): Promise<Report['data']> {
  return dataset === undefined ? null : { address: dataset.address, sha256: await dataset.hash(), rows: dataset.count };
}
