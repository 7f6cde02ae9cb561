import { type Recalibrated, recalibrate } from './apply/recalibrate.ts';
import type { Dataset } from './data/dataset.ts';
import { type FeedSource, feedsFromDataset, randomFeeds } from './data/feeds.ts';
import { openDataset } from './data/open-dataset.node.ts';
import type { PreprocessOptions } from './data/preprocess.ts';
import { capture } from './engine/capture.ts';
import type { Engine } from './engine/engine.ts';
import { onnxruntimeNode } from './engine/onnxruntime.node.ts';
import { OptionError } from './errors/errors.ts';
import { type EvaluateOptions, type Evaluation, evaluate } from './evaluate/accuracy.ts';
import { measureLatency, withRows } from './evaluate/latency.ts';
import { measureSize } from './evaluate/size.node.ts';
import type { Captured } from './graph/captured.ts';
import { feedsOf } from './ir/access.ts';
import type { Model } from './ir/model.ts';
import { encodeModel } from './onnx/encode.ts';
import { modelHash } from './onnx/files.node.ts';
import { type PruneOptions, type PruneResult, prune as prunePipeline } from './pipeline/prune.ts';
import { reportFacts, type Surroundings } from './pipeline/report-facts.ts';
import { makeReport } from './report/make-report.ts';
import type { Report } from './report/report.ts';
import { peakRssMB, platformFacts, toolFacts } from './report/surroundings.node.ts';
import { random } from './tensor/random.ts';

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
  const engine = request.engine ?? onnxruntimeNode;
  const { seconds, time } = stopwatch();
  const { data, evaluation } = await time('data', () => openAll(model, request));
  if (request.recalibrate && data === undefined) throw new OptionError('Cannot recalibrate without data: give `data`');
  const source = data && feedsFromDataset(model, data);
  const tests = evaluation && feedsFromDataset(model, evaluation);
  const judge = async (judged: Model): Promise<Evaluation | null> =>
    tests ? evaluate(engine, judged, tests, runOptions(request)) : null;

  const before = await time('evaluate', () => judge(model));
  const result = await prunePipeline(model, { ...request, engine, ...(source && { source }) });
  for (const stage of result.stages) {
    seconds.gradients = (seconds.gradients ?? 0) + stage.seconds.gradients;
    seconds.solve = (seconds.solve ?? 0) + stage.seconds.solve;
  }
  const after = await time('evaluate', () => judge(result.model));

  const tuned =
    source && request.recalibrate
      ? await time('recalibrate', () => tune(engine, { model, pruned: result.model, source }, request))
      : null;
  const final = tuned?.model ?? result.model;
  const tunedEvaluation = tuned && (await time('evaluate', () => judge(final)));

  const example = source ?? tests ?? null;
  const shapes = await shapesOf(engine, model, example);
  const bytes = await time('size', () => sizesOf(model, final));
  const latency = await time('latency', () => latencyOf(engine, [model, final], example, request));
  const surroundings: Surroundings = {
    tool: toolFacts(),
    runtime: { name: engine.name, version: engine.version, threads: request.threads ?? null },
    platform: platformFacts(),
    command: request.about?.command ?? null,
    model: request.about?.model ?? (await fileFacts(model)),
    output: request.about?.output ?? null,
    data: await dataFacts(data),
    eval: await dataFacts(evaluation),
    recalibrated: tuned && {
      accuracy: tunedEvaluation?.accuracy ?? null,
      loss: tunedEvaluation?.loss ?? null,
      rows: tuned.samples,
    },
    bytes,
    latency,
    seconds,
    peakRssMB: peakRssMB(),
    warnings: [],
  };
  const report = makeReport(reportFacts({ model, choice: request, result, before, after, shapes }, surroundings));
  return { model: final, report, result };
}

/** Adds up wall time by step. */
function stopwatch(): {
  seconds: Record<string, number>;
  time: <T>(step: string, work: () => Promise<T>) => Promise<T>;
} {
  const seconds: Record<string, number> = {};
  const time = async <T>(step: string, work: () => Promise<T>): Promise<T> => {
    const start = performance.now();
    try {
      return await work();
    } finally {
      seconds[step] = (seconds[step] ?? 0) + (performance.now() - start) / 1000;
    }
  };
  return { seconds, time };
}

async function openAll(
  model: Model,
  { data, evaluation, preprocess }: PruneRequest,
): Promise<{ data?: Dataset; evaluation?: Dataset }> {
  const modelInput = feedsOf(model.graph)[0];
  const open = async (given: Dataset | string): Promise<Dataset> =>
    typeof given === 'string' ? openDataset(given, { ...preprocess, ...(modelInput && { modelInput }) }) : given;
  return {
    ...(data !== undefined && { data: await open(data) }),
    ...(evaluation !== undefined && { evaluation: await open(evaluation) }),
  };
}

function runOptions({ threads, onProgress, signal }: PruneRequest): EvaluateOptions {
  return { ...(threads !== undefined && { threads }), ...(onProgress && { onProgress }), ...(signal && { signal }) };
}

async function tune(
  engine: Engine,
  { model, pruned, source }: { model: Model; pruned: Model; source: FeedSource },
  { seed, onProgress, signal }: PruneRequest,
): Promise<Recalibrated> {
  return recalibrate(pruned, model, {
    engine,
    source,
    ...(seed !== undefined && { seed }),
    ...(onProgress && { onProgress }),
    ...(signal && { signal }),
  });
}

/** Shapes of one sample's run, of made-up inputs where there is no data; null if the model does not run on those. */
async function shapesOf(
  engine: Engine,
  model: Model,
  source: FeedSource | null,
): Promise<{ captured: Captured; batch: number } | null> {
  const batch = source?.fixedBatch ?? 1;
  try {
    const feeds = source ?? randomFeeds(model, { rng: random(1), count: batch });
    const rows = Int32Array.from({ length: feeds.fixedBatch ?? 1 }, (_, i) => i % feeds.count);
    return { captured: await capture(engine, model, (await feeds.feeds(rows)).inputs), batch: rows.length };
  } catch (cause) {
    if (source !== null) throw cause;
    return null;
  }
}

async function sizesOf(before: Model, after: Model): Promise<Report['bytes']> {
  return { before: await measureSize(encodeModel(before)), after: await measureSize(encodeModel(after)) };
}

async function latencyOf(
  engine: Engine,
  models: readonly Model[],
  source: FeedSource | null,
  request: PruneRequest,
): Promise<Report['latency']> {
  if (request.latency === undefined || source === null) return null;
  const options = request.threads === undefined ? {} : { threads: request.threads };
  const rows = Int32Array.from({ length: source.fixedBatch ?? 1 }, (_, i) => i % source.count);
  const { inputs } = await source.feeds(rows);
  const sessions = await Promise.all(models.map((model) => engine.createSession(model, options)));
  try {
    const entries: NonNullable<Report['latency']> = [];
    for (const batch of source.fixedBatch === null ? request.latency : [source.fixedBatch]) {
      const feeds = withRows(inputs, batch);
      const [before = null, after = null] = await measureLatency(
        sessions.map((session) => ({ session, feeds })),
        runOptions(request),
      );
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
