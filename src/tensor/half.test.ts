import { describe, expect, it } from 'vitest';
import { halfToNumber, numberToHalf } from './half.ts';

describe('half precision', () => {
  it('gives back all 63488 finite numbers', () => {
    const wrong: number[] = [];
    for (let bits = 0; bits < 65536; bits++) {
      if ((bits & 0x7c00) === 0x7c00) continue;
      if (numberToHalf(halfToNumber(bits)) !== bits) wrong.push(bits);
    }
    expect(wrong).toEqual([]);
  });

  it.each([
    [1 + 2 ** -11, 0x3c00],
    [1 + 3 * 2 ** -11, 0x3c02],
    [1 + 2 ** -11 + 2 ** -40, 0x3c01],
    [2 - 2 ** -12, 0x4000],
    [65519.99, 0x7bff],
    [65520, 0x7c00],
    [-1e9, 0xfc00],
    [2 ** -25, 0],
    [2 ** -25 * 1.001, 1],
    [-0, 0x8000],
    [2 ** -14 * (1 - 2 ** -12), 0x0400],
  ])('rounds %d to nearest, ties to even', (value, bits) => {
    expect(numberToHalf(value)).toBe(bits);
  });

  it('keeps infinities and NaN', () => {
    expect(halfToNumber(numberToHalf(Number.POSITIVE_INFINITY))).toBe(Number.POSITIVE_INFINITY);
    expect(halfToNumber(numberToHalf(Number.NaN))).toBeNaN();
  });
});
