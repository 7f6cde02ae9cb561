import type { DataType, Tensor } from '../tensor/tensor.ts';

/** What one value of a graph turned out to be when the model ran. */
export interface CapturedValue {
  readonly type: DataType;
  readonly dims: readonly number[];
  /** The elements, for small integer values. */
  readonly value?: Tensor;
}

/** Captured values by name. Constants are not among them. */
export type Captured = ReadonlyMap<string, CapturedValue>;
