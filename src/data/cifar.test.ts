import { describe, expect, it } from 'vitest';
import { cifarBytes } from './bytes.cases.ts';
import { cifar10Rows, parseCifar10 } from './cifar.ts';

const files = [
  { name: 'a', bytes: cifarBytes([3, 1, 4]) },
  { name: 'b', bytes: cifarBytes([1, 5]) },
];

describe('parseCifar10', () => {
  it('lays files end to end', () => {
    const { pictures, labels } = parseCifar10(files, 0, 5);
    expect([...labels]).toEqual([3, 1, 4, 1, 5]);
    expect(pictures.dims).toEqual([5, 3, 32, 32]);
    expect(pictures.data[3072]).toBe(7);
    expect(pictures.data[3 * 3072 + 1]).toBe(1);
  });

  it('takes rows across the border of two files', () => {
    const { pictures, labels } = parseCifar10(files, 2, 4);
    expect([...labels]).toEqual([4, 1]);
    expect([pictures.data[0], pictures.data[3072]]).toEqual([14, 0]);
  });

  it('refuses a label above 9 and names its row', () => {
    expect(() => parseCifar10([{ name: 'c', bytes: cifarBytes([0, 200]) }], 0, 2)).toThrow(/"c".*row 1 is 200/);
  });
});

describe('cifar10Rows', () => {
  it('counts whole rows', () => {
    expect(cifar10Rows({ name: 'a', bytes: cifarBytes([1, 2]) })).toBe(2);
  });

  it.each([
    ['a cut file', cifarBytes([1, 2]).subarray(0, 6000), /multiple of 3073.*got 6000.*cut off/],
    ['an empty file', new Uint8Array(0), /empty/],
    ['an HTML page', new TextEncoder().encode('<html>'), /HTML page/],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => cifar10Rows({ name: 'a', bytes })).toThrow(message);
  });
});
