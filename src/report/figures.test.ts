import { describe, expect, it } from 'vitest';
import {
  bytes,
  difference,
  duration,
  integer,
  milliseconds,
  number,
  percent,
  points,
  ratio,
  short,
} from './figures.ts';

describe('figures', () => {
  it.each([
    [integer(1234567), '1,234,567'],
    [percent(0.9144), '91.44 %'],
    [percent(1, 0), '100 %'],
    [number(0), '0'],
    [number(0.30214), '0.3021'],
    [number(-12.3456), '-12.35'],
    [number(0.0000123), '1.230e-5'],
    [bytes(999), '999 B'],
    [bytes(999_600), '1.00 MB'],
    [bytes(512_340), '512 kB'],
    [short(0), '0'],
    [short(41_200_000), '41.2 M'],
    [milliseconds(0.12345), '0.123 ms'],
    [duration(0.021), '0.02 s'],
    [duration(75.34), '75.3 s'],
    [duration(600), '10 min'],
    [duration(7500), '2 h 5 min'],
  ])('%s reads %s', (shown, wanted) => {
    expect(shown).toBe(wanted);
  });

  it('says n/a for what is not known', () => {
    for (const show of [integer, percent, number, bytes, short, milliseconds, duration]) expect(show(null)).toBe('n/a');
  });

  it('compares shares in points, with a sign unless nothing changed', () => {
    expect(points(0.9, 0.8745)).toBe('-2.55 points');
    expect(points(0.8, 0.9)).toBe('+10.00 points');
    expect(points(0.9, 0.89999999)).toBe('0.00 points');
    expect(points(null, 0.9)).toBe('');
  });

  it('compares figures by difference and by ratio', () => {
    expect(difference(0.3, 0.55)).toBe('+0.2500');
    expect(difference(0.5, 0.25)).toBe('-0.2500');
    expect(ratio(660, 100)).toBe('6.6x smaller');
    expect(ratio(100, 150)).toBe('1.50x larger');
    expect(ratio(100, 99.9)).toBe('unchanged');
    expect(ratio(100, 10, { less: 'fewer', more: 'more' })).toBe('10.0x fewer');
    expect(ratio(100, 0)).toBe('gone');
    expect(ratio(0, 5)).toBe('');
  });
});
