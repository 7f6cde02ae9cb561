import { DataError } from '../errors/errors.ts';
import { feedsOf } from '../ir/access.ts';
import type { Model, ValueInfo } from '../ir/model.ts';
import { pickedFrom } from '../tensor/filled.ts';
import { widenTensor } from '../tensor/half.ts';
import type { Random } from '../tensor/random.ts';
import { sizeOf, type Tensor } from '../tensor/tensor.ts';
import { castTo, isInputType, valuesFor } from './cast.ts';
import type { InputRoom } from './dataset.ts';
import { fixedBatchOf, hasRows, isOpen } from './model-sides.ts';
import type { SampleFacts } from './sample-facts.ts';
import type { StandIn } from './stand-ins.ts';

/** Samples in the form in which a model takes them. */
export interface FedBatch {
  readonly inputs: Map<string, Tensor>;
  /** Classes, [samples, ...] as {@link Answers} tell. */
  readonly labels?: Int32Array;
  readonly targets?: Tensor;
}

/** What is wanted of a model, of all samples at once: to be looked at before any of them is run. To be read only. */
export interface Answers {
  /** Classes: shape of one sample's, empty for one class a sample. */
  readonly labels?: { readonly dims: readonly number[]; readonly data: Int32Array };
  /** Targets: shape of one sample's. */
  readonly targets?: { readonly dims: readonly number[]; readonly data: Float32Array };
}

