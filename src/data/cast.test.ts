import { describe, expect, it } from 'vitest';
import { DataError } from '../errors/errors.ts';
import type { DataType } from '../tensor/tensor.ts';
import { castTo, isInputType } from './cast.ts';

describe('castTo', () => {
  it.each([
    ['float32', Float32Array.of(0, 1, 100)],
    ['float64', Float64Array.of(0, 1, 100)],
    ['float16', Uint16Array.of(0, 0x3c00, 0x5640)],
    ['uint8', Uint8Array.of(0, 1, 100)],
    ['int8', Int8Array.of(0, 1, 100)],
    ['int32', Int32Array.of(0, 1, 100)],
    ['int64', BigInt64Array.of(0n, 1n, 100n)],
  ] as const)('makes %s', (type, data) => {
    expect(castTo(type, Float64Array.of(0, 1, 100), [3])).toEqual({ type, dims: [3], data });
  });

  it.each([
    ['uint8', 256],
    ['uint8', -1],
    ['int8', 0.5],
    ['int64', 2 ** 60],
    ['bool', 2],
  ] as const)('refuses to make %s of %d', (type, value) => {
    expect(() => castTo(type, Float64Array.of(value), [1])).toThrow(DataError);
    expect(() => castTo(type, Float64Array.of(value), [1])).toThrow(new RegExp(`${type}.*value is ${value}`));
  });

  it('knows what it cannot make', () => {
    expect((['string', 'bfloat16', 'int4', 'complex64'] as DataType[]).filter(isInputType)).toEqual([]);
  });
});
