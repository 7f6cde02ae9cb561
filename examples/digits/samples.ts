import { float32, int64, sizeOf, type Tensor } from '../../src/tensor/tensor.ts';
import type { DrawnDigits } from './draw.ts';
import { SIZE } from './plane.ts';

/** Samples as the model wants them, with their classes. */
export interface Samples {
  /** [n, ...dims of a sample] */
  readonly x: Tensor<Float32Array>;
  /** [n] int64 */
  readonly labels: Tensor<BigInt64Array>;
}

/** Drawn digits with ink from 0 to 1. */
export function samplesOf({ pictures, labels }: DrawnDigits): Samples {
  const ink = Float32Array.from(pictures, (grey) => grey / 255);
  return { x: float32(ink, [labels.length, 1, SIZE, SIZE]), labels: int64([...labels]) };
}

/** The samples with these numbers, copied. */
export function rowsOf({ x, labels }: Samples, indices: Int32Array): Samples {
  const [, ...dims] = x.dims;
  const size = sizeOf(dims);
  const rows = new Float32Array(indices.length * size);
  indices.forEach((index, i) => {
    rows.set(x.data.subarray(index * size, (index + 1) * size), i * size);
  });
  const own = Array.from(indices, (index) => labels.data[index] as bigint);
  return { x: float32(rows, [indices.length, ...dims]), labels: int64(own) };
}
