import { DataError } from '../errors/errors.ts';
import { feedsOf } from '../ir/access.ts';
import type { Model, ValueInfo } from '../ir/model.ts';
import type { Random } from '../tensor/random.ts';
import { sizeOf, type Tensor } from '../tensor/tensor.ts';
import { castTo, isInputType, valuesFor } from './cast.ts';
import type { Dataset, InputRoom } from './dataset.ts';
import { halfToNumber } from './half.ts';

/** Samples in the form in which a model takes them. */
export interface FedBatch {
  readonly inputs: Map<string, Tensor>;
  readonly labels?: Int32Array;
  readonly targets?: Tensor;
}

/** Where a model's inputs come from. */
export interface FeedSource {
  readonly count: number;
  readonly labelled: boolean;
  readonly hasTargets: boolean;
  /** The batch size that the model insists on; null = any. */
  readonly fixedBatch: number | null;
  /** @param room  memory for the inputs, where the source can use it (see BatchOptions) */
  feeds(indices: ArrayLike<number>, augment?: Random, room?: InputRoom): Promise<FedBatch>;
}

/** Numbers in all inputs of a batch. */
export function elementsOf({ inputs }: FedBatch): number {
  return [...inputs.values()].reduce((sum, tensor) => sum + tensor.data.length, 0);
}

/** The inputs of some samples, `size` at a time; a rest that is smaller is left out. */
export async function* inputBatches(
  source: FeedSource,
  indices: Int32Array,
  size: number,
): AsyncGenerator<Map<string, Tensor>> {
  for (let start = 0; start + size <= indices.length; start += size)
    yield (await source.feeds(indices.subarray(start, start + size))).inputs;
}

/** The batch size that a model's inputs declare; null where it is free. */
export function fixedBatchOf(model: Model): number | null {
  for (const { shape } of feedsOf(model.graph)) if (typeof shape?.[0] === 'number' && shape[0] > 0) return shape[0];
  return null;
}

/**
 * A data set as the one input of a model.
 *
 * @throws DataError if the model has another number of inputs
 */
export function feedsFromDataset(model: Model, dataset: Dataset): FeedSource {
  const inputs = feedsOf(model.graph);
  if (inputs.length !== 1) {
    throw new DataError(
      `Cannot feed "${dataset.address}" to the model: it has ${inputs.length} inputs (${inputs.map((i) => i.name).join(', ')}), data for one input can be fed`,
    );
  }
  const { name } = inputs[0] as ValueInfo;
  return {
    count: dataset.count,
    labelled: dataset.labelled,
    hasTargets: dataset.targetDims !== undefined,
    fixedBatch: fixedBatchOf(model),
    feeds: async (indices, augment, room) => {
      const options = { ...(augment && { augment }), ...(room && { room }) };
      const { x, labels, targets } = await dataset.batch(indices, options);
      return { inputs: new Map([[name, x]]), ...(labels && { labels }), ...(targets && { targets }) };
    },
  };
}

/**
 * Made-up inputs for a model without data: standard normal floats, zeros and ones for integers. Open dimensions other
 * than the batch become `open`. What such inputs say about a model is little; they serve methods that need any gradient.
 *
 * @throws DataError if an input is of a type that cannot be made up
 */
export function randomFeeds(model: Model, options: { rng: Random; count: number; open?: number }): FeedSource {
  const { rng, count, open = 1 } = options;
  const inputs = feedsOf(model.graph);
  for (const { name, type } of inputs) {
    if (type === null || !(isInputType(type) || type === 'bool'))
      throw new DataError(`Cannot make up input "${name}" of type ${type ?? 'unknown'}`);
  }
  const fixedBatch = fixedBatchOf(model);
  return {
    count,
    labelled: false,
    hasTargets: false,
    fixedBatch,
    feeds: async (indices) => ({
      inputs: new Map(
        inputs.map((input) => [
          input.name,
          madeUp(input, { rows: fixedBatch ?? indices.length, open, rng: rng.fork(`${input.name}/${indices[0]}`) }),
        ]),
      ),
    }),
  };
}

function madeUp({ type, shape }: ValueInfo, { rows, open, rng }: { rows: number; open: number; rng: Random }): Tensor {
  const dims = (shape ?? []).map((d, i) => (typeof d === 'number' && d > 0 ? d : i === 0 ? rows : open));
  if (type === 'bool') return { type, dims, data: Uint8Array.from({ length: sizeOf(dims) }, () => rng.integer(2)) };
  const real = type?.startsWith('float') ?? true;
  const values = valuesFor(type ?? 'float32', sizeOf(dims));
  for (let i = 0; i < values.length; i++) values[i] = real ? rng.normal() : rng.integer(2);
  return castTo(type ?? 'float32', values, dims);
}

/** The same samples with half floats widened to float32, for a model that was widened itself. */
export function widenFeeds(source: FeedSource): FeedSource {
  return {
    ...source,
    feeds: async (indices, augment, room) => {
      const fed = await source.feeds(indices, augment, room);
      return { ...fed, inputs: new Map([...fed.inputs].map(([name, tensor]) => [name, widenTensor(tensor)])) };
    },
  };
}

/** A half-float tensor as float32; any other as it is. */
export function widenTensor(tensor: Tensor): Tensor {
  if (tensor.type !== 'float16') return tensor;
  return { type: 'float32', dims: tensor.dims, data: Float32Array.from(tensor.data as Uint16Array, halfToNumber) };
}

/**
 * Some samples of a source, renumbered from 0 in the order given.
 *
 * @param indices  sample numbers of the source
 */
export function subset(source: FeedSource, indices: Int32Array): FeedSource {
  return {
    ...source,
    count: indices.length,
    feeds: (wanted, augment, room) =>
      source.feeds(
        Int32Array.from(wanted, (i) => indices[i] as number),
        augment,
        room,
      ),
  };
}
