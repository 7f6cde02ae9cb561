import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BarChart, XyChart } from './chart.ts';
import { drawChart, legendOf, standaloneSvg } from './draw.ts';
import type { Drawing, Plot } from './drawing.ts';
import { type AxisRange, between, shifted, wholeOf, widened } from './zoom.ts';

const XY: XyChart = {
  kind: 'xy',
  id: 'wave',
  title: 'A wave',
  x: { label: 'Time', quantity: 'seconds' },
  y: { label: 'Height', quantity: 'number' },
  series: [
    { name: 'low', form: 'line', points: Array.from({ length: 11 }, (_, i) => ({ x: i, y: i, key: `low ${i}` })) },
    { name: 'high', form: 'points', points: Array.from({ length: 11 }, (_, i) => ({ x: i, y: 100 + i })) },
  ],
};
const LOG: XyChart = {
  ...XY,
  x: { label: 'Ridge', quantity: 'number', log: true },
  series: [{ name: 'a', form: 'line', points: [1e-5, 1e-3, 1e-1].map((x, i) => ({ x, y: i })) }],
};
const BARS: BarChart = {
  kind: 'bars',
  id: 'bars',
  title: 'Bars',
  categories: ['a', 'b'],
  categoryLabel: 'Layer',
  value: { label: 'Weights', quantity: 'number' },
  stacks: [
    { name: 'Kept', look: 'kept', values: [10, 60] },
    { name: 'Removed', look: 'removed', values: [90, 20] },
  ],
};

const draw = (chart: XyChart | BarChart, more: Partial<Drawing> = {}) =>
  drawChart(chart, { width: 600, legend: false, ...more });

describe('the range of a chart', () => {
  it.each([
    ['even', XY, 2, 6],
    ['logarithmic', LOG, 1e-4, 1e-2],
    ['of bars', BARS, 5, 40],
  ])('of an axis that is %s spans the plot', (_, chart, low, high) => {
    const { plot } = draw(chart, { range: [low, high] });
    expect(plot.at(low)).toBeCloseTo(plot.left, 6);
    expect(plot.at(high)).toBeCloseTo(plot.right, 6);
    expect(plot.valueAt(plot.at((low + high) / 2))).toBeCloseTo((low + high) / 2, 9);
  });

  it('shows the points within it alone, each where its spot is, and lets the other axis fit them', () => {
    const { content, spots, plot } = draw(XY, { range: [2.5, 5.5], hidden: new Set(['high']) });
    const keys = [...content.html.matchAll(/data-key="low (\d+)"/g)].map(([, i]) => Number(i));
    expect(keys).toEqual([3, 4, 5]);
    const drawn = [...content.html.matchAll(/translate\((\S+) (\S+)\)" d=/g)].map(([, x, y]) => [Number(x), Number(y)]);
    expect(drawn).toHaveLength(spots.length);
    spots.forEach(([x, y], i) => {
      expect(Math.hypot(x - (drawn[i]?.[0] ?? 0), y - (drawn[i]?.[1] ?? 0))).toBeLessThan(0.2);
      expect(y).toBeGreaterThanOrEqual(plot.top);
      expect(y).toBeLessThanOrEqual(plot.bottom);
    });
    expect(Math.max(...spots.map(([, y]) => y)) - Math.min(...spots.map(([, y]) => y))).toBeGreaterThan(80);
  });

  it('keeps bars inside the plot', () => {
    const { content, plot } = draw(BARS, { range: [20, 70] });
    for (const [, x, width] of content.html.matchAll(
      /class="(?:kept|removed)" x="([\d.]+)" y="[\d.]+" width="([\d.]+)"/g,
    )) {
      expect(Number(x)).toBeGreaterThanOrEqual(plot.left - 0.1);
      expect(Number(x) + Number(width)).toBeLessThanOrEqual(plot.right + 1.1);
    }
  });
});

describe('hidden series', () => {
  it('are not drawn, and the others keep their colours', () => {
    const { html } = draw(XY, { hidden: new Set(['low']) }).content;
    expect(html).not.toContain('data-key');
    expect(html).toContain('line-1');
    expect(html).not.toMatch(/class="mark line-0/);
  });

  it('of bars give the room to the rest', () => {
    const { plot } = draw(BARS, { hidden: new Set(['Removed']) });
    expect(plot.valueAt(plot.right)).toBe(60);
  });

  it('are missing in a saved picture too, which shows the same part', () => {
    const svg = standaloneSvg(XY, { hidden: new Set(['low']), range: [4, 6] });
    expect(svg.match(/data-tip="high/g)).toHaveLength(3);
    expect(svg).not.toContain('>low<');
  });

  it('are named by the legend', () => {
    expect(legendOf(XY).map(({ part }) => part)).toEqual(['low', 'high']);
    expect(legendOf(BARS).map(({ part }) => part)).toEqual(['Kept', 'Removed']);
  });
});

describe('zoom', () => {
  const { plot } = draw(XY);
  const whole = wholeOf(plot);

  it('takes what was dragged over, in either direction, cut off at the ends', () => {
    const [a, b] = [plot.at(2), plot.at(7)];
    expect(between(plot, b, a)?.map((x) => Math.round(x))).toEqual([2, 7]);
    expect(between(plot, a, 5000)?.map((x) => Math.round(x))).toEqual([2, 10]);
    expect(between(plot, a, a)).toBeNull();
  });

  it('stays within what there is, whatever is done, and comes back to all of it', () => {
    const steps = fc.array(fc.oneof(fc.constantFrom(0.5, 2), fc.constantFrom(-0.25, 0.25)), { maxLength: 20 });
    fc.assert(
      fc.property(steps, fc.double({ min: 0, max: 600, noNaN: true }), (all, around) => {
        let range: AxisRange = null;
        for (const step of all) {
          const seen: Plot = draw(XY, { range }).plot;
          range = step >= 0.5 ? widened(seen, whole, step, around) : shifted(seen, whole, step);
          const [low, high] = range ?? whole;
          expect(low).toBeGreaterThanOrEqual(whole[0] - 1e-6);
          expect(high).toBeLessThanOrEqual(whole[1] + 1e-6);
          expect(high).toBeGreaterThan(low);
        }
        for (let i = 0; i < 21; i++) range = widened(draw(XY, { range }).plot, whole, 2);
        expect(range).toBeNull();
      }),
      { numRuns: 40, seed: 3 },
    );
  });
});
