import { DataError } from '../errors/errors.ts';
import type { ValueInfo } from '../ir/model.ts';
import { sizeOf, type Tensor } from '../tensor/tensor.ts';
import { castTo, isInputType, valuesFor } from './cast.ts';
import type { Batch, BatchOptions, Dataset } from './dataset.ts';
import type { RawArray } from './raw-array.ts';

/** An input of a model besides the first: a data set of its rows, or one tensor for all samples. */
export interface FurtherInput {
  readonly name: string;
  readonly rows: Dataset | Tensor;
}

/** What {@link joinedDataset} joins. */
export interface JoinedInputs {
  /** Rows of the first input, with the labels or targets. */
  readonly main: Dataset;
  readonly input: string;
  readonly further: readonly FurtherInput[];
  readonly sha256: (bytes: Uint8Array) => Promise<string>;
}

/**
 * A data set whose samples have a row in each of several data sets, one for each input of a model.
 *
 * @throws DataError if they differ in the number of rows
 */
export function joinedDataset({ main, input, further, sha256 }: JoinedInputs): Dataset {
  const odd = further.find(({ rows }) => isDataset(rows) && rows.count !== main.count);
  if (odd !== undefined)
    throw new DataError(
      `Cannot use "${main.address}": array "${odd.name}" has ${(odd.rows as Dataset).count} rows, "${input}" has ${main.count}; give each sample a row in both`,
    );
  const batch = async (indices: ArrayLike<number>, options?: BatchOptions): Promise<Batch> => {
    const more = new Map<string, Tensor>();
    for (const { name, rows } of further) {
      if (!isDataset(rows)) more.set(name, rows);
      else {
        const { x } = await rows.batch(indices);
        more.set(name, rows.whole === true ? { ...x, dims: x.dims.slice(1) } : x);
      }
    }
    return { ...(await main.batch(indices, options)), more };
  };
  return {
    ...main,
    inputs: [input, ...further.map(({ name }) => name)],
    hash: async () => {
      const parts = [`${input} ${await main.hash()}`];
      for (const { name, rows } of further)
        parts.push(`${name} ${isDataset(rows) ? await rows.hash() : await hashOf(rows, sha256)}`);
      return sha256(new TextEncoder().encode(parts.join('\n')));
    },
    batch,
  };
}

function isDataset(rows: Dataset | Tensor): rows is Dataset {
  return 'batch' in rows;
}

function hashOf({ data }: Tensor, sha256: JoinedInputs['sha256']): Promise<string> {
  const { buffer, byteOffset, byteLength } = data as Float32Array;
  return sha256(new Uint8Array(buffer, byteOffset, byteLength));
}

/**
 * An array as the tensor of an input that is the same for all samples.
 *
 * @throws DataError if its shape is not that of the input, or its type cannot be made
 */
export function sharedInput(array: RawArray, { name, type, shape }: ValueInfo, address: string): Tensor {
  const wanted = type ?? 'float32';
  const fits =
    shape?.length === array.dims.length && shape.every((dim, i) => typeof dim !== 'number' || dim === array.dims[i]);
  if (!fits || !isInputType(wanted))
    throw new DataError(
      `Cannot feed array "${name}" of "${address}" to the model: wanted ${wanted} [${shape}], the same for all samples, got shape [${array.dims}]`,
    );
  const values = valuesFor(wanted, sizeOf(array.dims));
  values.set(array.data);
  return castTo(wanted, values, array.dims);
}
