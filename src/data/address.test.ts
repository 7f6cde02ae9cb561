import { describe, expect, it } from 'vitest';
import { DataError } from '../errors/errors.ts';
import { parseAddress, resolveRange } from './address.ts';

const open = { start: undefined, end: undefined };

describe('parseAddress', () => {
  it.each([
    ['npz:a.npz', { kind: 'npz', paths: ['a.npz'], range: open }],
    ['idx:a.gz,b.gz', { kind: 'idx', paths: ['a.gz', 'b.gz'], range: open }],
    [
      'cifar10:a.bin,b.bin,c.bin[0:500]',
      { kind: 'cifar10', paths: ['a.bin', 'b.bin', 'c.bin'], range: { start: 0, end: 500 } },
    ],
    ['images:my folder[-3:]', { kind: 'images', paths: ['my folder'], range: { start: -3, end: undefined } }],
    ['npz:a[1].npz[:7]', { kind: 'npz', paths: ['a[1].npz'], range: { start: undefined, end: 7 } }],
    ['npz:a.npz[1::2]', { kind: 'npz', paths: ['a.npz'], range: { start: 1, end: undefined, step: 2 } }],
    ['npz:a.npz[::]', { kind: 'npz', paths: ['a.npz'], range: open }],
    ['npz:scan[2].npz', { kind: 'npz', paths: ['scan[2].npz'], range: open }],
    ['npz:odd\\[0:5]', { kind: 'npz', paths: ['odd[0:5]'], range: open }],
    ['idx:a\\,b,c', { kind: 'idx', paths: ['a,b', 'c'], range: open }],
    ['npz:http://x', { kind: 'npz', paths: ['http://x'], range: open }],
  ])('reads %s', (text, wanted) => {
    expect(parseAddress(text)).toEqual(wanted);
  });

  it.each([
    ['data.npz', /did you mean npz:data\.npz\?/],
    ['train.bin[0:3]', /did you mean cifar10:train\.bin\[0:3\]/],
    ['mnist:x', /"mnist" is none of these/],
    ['__proto__:x', /none of these/],
    ['', /wanted idx:/],
    ['npz:', /got 0 paths/],
    ['npz:a,b', /got 2 paths/],
    ['idx:a,', /got 1 paths/],
    ['npz:a[0:x]', /row range \[start:end\] or \[start:end:step\] of whole numbers/],
    ['npz:a[0:10:0]', /current range is \[0:10:0\]/],
    ['npz:a[0:10:-1]', /the step 1 or more/],
    ['npz:a[0:10:2:1]', /whole numbers/],
  ])('refuses %s', (text, message) => {
    expect(() => parseAddress(text)).toThrow(message);
    expect(() => parseAddress(text)).toThrow(DataError);
  });
});

describe('resolveRange', () => {
  it.each([
    [open, 0, 10],
    [{ start: 2, end: 5 }, 2, 5],
    [{ start: -3, end: undefined }, 7, 10],
    [{ start: undefined, end: -8 }, 0, 2],
    [{ start: -99, end: 99 }, 0, 10],
  ])('cuts %o out of ten rows as Python does', (range, start, end) => {
    expect(resolveRange(range, 10, 'a')).toEqual({ start, end });
  });

  it('refuses a range without rows, and data without rows', () => {
    expect(() => resolveRange({ start: 5, end: 5 }, 10, 'a')).toThrow(/selects no rows.*10 rows/);
    expect(() => resolveRange({ start: 50, end: undefined }, 10, 'a')).toThrow(/selects no rows/);
    expect(() => resolveRange(open, 0, 'a')).toThrow(/has no rows/);
  });
});
