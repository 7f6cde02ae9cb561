import { describe, expect, it } from 'vitest';
import type { Axis } from './chart.ts';
import { scaleOf, shown } from './scale.ts';

const share: Axis = { label: 'Accuracy', quantity: 'share' };
const texts = (axis: Axis, values: number[], length = 400): string[] =>
  scaleOf(axis, values, [0, length], 80).ticks.map(({ text }) => text);

describe('scaleOf', () => {
  it('puts ticks at round values that enclose all others, in the unit of the axis', () => {
    const scale = scaleOf(share, [0.813, 0.914], [100, 0], 20);
    expect(scale.title).toBe('Accuracy, %');
    expect(scale.ticks.map(({ text }) => text)).toEqual(['80', '85', '90', '95']);
    expect(scale.at(0.8)).toBeCloseTo(100);
    expect(scale.at(0.95)).toBeCloseTo(0);
    expect(scale.at(0.875)).toBeCloseTo(50);
  });

  it('chooses thousands and kilobytes by the largest value', () => {
    expect(scaleOf({ label: 'Size', quantity: 'bytes' }, [12_000, 512_000], [0, 100], 50).title).toBe('Size, kB');
    expect(scaleOf({ label: 'MACs', quantity: 'count' }, [41_200_000], [0, 100], 50).title).toBe('MACs, millions');
    expect(scaleOf({ label: 'Latency', quantity: 'milliseconds' }, [1], [0, 100], 50).title).toBe('Latency, ms');
  });

  it('goes by decades where it is logarithmic', () => {
    expect(texts({ label: 'x', quantity: 'number', log: true }, [0.02, 300], 600)).toEqual([
      '0.01',
      '0.1',
      '1',
      '10',
      '100',
      '1000',
    ]);
  });

  it.each([
    ['one value', [3]],
    ['no value', []],
    ['equal values', [0.5, 0.5]],
    ['values that are not finite', [Number.NaN, 1, Number.POSITIVE_INFINITY]],
    ['negative values', [-3, 5]],
    ['a very small range', [1, 1 + 1e-9]],
  ])('can be laid out for %s', (_, values) => {
    const scale = scaleOf({ label: 'x', quantity: 'number' }, values, [0, 300], 60);
    expect(scale.ticks.length).toBeGreaterThan(1);
    for (const { value } of scale.ticks) expect(Number.isFinite(scale.at(value))).toBe(true);
  });

  it('begins at zero where that is asked for', () => {
    expect(texts({ ...share, fromZero: true }, [0.9])[0]).toBe('0');
  });
});

describe('shown', () => {
  it.each([
    [shown(0.9144, 'share'), '91.44 %'],
    [shown(1234, 'number'), '1,234'],
    [shown(66_105, 'bytes'), '66.11 kB'],
    [shown(0.0000123, 'number'), '1.23e-5'],
    [shown(0, 'share'), '0 %'],
    [shown(1.219, 'milliseconds'), '1.219 ms'],
  ])('%s reads %s', (text, wanted) => {
    expect(text).toBe(wanted);
  });
});
