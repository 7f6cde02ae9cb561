import { DataError } from '../errors/errors.ts';
import { pickedFrom } from '../tensor/filled.ts';
import { random, sampleWithoutReplacement } from '../tensor/random.ts';
import { sizeOf } from '../tensor/tensor.ts';
import type { Dataset } from './dataset.ts';

/**
 * Some rows of a data set as one of their own, renumbered from 0 in the order given. No copy.
 *
 * @param indices  row numbers of the data set
 * @param name     what they are, for the address; absent = it says so already
 */
export function pickRows(
  dataset: Dataset,
  indices: Int32Array,
  { name, sha256 }: { name?: string; sha256: (bytes: Uint8Array) => Promise<string> },
): Dataset {
  const of = (wanted: ArrayLike<number>): Int32Array => pickedFrom(indices, wanted);
  return {
    ...dataset,
    address: name === undefined ? dataset.address : `${dataset.address} (${name})`,
    count: indices.length,
    ...(dataset.labels && { labels: pickClasses(dataset.labels, indices, sizeOf(dataset.labelDims ?? [])) }),
    ...(dataset.targets && { targets: pickTargets(dataset.targets, indices, sizeOf(dataset.targetDims ?? [])) }),
    hash: async () => sha256(new TextEncoder().encode(`${await dataset.hash()} [${indices.join(',')}]`)),
    batch: (wanted, options) => dataset.batch(of(wanted), options),
  };
}

/**
 * Parts a data set by chance, so that what is learned on one part can be judged on the other.
 *
 * @param share  of the rows that is held out, in (0, 1); at most `most` of them
 * @throws DataError  if a part would be empty
 * Deterministic given `seed`; each part keeps the order of the rows.
 */
export function holdOutRows(
  dataset: Dataset,
  {
    share,
    most,
    seed,
    sha256,
  }: { share: number; most: number; seed: number; sha256: (bytes: Uint8Array) => Promise<string> },
): { rest: Dataset; heldOut: Dataset } {
  const count = Math.min(most, Math.floor(dataset.count * share));
  if (count < 1)
    throw new DataError(
      `Cannot hold rows of "${dataset.address}" out: wanted at least ${Math.ceil(1 / share)}, it has ${dataset.count}; ` +
        'give data to judge on as well',
    );
  const order = sampleWithoutReplacement(random(seed).fork('held out'), dataset.count, dataset.count);
  return {
    heldOut: pickRows(dataset, order.slice(0, count).sort(), { name: 'rows held out', sha256 }),
    rest: pickRows(dataset, order.slice(count).sort(), { name: 'all but the rows held out', sha256 }),
  };
}

/** The classes of some rows, `size` of them a row. */
export function pickClasses(labels: Int32Array, indices: ArrayLike<number>, size: number): Int32Array {
  const picked = new Int32Array(indices.length * size);
  for (let k = 0; k < indices.length; k++) {
    const start = (indices[k] as number) * size;
    for (let j = 0; j < size; j++) picked[k * size + j] = labels[start + j] as number;
  }
  return picked;
}

function pickTargets(targets: Float32Array, indices: Int32Array, size: number): Float32Array {
  const picked = new Float32Array(indices.length * size);
  indices.forEach((row, k) => picked.set(targets.subarray(row * size, (row + 1) * size), k * size));
  return picked;
}
