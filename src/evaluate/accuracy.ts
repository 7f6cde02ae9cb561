import type { InputRoom } from '../data/dataset.ts';
import type { FedBatch, FeedSource } from '../data/feeds.ts';
import type { Engine, Session } from '../engine/engine.ts';
import { ShapeError } from '../errors/errors.ts';
import type { Model } from '../ir/model.ts';
import { decideOutputs } from '../outputs/decide.ts';
import { heldAgainst } from '../outputs/held-against.ts';
import { numbersOf } from '../outputs/numbers.ts';
import type { OutputChoice, Outputs } from '../outputs/outputs.ts';
import { type Judge, judgeOf } from '../outputs/verdict.ts';
import type { RunOptions } from '../progress/progress.ts';
import { testedFeeds } from '../samples/tested-feeds.ts';
import { sizeOf, type Tensor } from '../tensor/tensor.ts';

/** How well a model does on some data. */
export interface Evaluation {
  readonly count: number;
  /** Share of the classes that are right: one a sample, or one a position; of yes or no, share of the numbers. Null without answers. */
  readonly accuracy: number | null;
  /** Mean cross-entropy (labels) or mean squared error (targets); null without either. f64. */
  readonly loss: number | null;
  /** Index of the largest output, ties to the lower, of each sample or of each of its positions; or 1 for yes; empty for a regression. */
  readonly predictions: Int32Array;
  /** What the outputs were taken for. */
  readonly outputs: Outputs;
  /** What is not as usual about the samples in a batch, in a sentence; absent where nothing is. */
  readonly remark?: string;
}

/** Options of {@link evaluate}. */
export interface EvaluateOptions extends RunOptions, OutputChoice {
  readonly batch?: number;
  readonly threads?: number;
  /** What is run in the model's place, such as a program compiled from it; the engine looks at the model alone. */
  readonly session?: Session;
}

/** Defaults of {@link evaluate}. */
export const EVALUATE_DEFAULTS = { batch: 100 } as const;

/**
 * Runs a model over all samples of a source: one by one where what a sample gives depends on the others in its batch, or in
 * the batches that the model insists on, the last one filled with its last sample.
 *
 * An output that is not finite makes the loss so; nothing is thrown for it.
 *
 * @throws DataError           if labels or targets fit no output of the model
 * @throws UnsupportedOpError  if it has no output of floats
 * Cost: one forward pass a sample.
 */
export async function evaluate(
  engine: Engine,
  model: Model,
  given: FeedSource,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  const tested = await testedFeeds(engine, model, given);
  const source = tested.flat ?? tested;
  const { output, loss, threads } = options;
  const outputs = await decideOutputs(model, {
    engine,
    source,
    ...(output !== undefined && { output }),
    ...(loss !== undefined && { loss }),
  });
  if (options.session !== undefined) return run(options.session, outputs, source, options);
  const session = await engine.createSession(model, threads === undefined ? {} : { threads });
  try {
    return await run(session, outputs, source, options);
  } finally {
    await session.release();
  }
}

async function run(
  session: Session,
  outputs: Outputs,
  source: FeedSource,
  options: EvaluateOptions,
): Promise<Evaluation> {
  const batch = source.fixedBatch ?? Math.min(options.batch ?? EVALUATE_DEFAULTS.batch, source.count);
  const output = outputs.judged.name;
  const judge = judgeOf(outputs);
  const predictions = new Int32Array(source.count * judge.predictions);
  const sums: Sums = { right: null, loss: null };
  const rooms: InputRoom[] = [{}, {}]; // one is read into while the other's batch runs
  const read = (start: number): Promise<FedBatch> => {
    const indices = Int32Array.from({ length: batch }, (_, i) => Math.min(start + i, source.count - 1));
    const wanted = source.fixedBatch === null ? indices.subarray(0, source.count - start) : indices;
    const fed = source.feeds(wanted, undefined, rooms[(start / batch) % 2]);
    fed.catch(() => undefined); // a failure shows when the batch is awaited, not before
    return fed;
  };
  let next = read(0);
  for (let start = 0; start < source.count; start += batch) {
    options.signal?.throwIfAborted();
    const fed = await next;
    const running = session.run(fed.inputs, [output]);
    if (start + batch < source.count) next = read(start + batch);
    const y = (await running).get(output) as Tensor;
    const used = Math.min(batch, source.count - start);
    const rows = source.fixedBatch ?? used;
    tally({ outputs, judge, y, fed, rows, used }, sums, predictions.subarray(start * judge.predictions));
    options.onProgress?.({ step: 'evaluation', done: start + used, total: source.count, unit: 'samples' });
  }
  const mean = (sum: number | null): number | null => (sum === null ? null : sum / source.count);
  return {
    count: source.count,
    accuracy: mean(sums.right),
    loss: mean(sums.loss),
    predictions,
    outputs,
    ...(source.tested?.remark != null && { remark: source.tested.remark }),
  };
}

interface Part {
  readonly outputs: Outputs;
  readonly judge: Judge;
  readonly y: Tensor;
  readonly fed: FedBatch;
  /** Samples in the batch, and how many of them count: the rest only fill it. */
  readonly rows: number;
  readonly used: number;
}

interface Sums {
  right: number | null;
  loss: number | null;
}

function tally({ outputs, judge, y, fed, rows, used }: Part, sums: Sums, predictions: Int32Array): void {
  const data = numbersOf(y)?.data as Float32Array | Float64Array;
  const width = data.length / rows;
  const held = heldAgainst(outputs, fed);
  if (width !== sizeOf(outputs.judged.dims))
    throw new ShapeError(
      `Cannot evaluate the model: output "${outputs.judged.name}" has shape [${y.dims}] for ${rows} samples, wanted [${[rows, ...outputs.judged.dims]}] as for others`,
    );
  for (let i = 0; i < used; i++) {
    const verdict = judge(data.subarray(i * width, (i + 1) * width), held, i);
    predictions.set(verdict.predictions, i * judge.predictions);
    if (verdict.right !== null) sums.right = (sums.right ?? 0) + verdict.right;
    if (verdict.loss !== null) sums.loss = (sums.loss ?? 0) + verdict.loss;
  }
}
