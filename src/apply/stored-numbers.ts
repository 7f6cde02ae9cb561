import { widenConstant } from '../graph/passes/widen-floats.ts';
import { type Quantisation, realsOf, WHOLE_RANGES } from '../graph/quantised.ts';
import { constantOf, tensorOf } from '../ir/access.ts';
import type { Constant } from '../ir/model.ts';
import { numberToBrain, numberToHalf } from '../tensor/half.ts';
import type { TensorData } from '../tensor/tensor.ts';

type Numbers = Float32Array | Float64Array;

/**
 * The numbers that a stored weight means, in the order of the file: half floats widened, whole numbers by their scale.
 *
 * @param quantisation  of weights that are stored as whole numbers
 */
export function numbersOf(constant: Constant, quantisation?: Quantisation): Numbers {
  if (quantisation !== undefined) return dequantised(realsOf(constant) ?? new Float64Array(), quantisation);
  const isHalf = constant.type === 'float16' || constant.type === 'bfloat16';
  return tensorOf(isHalf ? widenConstant(constant) : constant).data as Numbers;
}

function dequantised(stored: Float64Array, { scale, zero, at }: Quantisation): Float64Array {
  for (let i = 0; i < stored.length; i++) {
    const k = at(i);
    stored[i] = ((stored[i] as number) - (zero[k] as number)) * (scale[k] as number);
  }
  return stored;
}

/** A constant of the type and shape of another with other numbers, each rounded to the nearest that the type has; 0 is always exact. */
export function constantLike(old: Constant, numbers: Numbers, quantisation?: Quantisation): Constant {
  const { type, dims } = old;
  if (quantisation !== undefined) return quantised(old, numbers, quantisation);
  switch (type) {
    case 'float16':
      return constantOf({ type, dims, data: bitsOf(numbers, numberToHalf) });
    case 'bfloat16':
      return constantOf({ type, dims, data: bitsOf(numbers, numberToBrain) });
    case 'float64':
      return constantOf({ type, dims, data: new Float64Array(numbers) });
    default:
      return constantOf({ type, dims, data: numbers instanceof Float32Array ? numbers : new Float32Array(numbers) });
  }
}

function bitsOf(numbers: Numbers, bits: (value: number) => number): Uint16Array {
  const all = new Uint16Array(numbers.length);
  for (let i = 0; i < all.length; i++) all[i] = bits(numbers[i] as number);
  return all;
}

function quantised({ type, dims, raw }: Constant, numbers: Numbers, { scale, zero, at }: Quantisation): Constant {
  const [least, most] = WHOLE_RANGES[type] ?? [0, 0];
  const whole = (i: number): number => {
    const k = at(i);
    const value = numbers[i] as number;
    const q = value === 0 ? 0 : Math.round(value / (scale[k] as number));
    return Math.min(Math.max(q + (zero[k] as number), least), most);
  };
  if (type === 'int4' || type === 'uint4') {
    const packed = new Uint8Array((raw as Uint8Array).length);
    for (let i = 0; i < numbers.length; i++)
      packed[i >> 1] = (packed[i >> 1] as number) | ((whole(i) & 15) << ((i & 1) * 4));
    return { type, dims, raw: packed };
  }
  const { data } = tensorOf({ type, dims, raw: new Uint8Array((raw as Uint8Array).length) });
  const into = data as Exclude<TensorData, string[] | BigInt64Array | BigUint64Array>;
  for (let i = 0; i < numbers.length; i++) into[i] = whole(i);
  return constantOf({ type, dims, data: into });
}
