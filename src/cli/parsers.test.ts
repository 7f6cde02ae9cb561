import { describe, expect, it } from 'vitest';
import { byteCount, count, list, nearest, number, numberOrAuto, oneOf, shares, whole, wholes } from './parsers.ts';

describe('numbers', () => {
  it('are decimals, exponents or fractions', () => {
    expect(['0.9', '-1', '1e-3', '1/4'].map(number)).toEqual([0.9, -1, 0.001, 0.25]);
    expect([numberOrAuto('auto'), numberOrAuto('2')]).toEqual(['auto', 2]);
  });

  it.each(['', 'x', '1/', '1/2/3', '1/0', 'Infinity', 'NaN'])('refuse "%s"', (text) => {
    expect(() => number(text)).toThrow('Wanted a number.');
  });

  it('are whole where a count is wanted', () => {
    expect([count('1'), whole('0'), wholes('1,2, 3')]).toEqual([1, 0, [1, 2, 3]]);
    for (const text of ['0', '1.5', '', '-1']) expect(() => count(text)).toThrow('above 0');
    for (const text of ['', '-1', '1.5']) expect(() => whole(text)).toThrow('from 0');
  });
});

describe('amounts of memory', () => {
  it('are decimal, or binary where they say so', () => {
    expect(['4GB', '1.5 G', '800MB', '2GiB', '16k'].map(byteCount)).toEqual([4e9, 1.5e9, 8e8, 2 ** 31, 16e3]);
    for (const text of ['', '4', 'GB', '-1GB', '4TB']) expect(() => byteCount(text)).toThrow('such as 4GB');
  });
});

describe('lists', () => {
  it('are parted by commas, and add up over several flags', () => {
    expect(list('a, b', ['c'])).toEqual(['c', 'a', 'b']);
    expect(() => list(' , ')).toThrow('at least one');
  });

  it('hold ranges with a step, both ends in them', () => {
    expect(shares('0.5..0.9:0.1,0.95')).toEqual([0.5, 0.6, 0.7, 0.8, 0.9, 0.95]);
    expect(shares('0.5..0.5:0.1')).toEqual([0.5]);
    for (const text of ['0.9..0.5:0.1', '0..1:0', '0..1:-1', '0..1:1e-9'])
      expect(() => shares(text)).toThrow('step above 0');
  });
});

describe('words', () => {
  it('are taken as they are, or the nearest is suggested', () => {
    const method = oneOf(['magnitude', 'chita', 'chita++']);
    expect(method('chita')).toBe('chita');
    expect(() => method('magnitud')).toThrow('did you mean magnitude?');
    expect(() => method('xyz')).toThrow(/^Wanted magnitude, chita, chita\+\+\.$/);
  });

  it('are near by few slips only', () => {
    expect([
      nearest('sparsty', ['sparsity', 'stages']),
      nearest('Stages', ['stages']),
      nearest('foo', ['stages']),
    ]).toEqual(['sparsity', 'stages', undefined]);
  });
});
