import { describe, expect, it } from 'vitest';
import { ShapeError } from '../errors/errors.ts';
import { float32, float64, int64, sizeOf } from './tensor.ts';

describe('tensors', () => {
  it('have as many elements as the product of their dimensions; a scalar has one', () => {
    expect([[], [0], [3], [2, 3, 4], [2, 0, 4]].map(sizeOf)).toEqual([1, 0, 3, 24, 0]);
  });

  it('share a typed array, and copy a list', () => {
    const data = new Float32Array(2);
    expect(float32(data, [2]).data).toBe(data);
    expect(float64([1, 2], [1, 2])).toEqual({ type: 'float64', dims: [1, 2], data: Float64Array.of(1, 2) });
    expect(int64([1, 2n])).toEqual({ type: 'int64', dims: [2], data: BigInt64Array.of(1n, 2n) });
  });

  it('refuse data that does not fill the shape', () => {
    expect(() => float32([1, 2, 3], [2, 2])).toThrow(ShapeError);
    expect(() => int64([1], [])).not.toThrow();
    expect(() => int64([1, 2], [])).toThrow(/wanted 1 elements, got 2/);
  });
});
