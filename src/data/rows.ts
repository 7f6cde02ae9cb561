import type { RawData } from './raw-array.ts';

/** How a row lies in memory: channels of height x width, channel after channel (planar) or pixel after pixel. */
export interface Grid {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly planar: boolean;
}

/** Rows as a file has them, before preprocessing. */
export interface RowSource {
  readonly count: number;
  /** Shape of a row as stored. */
  readonly dims: readonly number[];
  /** Set where rows are pictures (which may be reordered for the model); arrays are taken as they are. */
  readonly picture: Grid | undefined;
  /** True where every element is a byte: they go through a table. */
  readonly bytes: boolean;
  /** [count, ...labelDims] */
  readonly labels?: Int32Array;
  /** Shape of one row's classes; absent = one class a row. */
  readonly labelDims?: readonly number[];
  /** [count, ...dims] in data. */
  readonly targets?: { readonly dims: readonly number[]; readonly data: Float32Array };
  /** The rows with these indices; they belong to the source and must not be written to. */
  rows(indices: ArrayLike<number>): Promise<readonly RawData[]>;
  /** What identifies all rows, piece by piece, for the hash: a line that says what follows, then the bytes. */
  pieces(): AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>;
}
