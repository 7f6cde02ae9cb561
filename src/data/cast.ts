import { DataError } from '../errors/errors.ts';
import { bigInts, filled } from '../tensor/filled.ts';
import { numberToHalf } from '../tensor/half.ts';
import type { DataType, Tensor, TensorData } from '../tensor/tensor.ts';

/** Values on their way into a tensor: float32 for that type, float64 (exact for every other one). */
export type Values = Float32Array | Float64Array;

const RANGES: Partial<Record<DataType, readonly [number, number]>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  uint16: [0, 65535],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
  int64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  uint64: [0, Number.MAX_SAFE_INTEGER],
  bool: [0, 1],
};

/** True for the element types that a batch can be made in. */
export function isInputType(type: DataType): boolean {
  return type === 'float32' || type === 'float64' || type === 'float16' || RANGES[type] !== undefined;
}

/** An array for values that become a tensor of this type by {@link castTo}. */
export function valuesFor(type: DataType, length: number): Values {
  return type === 'float32' ? new Float32Array(length) : new Float64Array(length);
}

/**
 * Turns values into a tensor of the type that a model wants. Floats are rounded once; whole-number types are never
 * rounded to.
 *
 * @throws DataError  if a value is not one of the type's
 */
export function castTo(type: DataType, values: Values, dims: readonly number[]): Tensor {
  const range = RANGES[type];
  if (range !== undefined) checkRange(type, values, range);
  return { type, dims, data: cast(type, values) };
}

function cast(type: DataType, values: Values): TensorData {
  switch (type) {
    case 'float32':
      return values instanceof Float32Array ? values : Float32Array.from(values);
    case 'float64':
      return values instanceof Float64Array ? values : Float64Array.from(values);
    case 'float16':
      return filled(new Uint16Array(values.length), (i) => numberToHalf(values[i] as number));
    case 'int8':
      return Int8Array.from(values);
    case 'int16':
      return Int16Array.from(values);
    case 'uint16':
      return Uint16Array.from(values);
    case 'int32':
      return Int32Array.from(values);
    case 'uint32':
      return Uint32Array.from(values);
    case 'int64':
      return bigInts(values);
    case 'uint64':
      return filled(new BigUint64Array(values.length), (i) => BigInt(values[i] as number));
    default:
      return Uint8Array.from(values);
  }
}

function checkRange(type: DataType, values: Values, [least, most]: readonly [number, number]): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (value >= least && value <= most && Number.isInteger(value)) continue;
    throw new DataError(
      `Cannot feed the data to the model: its input is ${type}, wanted whole numbers from ${least} to ${most}, ` +
        `a value is ${value}; leave scale, mean and std out`,
      { fields: { type, value } },
    );
  }
}
