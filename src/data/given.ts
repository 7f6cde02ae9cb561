/** Numbers as JavaScript has them: typed, plain, or nested, the outer index first. */
export type NestedNumbers = ArrayLike<number> | readonly NestedNumbers[];

/** Rows in memory. */
export interface GivenArrays {
  /** The samples: nested arrays, one member a row, or one flat array with `dims`. */
  readonly x: NestedNumbers;
  /** Shape of a flat `x`, rows first: [rows, ...sample]. */
  readonly dims?: readonly number[];
  /** Classes, one a row (or more, nested). */
  readonly labels?: NestedNumbers;
  /** Regression targets, one a row or nested. */
  readonly targets?: NestedNumbers;
  /** What reports call the data; default `given rows`. */
  readonly name?: string;
}

/** One sample and what is wanted of it. */
export interface GivenRow {
  /** The sample, flat (with `dims`) or nested. */
  readonly x: NestedNumbers;
  readonly dims?: readonly number[];
  /** Its class, or its classes. */
  readonly label?: number | NestedNumbers;
  readonly target?: number | NestedNumbers;
}

/** Rows that are made when they are asked for. */
export interface GivenFunction {
  readonly count: number;
  /** The row of an index; the same index gives the same row. */
  readonly row: (index: number) => GivenRow | Promise<GivenRow>;
  /** What reports call the data; default `given rows`. */
  readonly name?: string;
}

/** Data as a program has it: arrays, rows one after another (each is taken once, and kept), or a function of the row. */
export type GivenRows = GivenArrays | Iterable<GivenRow> | AsyncIterable<GivenRow> | GivenFunction;

/** Whether a value is of one of the kinds of {@link GivenRows}, as far as can be seen without reading it. */
export function isGivenRows(value: unknown): value is GivenRows {
  if (typeof value !== 'object' || value === null) return false;
  if ('row' in value) return 'count' in value && typeof value.row === 'function';
  return 'x' in value || Symbol.iterator in value || Symbol.asyncIterator in value;
}
