import { ShapeError } from '../errors/errors.ts';
import { filled } from './filled.ts';

/** Element types of ONNX tensors, by their names in onnxruntime where it has one. */
export type DataType =
  | 'float32'
  | 'float64'
  | 'float16'
  | 'bfloat16'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'uint8'
  | 'uint16'
  | 'uint32'
  | 'uint64'
  | 'bool'
  | 'string'
  | 'complex64'
  | 'complex128'
  | 'float8e4m3fn'
  | 'float8e4m3fnuz'
  | 'float8e5m2'
  | 'float8e5m2fnuz'
  | 'int4'
  | 'uint4'
  | 'float4e2m1'
  | 'float8e8m0'
  | 'undefined';

/** The arrays that hold a tensor's elements; `bool` is one byte each, `float16` and `bfloat16` their bits. */
export type TensorData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | string[];

/** A dense array with a shape, row-major. */
export interface Tensor<D extends TensorData = TensorData> {
  readonly type: DataType;
  readonly dims: readonly number[];
  readonly data: D;
}

/** Number of elements of a shape; 1 for a scalar. */
export function sizeOf(dims: readonly number[]): number {
  let size = 1;
  for (const d of dims) size *= d;
  return size;
}

/** A float32 tensor. @throws ShapeError if the data does not fill the shape */
export function float32(data: Float32Array | readonly number[], dims: readonly number[]): Tensor<Float32Array> {
  const array = data instanceof Float32Array ? data : Float32Array.from(data);
  return checked({ type: 'float32', dims, data: array });
}

/** A float64 tensor. @throws ShapeError if the data does not fill the shape */
export function float64(data: Float64Array | readonly number[], dims: readonly number[]): Tensor<Float64Array> {
  const array = data instanceof Float64Array ? data : Float64Array.from(data);
  return checked({ type: 'float64', dims, data: array });
}

/** An int64 tensor, one-dimensional unless a shape is given. */
export function int64(
  values: readonly (number | bigint)[],
  dims: readonly number[] = [values.length],
): Tensor<BigInt64Array> {
  return checked({
    type: 'int64',
    dims,
    data: filled(new BigInt64Array(values.length), (i) => BigInt(values[i] as number | bigint)),
  });
}

function checked<D extends TensorData>(tensor: Tensor<D>): Tensor<D> {
  if (tensor.data.length !== sizeOf(tensor.dims)) {
    throw new ShapeError(
      `Cannot make a tensor of shape [${tensor.dims}]: wanted ${sizeOf(tensor.dims)} elements, got ${tensor.data.length}`,
    );
  }
  return tensor;
}
