import type { InputRoom } from '../data/dataset.ts';
import type { Room } from '../engine/engine.ts';
import { OptionError } from '../errors/errors.ts';
import type { RunOptions } from '../progress/progress.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { GradientProgram } from './gradient-program.ts';
import type { Panel } from './panel.ts';
import { inMemory, type LayerRows, type MakeStore } from './row-store.ts';

/** The same rows with their columns multiplied by [p] factors; the elements are shared, not copied. */
export function scaleColumns(rows: GradientRows, scale: Float64Array): GradientRows {
  const panels = rows.panels.map((panel) => ({
    ...panel,
    scale: scale.subarray(panel.start, panel.start + panel.width),
  }));
  return { ...rows, panels };
}

/** A: [n, p], kept as one panel a layer or more. Row i is the gradient of the loss of sample (or mini-batch) i. */
export interface GradientRows {
  readonly n: number;
  readonly p: number;
  readonly panels: readonly Panel[];
  /** Mean loss of the samples; null where the loss has no value. */
  readonly meanLoss: number | null;
  /** Frees what holds the rows, where that is more than memory. */
  readonly release?: () => void;
}

/** Uses rows and then frees what holds them, however that ended. */
export async function usingRows<T>(rows: GradientRows | undefined, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } finally {
    rows?.release?.();
  }
}

/** Feeds of the samples with these numbers: the model's inputs and those of the loss. What lay in the room before is not needed any more. */
export type FeedMaker = (indices: Int32Array, room: InputRoom) => Promise<Map<string, Tensor>>;

/** Memory of a run, for the next one. */
interface RunRoom extends Room {
  readonly inputs: InputRoom;
}

interface Running {
  readonly start: number;
  readonly room: RunRoom;
  readonly result: ReturnType<GradientProgram['run']>;
}

/** What {@link collectRows} goes through. */
export interface RowRequest {
  readonly program: GradientProgram;
  readonly sizes: readonly number[];
  /** Sample numbers, n * mean of them: row i is the mean over the i-th group. */
  readonly order: Int32Array;
  readonly mean: number;
  readonly feeds: FeedMaker;
  /** Each run is of one sample, as often as the program takes samples. */
  readonly copies?: boolean;
  /** Where the rows are kept; default in memory. */
  readonly store?: MakeStore;
}

/**
 * Runs the gradient program over samples and keeps the rows.
 *
 * @throws OptionError if there are not n * mean samples, or aborted by `signal`
 * Cost: n * mean sample gradients; memory that of the store and one run's outputs.
 */
export async function collectRows(request: RowRequest, options: RunOptions = {}): Promise<GradientRows> {
  const { program, sizes, order, mean } = request;
  if (order.length === 0 || order.length % mean !== 0)
    throw new OptionError(`Cannot form gradient rows of ${mean} samples from ${order.length} samples`);
  const n = order.length / mean;
  const store = (request.store ?? inMemory)(n, sizes, program.factors);
  let lossSum = 0;
  const step = request.copies === true ? 1 : program.samples;
  const per = program.rows === 1 ? step : program.samples / program.rows;
  /** Results are taken in the order of the runs: rows made of several runs are the same whatever finishes first. */
  const take = async ({ start, room, result }: Running): Promise<void> => {
    const { gradients, losses } = await result;
    const used = Math.min(step, order.length - start);
    if (step > used && program.rows === 1)
      throw new OptionError(`Cannot use ${order.length} samples: this model takes batches of ${step}, all used`);
    if (per < mean)
      for (let r = 0; r * per < used; r++) {
        const at = { first: Math.floor((start + r * per) / mean), count: 1 };
        gradients.forEach((rows, layer) => {
          store.put(layer, at, part(rows, { r, width: sizes[layer] as number }));
        });
      }
    else
      gradients.forEach((rows, layer) => {
        store.put(layer, { first: start / mean, count: used / per }, rows);
      });
    for (let i = 0; losses !== null && i < used; i++) lossSum += losses[i] as number;
    rooms.push(room);
    options.onProgress?.({ step: 'gradients', done: start + used, total: order.length, unit: 'samples' });
  };
  const running: Running[] = [];
  const rooms: RunRoom[] = []; // that no run uses
  try {
    for (let start = 0; start < order.length; start += step) {
      options.signal?.throwIfAborted();
      const room = rooms.pop() ?? { inputs: {} };
      const numbers = window(order, start, { count: program.samples, step });
      const feeds = await request.feeds(numbers, room.inputs);
      const result = program.run(feeds, room);
      result.catch(() => undefined); // a failure shows when the result is taken, not before
      running.push({ start, room, result });
      if (running.length > program.parallel) await take(running.shift() as Running);
    }
    for (const run of running) await take(run);
  } catch (thrown) {
    store.release();
    throw thrown;
  }
  return {
    n,
    p: sizes.reduce((sum, size) => sum + size, 0),
    panels: store.panels(),
    meanLoss: program.hasLoss ? lossSum / order.length : null,
    release: () => store.release(),
  };
}

/** The next samples in order; past the end, or past a step, the last one again, to fill the batch. */
function window(order: Int32Array, start: number, { count, step }: { count: number; step: number }): Int32Array {
  const last = Math.min(start + step, order.length) - 1;
  return Int32Array.from({ length: count }, (_, i) => order[Math.min(start + i, last)] as number);
}

/** One row of a run; rows that are parts of a mean never come as factors. */
function part(rows: LayerRows, { r, width }: { r: number; width: number }): Float32Array {
  return (rows as Float32Array).subarray(r * width, (r + 1) * width);
}
