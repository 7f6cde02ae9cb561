import { DataError } from '../errors/errors.ts';
import { type DataType, sizeOf } from '../tensor/tensor.ts';
import { firstNonFinite, isInteger, type RawArray } from './raw-array.ts';
import type { Grid, RowSource } from './rows.ts';

/** Rows in memory and what goes with them. */
export interface ArrayRows {
  /** [rows, ...dims] */
  readonly x: RawArray;
  /** Whole numbers [rows, ...] = classes; floats [rows, ...] = regression targets. */
  readonly y?: RawArray | undefined;
  /** Set where rows are pictures. */
  readonly picture?: Grid;
  /** The model's input that x is named for; absent = it has no such name. */
  readonly input?: string;
  /** The model's output that y is named for. */
  readonly output?: string;
  /** Arrays for further inputs of the model, by name. */
  readonly more?: ReadonlyMap<string, RawArray>;
}

/**
 * Rows over arrays; nothing is copied.
 *
 * @param name  of the file, for messages
 * @throws DataError  if x and y differ in rows, or an element is NaN or infinite
 * Cost: one pass over floats.
 */
export function arraySource({ x, y, picture }: ArrayRows, name: string): RowSource {
  const [count = 0, ...dims] = x.dims;
  const row = sizeOf(dims);
  if (x.dims.length === 0 || row === 0) {
    throw new DataError(`Cannot use "${name}": wanted rows with at least one element, x has shape [${x.dims}]`);
  }
  checkFinite(x, row, `the data of "${name}"`);
  return {
    count,
    dims,
    picture,
    bytes: x.data instanceof Uint8Array,
    ...(y && answersOf(y, count, name)),
    rows: async (indices) => Array.from(indices, (index) => x.data.subarray(index * row, (index + 1) * row)),
    pieces: () => arrayPieces(x, y),
  };
}

function answersOf(y: RawArray, count: number, name: string): Pick<RowSource, 'labels' | 'targets'> {
  const [rows = 0, ...dims] = y.dims;
  if (y.dims.length === 0 || rows !== count) {
    throw new DataError(
      `Cannot use "${name}": wanted a label or target for each of the ${count} rows, y has shape [${y.dims}]`,
      { fields: { rows: count, labels: rows } },
    );
  }
  if (!isInteger(y.type)) {
    checkFinite(y, sizeOf(dims), `the targets of "${name}"`);
    return { targets: { dims, data: y.data instanceof Float32Array ? y.data : Float32Array.from(y.data) } };
  }
  return { labels: toLabels(y, sizeOf(dims), name), ...(sizeOf(dims) !== 1 && { labelDims: dims }) };
}

function toLabels(y: RawArray, size: number, name: string): Int32Array {
  const labels = Int32Array.from(y.data);
  const wrong = labels.findIndex((label, i) => label !== y.data[i]);
  if (wrong < 0) return labels;
  throw new DataError(
    `Cannot use "${name}": the label of row ${Math.floor(wrong / size)} is ${y.data[wrong]}, wanted a 32-bit class number`,
  );
}

function checkFinite(array: RawArray, row: number, what: string): void {
  const at = firstNonFinite(array);
  if (at < 0) return;
  throw new DataError(
    `Cannot use ${what}: row ${Math.floor(at / Math.max(row, 1))} holds ${array.data[at]}, wanted finite numbers`,
    { fields: { row: Math.floor(at / Math.max(row, 1)) } },
  );
}

function* arrayPieces(x: RawArray, y: RawArray | undefined): Iterable<string | Uint8Array> {
  yield heading('x', x.type, x.dims);
  yield bytesOf(x);
  if (y === undefined) return;
  // classes are one list whatever width the file keeps them in, so that equal data hash equally
  const labels = isInteger(y.type);
  yield labels ? heading('labels', 'int32', labelShape(y)) : heading('targets', y.type, y.dims);
  yield labels ? new Uint8Array(Int32Array.from(y.data).buffer) : bytesOf(y);
}

/** [rows] for one class a row. */
function labelShape({ dims: [rows = 0, ...dims] }: RawArray): number[] {
  return sizeOf(dims) === 1 ? [rows] : [rows, ...dims];
}

/** The line before the bytes of an array among a source's pieces. */
export function heading(what: string, type: DataType, dims: readonly number[]): string {
  return `${what} ${type} [${dims.join(',')}]\n`;
}

function bytesOf({ data }: RawArray): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
