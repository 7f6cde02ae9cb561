import { DataError } from '../errors/errors.ts';
import type { Dimension } from '../ir/model.ts';
import { sizeOf } from '../tensor/tensor.ts';
import type { Batch, BatchOptions, Dataset } from './dataset.ts';
import type { Layout } from './preprocess.ts';

/**
 * The shape in which a sample is fed to a model: its own where the two agree, else the model's where only dimensions of 1
 * differ or one of the two is flat, or the elements regroup in order.
 *
 * @param sample  dims of one sample, no batch dimension
 * @param wanted  dims of the model's input, no batch dimension; symbols and null match anything
 * @throws DataError  if the element counts differ, or the two are permutations of each other (pixels would be scrambled)
 */
export function fitSample(sample: readonly number[], wanted: readonly Dimension[], address: string): readonly number[] {
  if (sample.length === wanted.length && wanted.every((d, i) => typeof d !== 'number' || d < 0 || d === sample[i])) {
    return sample;
  }
  const dims = completed(sizeOf(sample), wanted);
  if (dims === undefined || sizeOf(dims) !== sizeOf(sample))
    throw mismatch(sample, wanted, address, hint(sample, wanted));
  if (permuted(sample, dims)) {
    throw mismatch(sample, wanted, address, 'the same dimensions in another order: set layout to nhwc or to nchw');
  }
  return dims;
}

/**
 * The same data set with its samples in the shape that a model takes; see {@link fitSample}. No copy.
 *
 * @param wanted  dims of the model's input without the batch dimension
 * @throws DataError  if they do not fit; both shapes are named
 */
export function fitTo(dataset: Dataset, wanted: readonly Dimension[]): Dataset {
  const sampleDims = fitSample(dataset.sampleDims, wanted, dataset.address);
  const batch = async (indices: ArrayLike<number>, options?: BatchOptions): Promise<Batch> => {
    const plain = await dataset.batch(indices, options);
    return { ...plain, x: { ...plain.x, dims: [indices.length, ...sampleDims] } };
  };
  return { ...dataset, sampleDims, hash: () => dataset.hash(), batch };
}

/** The wanted dims with a single open one worked out; undefined where more are open or it comes out broken. */
function completed(size: number, wanted: readonly Dimension[]): readonly number[] | undefined {
  const isOpen = (d: Dimension) => typeof d !== 'number' || d < 0;
  const open = wanted.filter(isOpen).length;
  const known = sizeOf(wanted.filter((d): d is number => !isOpen(d)));
  if (open > 1 || (open === 1 && (known === 0 || size % known !== 0))) return undefined;
  return wanted.map((d) => (isOpen(d) ? size / known : (d as number)));
}

/** Same dimensions but for ones, in another order. */
function permuted(a: readonly number[], b: readonly number[]): boolean {
  const [left, right] = [a, b].map((dims) => dims.filter((d) => d !== 1));
  const sorted = (dims: readonly number[] = []) => [...dims].sort((p, q) => p - q).join();
  return left?.join() !== right?.join() && sorted(left) === sorted(right);
}

function hint(sample: readonly number[], wanted: readonly Dimension[]): string {
  if (sample.length !== 3 || wanted.length !== 3) return 'take other data or another model';
  const [has, wants] = [channelsOf(sample), channelsOf(wanted)];
  if (has && wants && has.layout !== wants.layout) return `set layout to ${wants.layout}`;
  if (has && wants && has.count !== wants.count) return `set channels to ${wants.count === 3 ? 'rgb' : 'gray'}`;
  return 'set size to that of the model, or take other data';
}

/** Where one or three channels stand among a picture's dims. */
function channelsOf(dims: readonly Dimension[]): { layout: Layout; count: Dimension | undefined } | undefined {
  if (dims[0] === 1 || dims[0] === 3) return { layout: 'nchw', count: dims[0] };
  return dims[2] === 1 || dims[2] === 3 ? { layout: 'nhwc', count: dims[2] } : undefined;
}

function mismatch(sample: readonly number[], wanted: readonly Dimension[], address: string, remedy: string): DataError {
  const shape = `[${wanted.map((d) => d ?? '?').join(',')}]`;
  return new DataError(
    `Cannot feed "${address}" to the model: it wants samples of shape ${shape}, the data's are [${sample}]; ${remedy}`,
    { fields: { sample, wanted } },
  );
}
