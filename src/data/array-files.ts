import { DataError } from '../errors/errors.ts';
import { type AddressKind, type RowRange, resolveRange } from './address.ts';
import type { ArrayRows } from './array-source.ts';
import type { NamedBytes } from './byte-source.ts';
import { parseIdx } from './idx.ts';
import { fixedBatchAmong, hasRows, type ModelSides } from './model-sides.ts';
import { parseNpy } from './npy.ts';
import { parseNpz } from './npz.ts';
import { type RawArray, sliceRows } from './raw-array.ts';

/** Formats of arrays that are read whole. */
export type ArrayKind = Exclude<AddressKind, 'images' | 'cifar10'>;

/** What {@link arrayRows} reads. */
export interface ArrayFiles {
  readonly kind: ArrayKind;
  /** As an address lists them, gzip already unpacked. */
  readonly files: readonly NamedBytes[];
  readonly range: RowRange;
  /** For messages. */
  readonly address: string;
  /** The model that the arrays are for; what is named like its inputs belongs to those. */
  readonly sides?: ModelSides | undefined;
}

/**
 * Reads the rows of array files, on any platform.
 *
 * @throws DataError  if a file is damaged or of another format, or the range selects no rows
 */
export function arrayRows(given: ArrayFiles): ArrayRows {
  return READERS[given.kind](given);
}

const READERS: Readonly<Record<ArrayKind, (given: ArrayFiles) => ArrayRows>> = {
  idx: idxRows,
  npz: npzRows,
  npy: npyRows,
};

function idxRows(given: ArrayFiles): ArrayRows {
  const [x, y] = given.files.map(({ bytes, name }) => parseIdx(bytes, name));
  const { type, dims } = x as RawArray;
  const [, height = 1, width = 1, channels = 1] = dims;
  const isPicture = type === 'uint8' && (dims.length === 3 || (dims.length === 4 && channels === 3));
  const picture = isPicture ? { channels, height, width, planar: channels === 1 } : undefined;
  return selected({ x: x as RawArray, y, ...(picture && { picture }) }, given);
}

function npzRows(given: ArrayFiles): ArrayRows {
  const { bytes, name } = given.files[0] as NamedBytes;
  const inputs = given.sides?.inputs.map((input) => input.name) ?? [];
  const outputs = given.sides?.outputs ?? [];
  const { arrays, names } = parseNpz(bytes, name, ['x', 'y', ...outputs.map(answersFor), ...inputs]);
  const named = inputs.filter((input) => arrays.has(input));
  const isRows = arrays.has('x') && !inputs.includes('x');
  const input = isRows ? undefined : firstWithRows(given.sides?.inputs ?? [], named);
  const x = arrays.get(input ?? 'x');
  if (x === undefined) {
    const wanted =
      inputs.length > 0
        ? `an array named x, or arrays named like the model's inputs ${inputs.join(', ')}`
        : 'an array named x';
    throw new DataError(
      `Cannot use "${name}": wanted ${wanted} (and y for labels or targets, y.NAME for those of output NAME), it has ${names.join(', ') || 'none'}; ` +
        `save it with np.savez(path, x=..., y=...)`,
      { fields: { names } },
    );
  }
  const more = new Map(named.filter((one) => one !== input).map((one) => [one, arrays.get(one) as RawArray]));
  const answers = answersAmong(arrays, given);
  return selected({ x, ...answers, ...(input !== undefined && { input }), ...(more.size > 0 && { more }) }, given);
}

/** The array of labels or targets of one of several outputs. */
function answersFor(output: string): string {
  return `y.${output}`;
}

/** Labels or targets: of the output that the user named, else those of all, else of the first output that has some. */
function answersAmong(
  arrays: ReadonlyMap<string, RawArray>,
  { sides, address }: ArrayFiles,
): Pick<ArrayRows, 'y' | 'output'> {
  const own = (sides?.outputs ?? []).filter((output) => arrays.has(answersFor(output)));
  const shared = sides?.inputs.some(({ name }) => name === 'y') ? undefined : arrays.get('y');
  const asked = sides?.output;
  const output = asked === undefined && shared === undefined ? own[0] : own.find((one) => one === asked);
  if (output !== undefined) return { y: arrays.get(answersFor(output)), output };
  if (asked !== undefined && shared === undefined && own.length > 0)
    throw new DataError(
      `Cannot use "${address}": it has labels or targets of output ${own.map((one) => `"${one}"`).join(', ')}, none of "${asked}"; save them as array ${answersFor(asked)}`,
      { fields: { outputs: own }, remedies: [{ option: 'output' }] },
    );
  return { y: shared };
}

/** Of inputs, the first that has a row for each sample; else the first. */
function firstWithRows(inputs: ModelSides['inputs'], named: readonly string[]): string | undefined {
  const fixedBatch = fixedBatchAmong(inputs);
  return inputs.find((input) => named.includes(input.name) && hasRows(input, fixedBatch))?.name ?? named[0];
}

function npyRows(given: ArrayFiles): ArrayRows {
  const [x, y] = given.files.map(({ bytes, name }) => parseNpy(bytes, name));
  return selected({ x: x as RawArray, y }, given);
}

/** The selected rows of arrays. Labels of another length are left for their own refusal. */
function selected(arrays: ArrayRows, { range, address }: ArrayFiles): ArrayRows {
  const { x, y, more } = arrays;
  const count = x.dims[0] ?? 0;
  const { start, end } = resolveRange(range, count, address);
  const whole = start === 0 && end === count;
  if (whole || (y !== undefined && y.dims[0] !== count)) return arrays;
  const rows = (array: RawArray): RawArray => (array.dims[0] === count ? sliceRows(array, start, end) : array);
  return {
    ...arrays,
    x: sliceRows(x, start, end),
    y: y && sliceRows(y, start, end),
    ...(more && { more: new Map([...more].map(([name, array]) => [name, rows(array)])) }),
  };
}