/** Where a model's inputs come from. */
export interface FeedSource {
  readonly count: number;
  readonly labelled: boolean;
  readonly hasTargets: boolean;
  /** Whether the inputs are made up: then nothing but shapes can be learnt from them. */
  readonly isMadeUp?: boolean;
  /** The output that the data's labels or targets are named for; absent = none. */
  readonly output?: string;
  /** Those of all samples, and perhaps of others besides; absent where they are known batch by batch only. */
  readonly answers?: Answers;
  /** The batch size that the model insists on; null = any. */
  readonly fixedBatch: number | null;
  /** Whether a sample is the whole input, which has no batch dimension: one sample a run. */
  readonly whole?: boolean;
  /** Inputs that the data does not have, and what they are filled with. */
  readonly filled?: readonly { readonly name: string; readonly by: StandIn }[];
  /** What runs of the model showed of its samples; absent = not tested yet. */
  readonly tested?: SampleFacts;
  /** Where a sample is a whole batch of rows: the rows one by one, in batches of the model's size. */
  readonly flat?: FeedSource;
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

/**
 * Samples in whole batches, each as often as any other: those that fill no batch are left out, and where there is not one whole
 * batch all come again until batches are full.
 */
export function wholeBatches(order: Int32Array, size: number): Int32Array {
  const count = order.length;
  if (count === 0 || count >= size) return order.subarray(0, count - (count % size));
  return Int32Array.from({ length: leastCommon(count, size) }, (_, i) => order[i % count] as number);
}

function leastCommon(a: number, b: number): number {
  for (let multiple = b; ; multiple += b) if (multiple % a === 0) return multiple;
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
  checkMadeUpSize(model, open);
  const fixedBatch = fixedBatchOf(model);
  return {
    count,
    labelled: false,
    hasTargets: false,
    isMadeUp: true,
    fixedBatch,
    feeds: async (indices) => {
      const rows = Array.from(
        { length: fixedBatch ?? indices.length },
        (_, i) => indices[Math.min(i, indices.length - 1)],
      );
      const made = inputs.map((input): [string, Tensor] => {
        const own = hasRows(input, fixedBatch) ? rows : null;
        return [input.name, madeUp(input, { own, open, rng: rng.fork(input.name) })];
      });
      return { inputs: new Map(made) };
    },
  };
}

/** Numbers that are made up for one run at most: half a gigabyte, some seconds. */
const MOST_MADE_UP = 2 ** 25;

/** A declared shape with its open dimensions filled. */
function filledIn(shape: ValueInfo['shape'], open: number): number[] {
  return (shape ?? []).map((d) => (isOpen(d) ? open : (d as number)));
}

/**
 * Makes sure that inputs are small enough to be made up.
 *
 * @param open  size of open dimensions
 * @throws DataError naming the largest input
 */
export function checkMadeUpSize(model: Model, open: number): void {
  const sizes = feedsOf(model.graph).map(({ name, shape }) => {
    const [first, ...rest] = filledIn(shape, open);
    const dims = first === undefined ? [] : [isOpen(shape?.[0]) ? 1 : first, ...rest];
    return { name, dims, size: sizeOf(dims) };
  });
  const largest = sizes.reduce((a, b) => (b.size > a.size ? b : a), { name: '', dims: [] as number[], size: 0 });
  if (sizes.reduce((sum, { size }) => sum + size, 0) <= MOST_MADE_UP) return;
  throw new DataError(
    `Cannot make up input "${largest.name}" of shape [${largest.dims.join(', ')}]: wanted at most ${MOST_MADE_UP} numbers, it has ${largest.size}; give rows of data`,
  );
}

/** @param own  numbers of the samples that have a row each; null = the same input for all */
function madeUp(
  { type, shape }: ValueInfo,
  { own, open, rng }: { own: readonly (number | undefined)[] | null; open: number; rng: Random },
): Tensor {
  const given = filledIn(shape, open);
  const dims = own === null ? given : [own.length, ...given.slice(1)];
  const size = sizeOf(own === null ? dims : dims.slice(1));
  const real = type?.startsWith('float') ?? true;
  const values = type === 'bool' ? new Uint8Array(sizeOf(dims)) : valuesFor(type ?? 'float32', sizeOf(dims));
  for (const [r, sample] of (own ?? [0]).entries()) {
    const stream = rng.fork(`${sample}`);
    for (let i = r * size; i < (r + 1) * size; i++) values[i] = real ? stream.normal() : stream.integer(2);
  }
  return type === 'bool'
    ? { type, dims, data: values as Uint8Array }
    : castTo(type ?? 'float32', values as Parameters<typeof castTo>[1], dims);
}

/** The same samples with half floats widened to float32, for a model that was widened itself. */
export function widenFeeds(source: FeedSource): FeedSource {
  return mappedFeeds(source, widenTensor);
}

/** The same samples with all floats in float32, for a model that was rewritten so. */
export function float32Feeds(source: FeedSource): FeedSource {
  return mappedFeeds(source, (tensor) =>
    tensor.type === 'float64'
      ? { type: 'float32', dims: tensor.dims, data: new Float32Array(tensor.data as Float64Array) }
      : widenTensor(tensor),
  );
}

function mappedFeeds(source: FeedSource, map: (tensor: Tensor) => Tensor): FeedSource {
  return {
    ...source,
    ...(source.flat && { flat: mappedFeeds(source.flat, map) }),
    feeds: async (indices, augment, room) => {
      const fed = await source.feeds(indices, augment, room);
      return { ...fed, inputs: new Map([...fed.inputs].map(([name, tensor]) => [name, map(tensor)])) };
    },
  };
}

/**
 * Some samples of a source, renumbered from 0 in the order given.
 *
 * @param indices  sample numbers of the source
 */
export function subset(source: FeedSource, indices: Int32Array): FeedSource {
  const { flat, tested } = source;
  const each = flat === undefined ? 1 : (tested?.rows ?? 1);
  const rowAt = (i: number): number => (indices[Math.floor(i / each)] as number) * each + (i % each);
  const rows = (below: number): Int32Array =>
    Int32Array.from({ length: indices.length * each }, (_, i) => rowAt(i) % below);
  return {
    ...source,
    ...(flat && { flat: subset(flat, rows(flat.count)) }),
    count: indices.length,
    feeds: (wanted, augment, room) => source.feeds(pickedFrom(indices, wanted), augment, room),
  };
}
