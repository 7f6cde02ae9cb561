import { filled } from './filled.ts';
import type { Tensor } from './tensor.ts';

const SCRATCH = new DataView(new ArrayBuffer(8));

/** The value of an IEEE half-precision number, given its 16 bits. Exact. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/**
 * The 16 bits of the half-precision number nearest to a value: ties to even, overflow to infinity.
 * Rounded once, straight from the double.
 */
export function numberToHalf(value: number): number {
  SCRATCH.setFloat64(0, value);
  const sign = (SCRATCH.getUint16(0) & 0x8000) as number;
  const magnitude = Math.abs(value);
  if (Number.isNaN(value)) return 0x7e00;
  if (magnitude >= 65520) return sign | 0x7c00; // halfway between the largest half, 65504, and 65536
  if (magnitude < 2 ** -14) return sign | roundToEven(magnitude * 2 ** 24);
  const exponent = Math.floor(Math.log2(magnitude));
  const exact = magnitude >= 2 ** exponent ? exponent : exponent - 1; // log2 rounds up just below a power of two
  return sign | (((exact + 15) << 10) + roundToEven((magnitude / 2 ** exact - 1) * 1024));
}

function roundToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}

/** The value of a bfloat16 number, given its 16 bits: the upper half of a float32. Exact. */
export function brainToNumber(bits: number): number {
  SCRATCH.setUint32(0, bits * 2 ** 16);
  return SCRATCH.getFloat32(0);
}

/** The 16 bits of the bfloat16 number nearest to a value, ties to even. */
export function numberToBrain(value: number): number {
  SCRATCH.setFloat32(0, value);
  const bits = SCRATCH.getUint32(0);
  if (Number.isNaN(value)) return 0x7fc0;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

/** The numbers of half floats (float16, bfloat16) in float32, exact; undefined for elements of another type. */
export function halvesAsNumbers({ type, data }: Pick<Tensor, 'type' | 'data'>): Float32Array<ArrayBuffer> | undefined {
  const widen = type === 'float16' ? halfToNumber : type === 'bfloat16' ? brainToNumber : undefined;
  return widen && filled(new Float32Array(data.length), (i) => widen(data[i] as number));
}

/** A half-float tensor as float32; any other as it is. */
export function widenTensor(tensor: Tensor): Tensor {
  const data = halvesAsNumbers(tensor);
  return data === undefined ? tensor : { type: 'float32', dims: tensor.dims, data };
}
