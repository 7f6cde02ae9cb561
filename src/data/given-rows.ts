import { DataError, messageOf } from '../errors/errors.ts';
import { type DataType, sizeOf } from '../tensor/tensor.ts';
import { arraySource, heading } from './array-source.ts';
import type { Dataset } from './dataset.ts';
import type { GivenArrays, GivenFunction, GivenRow, GivenRows, NestedNumbers } from './given.ts';
import { mainInput } from './model-sides.ts';
import type { OpenOptions } from './open-rows.ts';
import { resolvePreprocess } from './preprocess.ts';
import type { RawArray, RawData } from './raw-array.ts';
import type { RowSource } from './rows.ts';
import { rowsDataset } from './rows-dataset.ts';

const NAME = 'given rows';

/**
 * A data set of rows that a program has. Preprocessing is as for files: (stored * scale - mean) / std.
 *
 * @param hashRows  SHA-256 of a source's pieces, in hexadecimal
 * @throws DataError  if rows differ in shape, answers are missing for some, or a number is not finite
 * Cost: arrays that are flat and typed are not copied; rows one after another are kept as float32; a function is asked once for each row
 * to see labels and targets, and again whenever a row is used.
 */
export async function openGivenRows(
  given: GivenRows,
  { sides, modelInput = sides && mainInput(sides.inputs), ...options }: OpenOptions,
  hashRows: (source: RowSource) => Promise<string>,
): Promise<Dataset> {
  const preprocess = resolvePreprocess(options);
  const source = await sourceOf(given);
  return rowsDataset(source, { address: nameOf(given), preprocess, modelInput, hash: hashRows });
}

function nameOf(given: GivenRows): string {
  return 'name' in given && typeof given.name === 'string' ? given.name : NAME;
}

function sourceOf(given: GivenRows): RowSource | Promise<RowSource> {
  if ('row' in given) return functionSource(given);
  return 'x' in given ? arraysSource(given) : collected(given);
}

function arraysSource({ x, dims, labels, targets, name = NAME }: GivenArrays): RowSource {
  if (labels !== undefined && targets !== undefined)
    throw new DataError(`Cannot use "${name}": it has labels and targets, wanted one of them`);
  const answers = labels ?? targets;
  const y = answers && rawArray(answers, undefined, `the ${labels ? 'labels' : 'targets'} of "${name}"`, Float64Array);
  const whole = y && labels !== undefined ? asClasses(y, name) : y && asFloats(y);
  return arraySource({ x: rawArray(x, dims, `"${name}"`), y: whole }, name);
}

async function collected(rows: Iterable<GivenRow> | AsyncIterable<GivenRow>): Promise<RowSource> {
  const kept: GivenRow[] = [];
  for await (const row of rows) kept.push(row);
  if (kept.length === 0) throw new DataError(`Cannot use "${NAME}": there is no row`);
  return fromRows(kept);
}

/** Rows of one shape, one behind the other. */
function fromRows(rows: readonly GivenRow[]): RowSource {
  const samples = rows.map((row, i) => rawArray(row.x, row.dims, `row ${i} of "${NAME}"`));
  const dims = samples[0]?.dims ?? [];
  for (const [i, sample] of samples.entries()) refuseOther(sample.dims, dims, i, NAME);
  const data = joined(samples.map((sample) => sample.data));
  return arraySource({ x: { type: typeOf(data), dims: [rows.length, ...dims], data }, y: answersOf(rows, NAME) }, NAME);
}

function answersOf(rows: readonly Pick<GivenRow, 'label' | 'target'>[], name: string): RawArray | undefined {
  const first = rows[0];
  if (first === undefined || (first.label === undefined && first.target === undefined)) return undefined;
  const key = first.label === undefined ? 'target' : 'label';
  const each = rows.map((row, i) => {
    const answer = row[key];
    if (answer === undefined)
      throw new DataError(`Cannot use "${name}": row ${i} has no ${key}, the rows before have one`);
    return rawArray(
      typeof answer === 'number' ? [answer] : answer,
      undefined,
      `the ${key} of row ${i} of "${name}"`,
      Float64Array,
    );
  });
  const inner = each[0]?.dims ?? [];
  for (const [i, one] of each.entries()) refuseOther(one.dims, inner, i, name);
  const dims = typeof first[key] === 'number' ? [] : inner;
  const y: RawArray = { type: 'float64', dims: [rows.length, ...dims], data: joined(each.map(({ data }) => data)) };
  return key === 'label' ? asClasses(y, name) : asFloats(y);
}

