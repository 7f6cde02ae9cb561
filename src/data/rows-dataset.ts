import { DataError } from '../errors/errors.ts';
import type { Dimension } from '../ir/model.ts';
import { type DataType, float32, sizeOf, type Tensor } from '../tensor/tensor.ts';
import { drawView, type View } from './augment.ts';
import { castTo, isInputType, type Values, valuesFor } from './cast.ts';
import type { Batch, BatchOptions, Dataset, InputRoom } from './dataset.ts';
import { fitSample } from './fit.ts';
import { answerMover } from './mirrored-answers.ts';
import { pickClasses } from './pick-rows.ts';
import { planRows } from './plan-rows.ts';
import type { Preprocess } from './preprocess.ts';
import type { RowSource } from './rows.ts';

/** What a model takes, batch dimension first: a graph input's `ValueInfo` is one. */
export interface ModelInput {
  /** null = float32. */
  readonly type?: DataType | null;
  /** null = unknown: samples keep the data's shape. */
  readonly shape?: readonly Dimension[] | null;
}

/** What {@link rowsDataset} needs besides the rows. */
export interface RowsDatasetOptions {
  readonly address: string;
  readonly preprocess: Preprocess;
  readonly modelInput?: ModelInput;
  /** SHA-256 of the source's pieces, as hex. */
  readonly hash: (source: RowSource) => Promise<string>;
}

/**
 * A data set over rows of any origin.
 *
 * @throws DataError    if a sample does not fit the model's input, or the input's type cannot be made
 * @throws OptionError  if the preprocessing does not fit the rows
 */
export function rowsDataset(source: RowSource, options: RowsDatasetOptions): Dataset {
  const { address, preprocess, modelInput } = options;
  const type = modelInput?.type ?? 'float32';
  if (!isInputType(type)) throw new DataError(`Cannot feed "${address}" to the model: no data can be made ${type}`);
  const plan = planRows(source, preprocess);
  const mover = answerMover(source, { augment: preprocess.augment, picture: plan.picture, address });
  const wanted = modelInput?.shape;
  const { sampleDims, whole } = wanted
    ? placeSample(plan.dims, wanted, address)
    : { sampleDims: plan.dims, whole: false };
  const size = sizeOf(sampleDims);

  const batch = async (indices: ArrayLike<number>, batchOptions?: BatchOptions): Promise<Batch> => {
    checkIndices(indices, source.count, address);
    const views = drawViews(indices.length, preprocess, batchOptions);
    const rows = await source.rows(indices);
    const values = placeFor(type, rows.length * size, batchOptions?.room);
    rows.forEach((row, k) => {
      plan.write(values, k * size, row, views?.[k]);
    });
    return {
      x: castTo(type, values, [rows.length, ...sampleDims]),
      ...answers(source, indices, mover && views && ((row, k) => mover(row, views[k] as View))),
    };
  };

  let hash: Promise<string> | undefined;
  return {
    address,
    count: source.count,
    sampleDims,
    ...(whole && { whole }),
    labelled: source.labels !== undefined,
    ...(source.labels && { labels: source.labels }),
    ...(source.labelDims && { labelDims: source.labelDims }),
    ...(source.targets && { targetDims: source.targets.dims, targets: source.targets.data }),
    hash: () => {
      hash ??= options.hash(source);
      return hash;
    },
    batch,
  };
}

/** A sample as a row of a model's input, or as the whole of it where only that fits: an input without a batch axis. */
function placeSample(
  sample: readonly number[],
  wanted: readonly Dimension[],
  address: string,
): { sampleDims: readonly number[]; whole: boolean } {
  try {
    return { sampleDims: fitSample(sample, wanted.slice(1), address), whole: false };
  } catch (error) {
    const isSame = wanted.every((d, i) => typeof d !== 'number' || d < 0 || d === sample[i]);
    if (wanted.length === 0 || sample.length !== wanted.length || !isSame) throw error;
    return { sampleDims: sample, whole: true };
  }
}

function placeFor(type: DataType, length: number, room: InputRoom | undefined): Values {
  if (type !== 'float32' || room === undefined) return valuesFor(type, length);
  if (room.values?.length !== length) room.values = new Float32Array(length);
  return room.values;
}

function checkIndices(indices: ArrayLike<number>, count: number, address: string): void {
  for (let k = 0; k < indices.length; k++) {
    const index = indices[k] as number;
    if (Number.isInteger(index) && index >= 0 && index < count) continue;
    throw new DataError(`Cannot take row ${index} of "${address}": wanted 0 to ${count - 1}`, {
      fields: { index, count },
    });
  }
}

/** Drawn before anything is awaited, so that batches under way at once leave the stream in order. */
function drawViews(count: number, { augment }: Preprocess, options: BatchOptions | undefined): View[] | undefined {
  const rng = options?.augment;
  if (rng === undefined || (augment.crop === 0 && !augment.flip)) return undefined;
  return Array.from({ length: count }, () => drawView(augment, rng));
}

/** @param move  is given the answers of each row of the batch, to be moved as its picture is */
function answers(
  source: RowSource,
  indices: ArrayLike<number>,
  move: ((row: Int32Array | Float32Array, k: number) => void) | null | undefined,
): Pick<Batch, 'labels' | 'targets'> {
  const labels = source.labels && pickClasses(source.labels, indices, sizeOf(source.labelDims ?? []));
  const targets = source.targets && targetRows(source.targets, indices);
  const dense = labels ?? (targets?.data as Float32Array | undefined);
  if (move && dense !== undefined) {
    const size = dense.length / indices.length;
    for (let k = 0; k < indices.length; k++) move(dense.subarray(k * size, (k + 1) * size), k);
  }
  return { ...(labels && { labels }), ...(targets && { targets }) };
}

function targetRows({ dims, data }: NonNullable<RowSource['targets']>, indices: ArrayLike<number>): Tensor {
  const size = sizeOf(dims);
  const out = new Float32Array(indices.length * size);
  for (let k = 0; k < indices.length; k++) {
    const start = (indices[k] as number) * size;
    out.set(data.subarray(start, start + size), k * size);
  }
  return float32(out, [indices.length, ...dims]);
}
