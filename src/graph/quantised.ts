import { intAttribute, operatorKey, tensorOf } from '../ir/access.ts';
import type { Constant, Node } from '../ir/model.ts';
import { type DataType, sizeOf } from '../tensor/tensor.ts';

/** How whole numbers in a file mean real ones: value = (q - zero) scale. */
export interface Quantisation {
  readonly scale: Float64Array;
  /** As many as scales. */
  readonly zero: Float64Array;
  /** Which of the scales an element has, by its place in the file. */
  readonly at: (place: number) => number;
  /** Equal where `at` is the same. */
  readonly form: string;
}

/** The smallest and the largest number of each whole type that weights are stored in. */
export const WHOLE_RANGES: Readonly<Partial<Record<DataType, readonly [least: number, most: number]>>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  int4: [-8, 7],
  uint4: [0, 15],
  int16: [-32768, 32767],
  uint16: [0, 65535],
  int32: [-(2 ** 31), 2 ** 31 - 1],
};

/** Shape and type of the elements. */
export type StoredNumbers = Pick<Constant, 'dims' | 'type'>;

/** Scale and zero point of a node, where they are constants. */
export interface QuantisationParts {
  readonly scale: Constant | undefined;
  /** Absent = zero. */
  readonly zero: Constant | undefined;
}

/**
 * How a constant's elements are to be read: one scale for all, one for each index of an axis, or one for each block of an axis.
 *
 * @returns undefined where the elements are no whole numbers, the scale is not real, the zero point is of another type than the
 *          elements, or they do not fit the shape
 */
export function quantisationOf(
  { dims, type }: StoredNumbers,
  { scale, zero }: QuantisationParts,
  { axis = 1, block = 0 }: { axis?: number; block?: number } = {},
): Quantisation | undefined {
  const scales = scale && realsOf(scale);
  if (scale === undefined || scales === undefined || scales.length === 0 || !scale.type.startsWith('float'))
    return undefined;
  if (WHOLE_RANGES[type] === undefined || (zero !== undefined && zero.type !== type)) return undefined;
  const zeros = zero === undefined ? new Float64Array(scales.length) : realsOf(zero);
  if (zeros?.length !== scales.length) return undefined;
  const at =
    scales.length === 1 ? () => 0 : placer(dims, scale.dims, { axis: axis < 0 ? axis + dims.length : axis, block });
  return at && { scale: scales, zero: zeros, at, form: scales.length === 1 ? '' : `${axis},${block}` };
}

function placer(
  dims: readonly number[],
  scaleDims: readonly number[],
  { axis, block }: { axis: number; block: number },
): ((place: number) => number) | undefined {
  const length = dims[axis];
  if (length === undefined) return undefined;
  const inner = sizeOf(dims.slice(axis + 1));
  if (block === 0) return sizeOf(scaleDims) === length ? (place) => Math.floor(place / inner) % length : undefined;
  const blocks = Math.ceil(length / block);
  if (String(scaleDims) !== String(dims.map((d, i) => (i === axis ? blocks : d)))) return undefined;
  return (place) => {
    const [outer, rest] = [Math.floor(place / (length * inner)), place % (length * inner)];
    return (outer * blocks + Math.floor(Math.floor(rest / inner) / block)) * inner + (rest % inner);
  };
}

/** How a DequantizeLinear reads its first input. */
export function dequantisation(
  node: Node,
  weight: StoredNumbers,
  constant: (name: string) => Constant | undefined,
): Quantisation | undefined {
  const [scale, zero] = [node.inputs[1] ?? '', node.inputs[2] ?? ''];
  if (zero !== '' && constant(zero) === undefined) return undefined;
  const parts = { scale: constant(scale), zero: zero === '' ? undefined : constant(zero) };
  return quantisationOf(weight, parts, {
    axis: intAttribute(node, 'axis', 1),
    block: intAttribute(node, 'block_size', 0),
  });
}

/** The elements of a small constant of a plain or whole type. */
export function realsOf(constant: Constant): Float64Array | undefined {
  const { type, dims, raw } = constant;
  if (!(raw instanceof Uint8Array)) return undefined;
  if (type === 'float32' || type === 'float64' || WHOLE_RANGES[type] !== undefined) return wholesOf(type, dims, raw);
  return undefined;
}

/** The elements of a constant whose type a number holds exactly; two of four bits lie in a byte, the lower half first. */
function wholesOf(type: DataType, dims: readonly number[], raw: Uint8Array): Float64Array {
  if (type !== 'int4' && type !== 'uint4')
    return new Float64Array(tensorOf({ type, dims, raw }).data as unknown as ArrayLike<number>);
  const values = new Float64Array(sizeOf(dims));
  for (let i = 0; i < values.length; i++) {
    const half = ((raw[i >> 1] as number) >> ((i & 1) * 4)) & 15;
    values[i] = type === 'int4' && half > 7 ? half - 16 : half;
  }
  return values;
}

/** Whether two readings of the same constant give the same numbers; both may be none. */
export function sameQuantisation(a: Quantisation | undefined, b: Quantisation | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  const same = (x: Float64Array, y: Float64Array): boolean => x.length === y.length && x.every((v, i) => v === y[i]);
  return same(a.scale, b.scale) && same(a.zero, b.zero) && a.form === b.form;
}

/** Whether a node is one of the operators that round or read whole numbers, of the standard or of com.microsoft. */
export function isLinearOperator(node: Node, op: 'QuantizeLinear' | 'DequantizeLinear'): boolean {
  const key = operatorKey(node);
  return key === op || key === `com.microsoft.${op}`;
}
