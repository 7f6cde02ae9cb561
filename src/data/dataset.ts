import type { Random } from '../tensor/random.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** Some rows of a data set, ready to be fed to a model. */
export interface Batch {
  /** Inputs, [rows, ...sample dims], in the type that the model wants. */
  readonly x: Tensor;
  /** Further inputs by their names, as the model takes them. */
  readonly more?: ReadonlyMap<string, Tensor>;
  /** Classes, [rows, ...label dims]; absent where the data has no labels. */
  readonly labels?: Int32Array;
  /** Regression targets, [rows, ...target dims]; absent where the data has none. */
  readonly targets?: Tensor;
}

/** Memory of inputs that nobody needs any more, for the next ones: fresh memory takes longer than what is written to it. Empty at first. */
export interface InputRoom {
  values?: Float32Array;
}

/** How a batch is drawn. */
export interface BatchOptions {
  /** Augments (random crop with padding, flip, as configured) with this stream; absent = rows as they are. */
  readonly augment?: Random;
  /** Where float32 inputs are put; those that lay there before are gone. Absent = in memory of their own. */
  readonly room?: InputRoom;
}

/** Rows of samples behind one address, preprocessed on the way out. */
export interface Dataset {
  /** The address it was opened by. */
  readonly address: string;
  readonly count: number;
  /** Shape of one preprocessed sample, without the batch dimension. */
  readonly sampleDims: readonly number[];
  /** Whether a sample is the whole of the model's input, which has no batch dimension; default: it is a row of it. */
  readonly whole?: boolean;
  /** Names of the model's inputs that there are rows for: that of `x`, then the others; absent = `x` is for the one that it can be for. */
  readonly inputs?: readonly string[];
  readonly labelled: boolean;
  /** Classes of every row, [count, ...labelDims]; absent where the data has no labels. To be read only. */
  readonly labels?: Int32Array;
  /** The model's output that its labels or targets are named for; absent = they have no such name. */
  readonly output?: string;
  /** Shape of one row's classes; absent = one class a row. */
  readonly labelDims?: readonly number[];
  /** Shape of one regression target, without the batch dimension; absent where the data has none. */
  readonly targetDims?: readonly number[];
  /** All regression targets, [count, ...targetDims], where they are at hand. To be read only. */
  readonly targets?: Float32Array;
  /** SHA-256 (hex) of the selected raw rows and labels, before preprocessing. */
  hash(): Promise<string>;
  /** @throws DataError if an index is out of range or a row cannot be read */
  batch(indices: ArrayLike<number>, options?: BatchOptions): Promise<Batch>;
}
