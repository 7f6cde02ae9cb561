import type { DataType } from '../tensor/tensor.ts';

/** ONNX element types in the order of their numbers in TensorProto.DataType. */
const NAMES: readonly DataType[] = [
  'undefined',
  'float32',
  'uint8',
  'int8',
  'uint16',
  'int16',
  'int32',
  'int64',
  'string',
  'bool',
  'float16',
  'float64',
  'uint32',
  'uint64',
  'complex64',
  'complex128',
  'bfloat16',
  'float8e4m3fn',
  'float8e4m3fnuz',
  'float8e5m2',
  'float8e5m2fnuz',
  'uint4',
  'int4',
  'float4e2m1',
  'float8e8m0',
];

/** The element type with this ONNX number; 'undefined' for one that is not known. */
export function dataTypeName(number: number): DataType {
  return NAMES[number] ?? 'undefined';
}

/** The ONNX number of an element type. */
export function dataTypeNumber(name: DataType): number {
  return NAMES.indexOf(name);
}
