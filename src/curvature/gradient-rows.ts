import { allocate } from '../engine/kernels/arena.ts';
import { OptionError } from '../errors/errors.ts';
import type { RunOptions } from '../progress/progress.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { GradientProgram } from './gradient-program.ts';

/** The gradient rows of one layer: [n, width], row-major f32. */
export interface Panel {
  /** First column of the panel among the p prunable weights. */
  readonly start: number;
  readonly width: number;
  /** The elements, or what brings them: see {@link elementsOf}. */
  readonly data: Float32Array | (() => Promise<Float32Array>);
  /** Factors of the columns, [width]: the panel stands for data * scale. Absent = ones. */
  readonly scale?: Float64Array;
}

/**
 * The elements of a panel. Those of a panel that is not kept in memory stay as they are until the next panel of the same rows
 * is brought: finish with one before asking for another.
 */
export async function elementsOf({ data }: Panel): Promise<Float32Array> {
  return typeof data === 'function' ? data() : data;
}

/** The same rows with their columns multiplied by [p] factors; the elements are shared, not copied. */
export function scaleColumns(rows: GradientRows, scale: Float64Array): GradientRows {
  const panels = rows.panels.map((panel) => ({
    ...panel,
    scale: scale.subarray(panel.start, panel.start + panel.width),
  }));
  return { ...rows, panels };
}

/** A: [n, p], kept as one panel a layer. Row i is the gradient of the loss of sample (or mini-batch) i. */
export interface GradientRows {
  readonly n: number;
  readonly p: number;
  readonly panels: readonly Panel[];
  /** Mean loss of the samples; null where the loss has no value. */
  readonly meanLoss: number | null;
}

/** Feeds of the samples with these numbers: the model's inputs and those of the loss. */
export type FeedMaker = (indices: Int32Array) => Promise<Map<string, Tensor>>;

interface Running {
  readonly start: number;
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
}

/**
 * Runs the gradient program over samples and keeps the rows.
 *
 * @throws OptionError if there are not n * mean samples, or aborted by `signal`
 * Cost: n * mean sample gradients; memory n p floats and one run's outputs.
 */
export async function collectRows(request: RowRequest, options: RunOptions = {}): Promise<GradientRows> {
  const { program, sizes, order, mean } = request;
  if (order.length === 0 || order.length % mean !== 0)
    throw new OptionError(`Cannot form gradient rows of ${mean} samples from ${order.length} samples`);
  const n = order.length / mean;
  const panels = panelsOf(sizes, n);
  let lossSum = 0;
  /** Results are taken in the order of the runs: rows made of several runs are the same whatever finishes first. */
  const take = async ({ start, result }: Running): Promise<void> => {
    const { gradients, losses } = await result;
    const used = Math.min(program.samples, order.length - start);
    if (program.samples > used && program.rows === 1)
      throw new OptionError(
        `Cannot use ${order.length} samples: this model takes batches of ${program.samples}, all used`,
      );
    store(panels, gradients, { first: Math.floor(start / mean), count: program.rows === 1 ? 1 : used / mean });
    for (let i = 0; losses !== null && i < used; i++) lossSum += losses[i] as number;
    options.onProgress?.({ step: 'gradients', done: start + used, total: order.length, unit: 'samples' });
  };
  const running: Running[] = [];
  for (let start = 0; start < order.length; start += program.samples) {
    options.signal?.throwIfAborted();
    const feeds = await request.feeds(window(order, start, program.samples));
    const result = program.run(feeds);
    result.catch(() => undefined); // a failure shows when the result is taken, not before
    running.push({ start, result });
    if (running.length > program.parallel) await take(running.shift() as Running);
  }
  for (const run of running) await take(run);
  return {
    n,
    p: panels.reduce((sum, panel) => sum + panel.width, 0),
    panels,
    meanLoss: program.hasLoss ? lossSum / order.length : null,
  };
}

/** A panel in memory. */
type Resident = Panel & { readonly data: Float32Array };

function panelsOf(sizes: readonly number[], n: number): Resident[] {
  let start = 0;
  const arrays = allocate(sizes.map((width) => n * width));
  return sizes.map((width, i) => {
    const panel = { start, width, data: arrays[i] as Float32Array };
    start += width;
    return panel;
  });
}

/** The next samples in order; past the end the last one again, to fill the batch. */
function window(order: Int32Array, start: number, count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => order[Math.min(start + i, order.length - 1)] as number);
}

/** Adds a run's rows to theirs: several runs may make up one row. */
function store(
  panels: readonly Resident[],
  gradients: readonly Float32Array[],
  { first, count }: { first: number; count: number },
): void {
  panels.forEach(({ width, data }, layer) => {
    const source = gradients[layer] as Float32Array;
    const target = data.subarray(first * width, (first + count) * width);
    if (count > 1) target.set(source.subarray(0, count * width));
    else for (let i = 0; i < width; i++) (target[i] as number) += source[i] as number;
  });
}