async function functionSource({ count, row, name = NAME }: GivenFunction): Promise<RowSource> {
  if (!Number.isInteger(count) || count < 1)
    throw new DataError(`Cannot use "${name}": its count is ${count}, wanted a whole number above 0`);
  const read = async (index: number): Promise<GivenRow & { raw: RawArray }> => {
    try {
      const given = await row(index);
      return { ...given, raw: rawArray(given.x, given.dims, `row ${index} of "${name}"`) };
    } catch (cause) {
      throw cause instanceof DataError
        ? cause
        : new DataError(`Cannot read row ${index} of "${name}": ${messageOf(cause)}`, { cause });
    }
  };
  const first = await read(0);
  const { dims, type } = first.raw;
  const answers: Pick<GivenRow, 'label' | 'target'>[] = [];
  const hasAnswers = first.label !== undefined || first.target !== undefined;
  for (let i = 0; hasAnswers && i < count; i++) {
    const { label, target } = await read(i);
    answers.push({ ...(label !== undefined && { label }), ...(target !== undefined && { target }) });
  }
  const y = answersOf(answers, name);
  const row0 = arraySource({ x: { type, dims: [1, ...dims], data: first.raw.data } }, name);
  const all = y && arraySource({ x: { type: 'uint8', dims: [count, 1], data: new Uint8Array(count) }, y }, name);
  const rowOf = async (index: number): Promise<RawData> => {
    const { raw } = await read(index);
    refuseOther(raw.dims, dims, index, name);
    return raw.data;
  };
  return {
    ...row0,
    count,
    ...(all?.labels && { labels: all.labels }),
    ...(all?.labelDims && { labelDims: all.labelDims }),
    ...(all?.targets && { targets: all.targets }),
    rows: (indices) => Promise.all(Array.from(indices, rowOf)),
    pieces: () => functionPieces(rowOf, { type, dims: [count, ...dims] }, y),
  };
}

async function* functionPieces(
  rowOf: (index: number) => Promise<RawData>,
  { type, dims }: Pick<RawArray, 'type' | 'dims'>,
  y: RawArray | undefined,
): AsyncIterable<string | Uint8Array> {
  yield heading('x', type, dims);
  for (let i = 0; i < (dims[0] as number); i++) yield bytesOf(await rowOf(i));
  if (y === undefined) return;
  yield heading(y.type === 'int32' ? 'labels' : 'targets', y.type, y.dims);
  yield bytesOf(y.data);
}

function bytesOf({ buffer, byteOffset, byteLength }: RawData): Uint8Array {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
}

function refuseOther(dims: readonly number[], wanted: readonly number[], row: number, name: string): void {
  if (dims.join() === wanted.join()) return;
  throw new DataError(`Cannot use "${name}": row ${row} has shape [${dims}], the rows before have [${wanted}]`);
}

/** Numbers in any form as an array with a shape. */
function rawArray(
  given: NestedNumbers,
  dims: readonly number[] | undefined,
  what: string,
  Plain: typeof Float32Array | typeof Float64Array = Float32Array,
): RawArray {
  const shape = shapeOf(given, what);
  const data = isTyped(given) ? given : flat(given, shape, { what, into: new Plain(sizeOf(shape)) });
  const wanted = dims ?? shape;
  if (sizeOf(wanted) !== data.length)
    throw new DataError(
      `Cannot use ${what}: shape [${wanted}] wants ${sizeOf(wanted)} numbers, there are ${data.length}`,
    );
  return { type: typeOf(data), dims: wanted, data };
}

function shapeOf(given: NestedNumbers, what: string): number[] {
  const shape: number[] = [];
  let inner: unknown = given;
  while (typeof inner === 'object' && inner !== null && 'length' in inner) {
    shape.push((inner as ArrayLike<unknown>).length);
    inner = (inner as ArrayLike<unknown>)[0];
  }
  if (shape.length === 0) throw new DataError(`Cannot use ${what}: wanted an array of numbers, got ${typeof given}`);
  return shape;
}

function flat<T extends RawData>(
  given: NestedNumbers,
  shape: readonly number[],
  { what, into: data }: { what: string; into: T },
): T {
  let at = 0;
  const put = (part: unknown, depth: number): void => {
    const [length, rows] = [shape[depth], part as ArrayLike<unknown>];
    if (depth === shape.length) data[at++] = part as number;
    else if (typeof part !== 'object' || part === null || rows.length !== length)
      throw new DataError(`Cannot use ${what}: its parts differ in length, wanted shape [${shape}]`);
    else for (let i = 0; i < length; i++) put(rows[i], depth + 1);
  };
  put(given, 0);
  return data;
}

/** The types that data is held in; others become floats. */
const TYPES: Readonly<Record<string, DataType>> = {
  Float32Array: 'float32',
  Float64Array: 'float64',
  Int8Array: 'int8',
  Int16Array: 'int16',
  Int32Array: 'int32',
  Uint8Array: 'uint8',
  Uint16Array: 'uint16',
  Uint32Array: 'uint32',
};

function classOf(value: object): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

function isTyped(value: object): value is RawData {
  return Object.hasOwn(TYPES, classOf(value));
}

function typeOf(data: RawData): DataType {
  return TYPES[classOf(data)] as DataType;
}

function joined(parts: readonly RawData[]): RawData {
  const first = parts[0];
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const isBytes = first instanceof Uint8Array && parts.every((part) => part instanceof Uint8Array);
  const isWide = first instanceof Float64Array;
  const data = isBytes ? new Uint8Array(length) : isWide ? new Float64Array(length) : new Float32Array(length);
  let at = 0;
  for (const part of parts) {
    data.set(part, at);
    at += part.length;
  }
  return data;
}

function asClasses(y: RawArray, name: string): RawArray {
  const data = Int32Array.from(y.data);
  const wrong = data.findIndex((label, i) => label !== y.data[i]);
  if (wrong >= 0)
    throw new DataError(
      `Cannot use "${name}": a label is ${y.data[wrong]}, wanted whole numbers; numbers are \`targets\``,
    );
  return { type: 'int32', dims: y.dims, data };
}

function asFloats({ dims, data }: RawArray): RawArray {
  return { type: 'float32', dims, data: Float32Array.from(data) };
}
