import type { FedBatch, FeedSource } from '../data/feeds.ts';
import type { Engine, Tensors } from '../engine/engine.ts';
import { DataError, OptionError } from '../errors/errors.ts';
import type { Model } from '../ir/model.ts';
import type { RunOptions } from '../progress/progress.ts';
import { sizeOf, type Tensor } from '../tensor/tensor.ts';
import { evaluate } from './accuracy.ts';

/** A row that a model was run on. */
export interface MeasuredRow {
  /** Its number among the rows that are measured. */
  readonly index: number;
  /** What the model was fed, a batch of one. */
  readonly inputs: ReadonlyMap<string, Tensor>;
  /** Its class, or those of its positions; absent where the data has none. */
  readonly labels?: Int32Array;
  /** Its targets; absent where the data has none. */
  readonly targets?: Float32Array;
}

/** How good the outputs of one row are: the higher, the better. The outputs are by name, a batch of one. */
export type RowMeasure = (outputs: Tensors, row: MeasuredRow) => number | Promise<number>;

/** How good a model is: a figure by its name, or the mean of a function of outputs and the row. */
export type Measure = 'accuracy' | 'loss' | RowMeasure;

/** Rows of one run. */
const BATCH = 64;

/**
 * Measures a model on rows: the higher, the better, so that a loss is given with the other sign.
 *
 * @throws DataError    without labels or targets for a figure that needs them
 * @throws OptionError  if a measure gives no finite number
 * Cost: one forward pass a row.
 */
export async function measured(
  model: Model,
  measure: Measure,
  { engine, source, ...run }: { readonly engine: Engine; readonly source: FeedSource } & RunOptions,
): Promise<number> {
  if (typeof measure === 'function') return meanOf(model, measure, { engine, source, ...run });
  const figures = await evaluate(engine, model, source, run);
  const value = figures[measure];
  if (value === null)
    throw new DataError(
      `Cannot measure the ${measure}: wanted data with labels${measure === 'loss' ? ' or targets' : ''}`,
      {
        remedies: [{ option: 'data' }],
      },
    );
  return measure === 'loss' ? -value : value;
}

async function meanOf(
  model: Model,
  measure: RowMeasure,
  { engine, source, signal }: { readonly engine: Engine; readonly source: FeedSource } & RunOptions,
): Promise<number> {
  const session = await engine.createSession(model);
  const batch = source.fixedBatch ?? Math.min(BATCH, source.count);
  let sum = 0;
  try {
    for (let start = 0; start < source.count; start += batch) {
      signal?.throwIfAborted();
      const used = Math.min(batch, source.count - start);
      const rows = source.fixedBatch === null ? used : batch;
      const fed = await source.feeds(
        Int32Array.from({ length: rows }, (_, i) => Math.min(start + i, source.count - 1)),
      );
      const outputs = await session.run(fed.inputs);
      for (let i = 0; i < used; i++) {
        const value: unknown = await measure(rowOf(outputs, i, rows), measuredRow(fed, { i, rows, index: start + i }));
        if (typeof value !== 'number' || !Number.isFinite(value))
          throw new OptionError(`Cannot measure row ${start + i}: wanted a finite number, the measure gave ${value}`);
        sum += value;
      }
    }
  } finally {
    await session.release();
  }
  return sum / source.count;
}

function measuredRow(
  { inputs, labels, targets }: FedBatch,
  { i, rows, index }: { i: number; rows: number; index: number },
): MeasuredRow {
  const each = labels === undefined ? 0 : labels.length / rows;
  return {
    index,
    inputs: rowOf(inputs, i, rows),
    ...(labels && { labels: labels.slice(i * each, (i + 1) * each) }),
    ...(targets && { targets: part(targets, i, rows).data as Float32Array }),
  };
}

/** The part of each value that belongs to one row; what has no part for each is given whole. */
function rowOf(values: Tensors, i: number, rows: number): Map<string, Tensor> {
  return new Map([...values].map(([name, value]) => [name, value.dims[0] === rows ? part(value, i, rows) : value]));
}

function part(tensor: Tensor, i: number, rows: number): Tensor {
  const size = sizeOf(tensor.dims) / rows;
  return {
    ...tensor,
    dims: [1, ...tensor.dims.slice(1)],
    data: tensor.data.slice(i * size, (i + 1) * size) as Tensor['data'],
  };
}
