import { tensorOf } from '../ir/access.ts';
import type { Constant } from '../ir/model.ts';
import { random } from '../tensor/random.ts';
import { type DataType, sizeOf, type Tensor, type TensorData } from '../tensor/tensor.ts';
import type { Tokens } from './text-tokens.ts';

type Make = (values: readonly (number | bigint)[]) => TensorData;

const ARRAYS: Partial<Record<DataType, Make>> = {
  float32: (values) => Float32Array.from(values, Number),
  float64: (values) => Float64Array.from(values, Number),
  float16: (values) => Uint16Array.from(values, (value) => halfBits(Number(value))),
  int8: (values) => Int8Array.from(values, Number),
  int16: (values) => Int16Array.from(values, Number),
  int32: (values) => Int32Array.from(values, Number),
  int64: (values) => BigInt64Array.from(values, (value) => BigInt(value)),
  uint8: (values) => Uint8Array.from(values, Number),
  uint16: (values) => Uint16Array.from(values, Number),
  uint32: (values) => Uint32Array.from(values, Number),
  uint64: (values) => BigUint64Array.from(values, (value) => BigInt(value)),
  bool: (values) => Uint8Array.from(values, Number),
};

/**
 * The elements of a constant: `random(seed)`, `random(seed, scale)`, `zeros`, `ones`, `range`, a number for all, or a list.
 * Integers drawn at random lie in [0, 10).
 *
 * @throws OnnxDecodeError at a list of the wrong length, an elided constant, or a type that has no notation
 */
export function readConstant(tokens: Tokens, type: DataType, dims: readonly number[]): Tensor {
  const size = sizeOf(dims);
  if (type === 'string') return { type, dims, data: readStrings(tokens, size) };
  const make = ARRAYS[type];
  if (make === undefined) throw tokens.wanted(`a type with a notation instead of ${type}`);
  return { type, dims, data: make(readValues(tokens, type, size)) };
}

function readValues(tokens: Tokens, type: DataType, size: number): (number | bigint)[] {
  if (tokens.take('zeros')) return new Array<number>(size).fill(0);
  if (tokens.take('ones')) return new Array<number>(size).fill(1);
  if (tokens.take('range')) return Array.from({ length: size }, (_, i) => i);
  if (tokens.take('random')) return readRandom(tokens, type, size);
  if (tokens.is('...')) throw tokens.wanted('the elements, which were left out when the text was printed');
  if (!tokens.is('[')) return new Array<number | bigint>(size).fill(readNumber(tokens));
  const values: (number | bigint)[] = [];
  readNested(tokens, () => values.push(readNumber(tokens)));
  if (values.length !== size)
    throw tokens.wanted(`a list of ${size} elements instead of ${values.length}, before what`);
  return values;
}

function readRandom(tokens: Tokens, type: DataType, size: number): number[] {
  tokens.expect('(');
  const rng = random(tokens.word('a seed', 'number', 'string'));
  const scale = tokens.take(',') ? Number(tokens.word('a scale', 'number')) : 1;
  tokens.expect(')');
  if (type === 'bool') return Array.from({ length: size }, () => rng.integer(2));
  return Array.from({ length: size }, () => (type.startsWith('float') ? scale * rng.normal() : rng.integer(10)));
}

function readNested(tokens: Tokens, element: () => void): void {
  tokens.expect('[');
  let first = true;
  while (!tokens.take(']')) {
    if (!first) tokens.expect(',');
    first = false;
    if (tokens.is('[')) readNested(tokens, element);
    else element();
  }
}

function readNumber(tokens: Tokens): number | bigint {
  const text = tokens.word('a number', 'number');
  if (/nan$/i.test(text)) return Number.NaN;
  if (/inf$/i.test(text)) return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  const number = Number(text);
  return /^[-+]?\d+$/.test(text) && !Number.isSafeInteger(number) ? BigInt(text) : number;
}

function readStrings(tokens: Tokens, size: number): string[] {
  const values: string[] = [];
  readNested(tokens, () => values.push(tokens.word('a string', 'string')));
  if (values.length !== size) throw tokens.wanted(`a list of ${size} strings instead of ${values.length}, before what`);
  return values;
}

/** The elements of a constant as {@link readConstant} takes them, or `...` where there are more than `limit`. */
export function printConstant(constant: Constant, limit: number): string {
  const { type, dims, raw } = constant;
  const size = sizeOf(dims);
  if (size > limit || (ARRAYS[type] === undefined && type !== 'string')) return '...';
  if (!(raw instanceof Uint8Array)) return `[${raw.map((s) => JSON.stringify(s)).join(', ')}]`;
  const elements: ArrayLike<number | bigint | string> = tensorOf(constant).data;
  const values = Array.from(elements, (value) => printNumber(value as number | bigint, type));
  return dims.length === 0 ? (values[0] ?? '[]') : `[${values.join(', ')}]`;
}

function printNumber(value: number | bigint, type: DataType): string {
  if (type === 'float16') return printFloat(halfValue(Number(value)));
  return type.startsWith('float') ? printFloat(Number(value), type === 'float32') : String(value);
}

/** A float with a point or exponent, so that it is not read back as an integer; float32 by its shortest digits. */
export function printFloat(value: number, single = true): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf';
  const text = single ? shortest(value) : String(value);
  const signed = Object.is(value, -0) ? '-0' : text;
  return /[.e]/.test(signed) ? signed : `${signed}.0`;
}

function shortest(value: number): string {
  const target = Math.fround(value);
  for (let digits = 1; digits < 9; digits++) {
    const candidate = Number(target.toPrecision(digits));
    if (Math.fround(candidate) === target) return String(candidate);
  }
  return String(Number(target.toPrecision(9)));
}

/** IEEE half precision, round to nearest even. */
function halfBits(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size >= 65520) return sign | 0x7c00;
  const exponent = Math.max(-14, Math.floor(Math.log2(size)));
  const steps = size === 0 ? 0 : roundEven(size / 2 ** (exponent - 10));
  return sign | (steps < 1024 ? steps : ((exponent + 15) << 10) + (steps - 1024));
}

function roundEven(value: number): number {
  const down = Math.floor(value);
  const rest = value - down;
  return rest > 0.5 || (rest === 0.5 && down % 2 === 1) ? down + 1 : down;
}

function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}
