import { logitsOf } from '../autodiff/loss.ts';
import type { InputRoom } from '../data/dataset.ts';
import { type FedBatch, type FeedSource, widenTensor } from '../data/feeds.ts';
import type { Engine, Session } from '../engine/engine.ts';
import { DataError, ShapeError } from '../errors/errors.ts';
import type { Model } from '../ir/model.ts';
import type { RunOptions } from '../progress/progress.ts';
import { testedFeeds } from '../samples/tested-feeds.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** How well a model does on some data. */
export interface Evaluation {
  readonly count: number;
  /** Share of samples whose largest output is their label; null without labels. */
  readonly accuracy: number | null;
  /** Mean cross-entropy (labels) or mean squared error (targets); null without either. f64. */
  readonly loss: number | null;
  /** Index of each sample's largest output, ties to the lower; empty for a regression. */
  readonly predictions: Int32Array;
  /** What is not as usual about the samples in a batch, in a sentence; absent where nothing is. */
  readonly remark?: string;
}

/** Options of {@link evaluate}. */
export interface EvaluateOptions extends RunOptions {
  readonly batch?: number;
  readonly threads?: number;
}

/** Defaults of {@link evaluate}. */
export const EVALUATE_DEFAULTS = { batch: 100 } as const;

/**
 * Runs a model over all samples of a source: one by one where what a sample gives depends on the others in its batch, or in
 * the batches that the model insists on, the last one filled with its last sample.
 *
 * An output that is not finite makes the loss so; nothing is thrown for it.
 *
 * @throws DataError if a label is not a class of the model
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
  const session = await engine.createSession(model, options.threads === undefined ? {} : { threads: options.threads });
  try {
    return await run(session, model, source, options);
  } finally {
    await session.release();
  }
}

async function run(session: Session, model: Model, source: FeedSource, options: EvaluateOptions): Promise<Evaluation> {
  const batch = source.fixedBatch ?? Math.min(options.batch ?? EVALUATE_DEFAULTS.batch, source.count);
  const output = model.graph.outputs[0]?.name ?? '';
  const predictions = new Int32Array(source.count);
  const sums = { correct: 0, loss: 0 };
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
    const y = widenTensor((await running).get(output) as Tensor);
    const used = Math.min(batch, source.count - start);
    const rows = source.fixedBatch ?? used;
    tally({ model, y, fed, rows, used }, sums, predictions.subarray(start));
    options.onProgress?.({ step: 'evaluation', done: start + used, total: source.count, unit: 'samples' });
  }
  const measured = source.labelled || source.hasTargets;
  return {
    count: source.count,
    accuracy: source.labelled ? sums.correct / source.count : null,
    loss: measured ? sums.loss / source.count : null,
    predictions,
    ...(source.tested?.remark != null && { remark: source.tested.remark }),
  };
}

interface Part {
  readonly model: Model;
  readonly y: Tensor;
  readonly fed: FedBatch;
  /** Samples in the batch, and how many of them count: the rest only fill it. */
  readonly rows: number;
  readonly used: number;
}

function tally(part: Part, sums: { correct: number; loss: number }, predictions: Int32Array): void {
  const { model, y, fed, rows, used } = part;
  const data = y.data as Float32Array;
  const width = data.length / rows;
  if (!Number.isInteger(width))
    throw new ShapeError(`Cannot evaluate the model: its first output has shape [${y.dims}] for ${rows} samples`);
  const { ends } = logitsOf(model.graph, model.graph.outputs[0]?.name ?? '', y.dims);
  for (let i = 0; i < used; i++) {
    const row = data.subarray(i * width, (i + 1) * width);
    const best = argmax(row);
    predictions[i] = best;
    if (fed.labels !== undefined) {
      const label = fed.labels[i] as number;
      if (label < 0 || label >= width)
        throw new DataError(`Cannot evaluate the model: a label is ${label}, the model has ${width} classes`);
      sums.correct += best === label ? 1 : 0;
      sums.loss += crossEntropy(row, label, ends);
    } else if (fed.targets !== undefined)
      sums.loss += squaredError(row, (fed.targets.data as Float32Array).subarray(i * width, (i + 1) * width));
  }
}

function argmax(row: ArrayLike<number>): number {
  let best = 0;
  for (let j = 1; j < row.length; j++) if ((row[j] as number) > (row[best] as number)) best = j;
  return best;
}

/** -log of the probability of the label; probabilities below the smallest normal f32 count as that. */
function crossEntropy(row: ArrayLike<number>, label: number, ends: 'softmax' | 'log-softmax' | 'logits'): number {
  const value = row[label] as number;
  if (ends === 'log-softmax') return -value;
  if (ends === 'softmax') return -Math.log(Math.max(value, 1.18e-38));
  let [top, sum] = [Number.NEGATIVE_INFINITY, 0];
  for (let j = 0; j < row.length; j++) top = Math.max(top, row[j] as number);
  for (let j = 0; j < row.length; j++) sum += Math.exp((row[j] as number) - top);
  return top + Math.log(sum) - value;
}

function squaredError(row: ArrayLike<number>, target: ArrayLike<number>): number {
  let sum = 0;
  for (let j = 0; j < row.length; j++) sum += ((row[j] as number) - (target[j] as number)) ** 2;
  return sum / row.length;
}
