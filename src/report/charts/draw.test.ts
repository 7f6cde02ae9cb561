import { describe, expect, it } from 'vitest';
import { tintSteps } from './bars.ts';
import type { BarChart, XyChart } from './chart.ts';
import { chartCsv } from './csv.ts';
import { drawChart, standaloneSvg } from './draw.ts';

const XY: XyChart = {
  kind: 'xy',
  id: 'front',
  title: 'Accuracy <against> sparsity',
  x: { label: 'Sparsity', quantity: 'share' },
  y: { label: 'Accuracy', quantity: 'share' },
  series: [
    {
      name: 'chita',
      form: 'line',
      points: [
        { x: 0.5, y: 0.9, key: 'a', note: 'seed "1"' },
        { x: 0.9, y: 0.8, key: 'b' },
      ],
    },
    { name: '=magnitude', form: 'points', points: [{ x: 0.5, y: 0.85 }] },
  ],
  lines: [{ axis: 'y', value: 0.914, label: 'Dense model' }],
};

const BARS: BarChart = {
  kind: 'bars',
  id: 'layers',
  title: 'Weights',
  categories: ['a', 'b', 'c'],
  categoryLabel: 'Layer',
  value: { label: 'Weights', quantity: 'count' },
  stacks: [
    { name: 'Kept', look: 'kept', values: [1, 50, null] },
    { name: 'Removed', look: 'removed', values: [99, 0, null] },
  ],
  tint: { label: 'sensitivity', quantity: 'number', values: [3, 1, null] },
};

const numbers = (text: string, pattern: RegExp): number[] => [...text.matchAll(pattern)].map(([, x]) => Number(x));

describe('drawChart', () => {
  it.each([260, 390, 1100])('keeps everything within %i pixels', (width) => {
    for (const chart of [XY, BARS]) {
      const { content, height } = drawChart(chart, { width });
      const places = numbers(content.html, /translate\((-?[\d.]+) /g).concat(numbers(content.html, / x="(-?[\d.]+)"/g));
      expect(Math.max(...places)).toBeLessThanOrEqual(width);
      expect(Math.min(...places)).toBeGreaterThanOrEqual(-1);
      expect(Math.max(...numbers(content.html, / y="(-?[\d.]+)"/g))).toBeLessThanOrEqual(height);
    }
  });

  it('marks every point with what it says, escaped, and rings the picked one', () => {
    const { html } = drawChart(XY, { width: 600, picked: 'b' }).content;
    expect(html.match(/data-tip=/g)).toHaveLength(3);
    expect(html).toContain('data-tip="chita, seed &quot;1&quot;\nSparsity 50 %\nAccuracy 90 %" data-key="a"');
    expect(html.match(/class="picked"/g)).toHaveLength(1);
    expect(html).toContain('Dense model');
  });

  it('draws bars in proportion to their values', () => {
    const { html } = drawChart(BARS, { width: 600 }).content;
    const widths = [
      ...html.matchAll(/class="(tint-\d|removed)" x="[\d.]+" y="[\d.]+" width="([\d.]+)" height="13"/g),
    ].map(([, look, width]) => [look, Number(width)] as const);
    expect(widths.map(([look]) => look)).toEqual(['tint-2', 'removed', 'tint-0']);
    expect((widths[1]?.[1] ?? 0) / (widths[2]?.[1] ?? 1)).toBeCloseTo(99 / 50, 1);
  });

  it('goes on where nothing is known', () => {
    const empty = { ...XY, series: [], lines: [] };
    expect(drawChart(empty, { width: 400 }).content.html).not.toMatch(/NaN|Infinity|undefined/);
    const none = { ...BARS, categories: [], stacks: BARS.stacks.map((stack) => ({ ...stack, values: [] })) };
    expect(drawChart(none, { width: 400 }).content.html).not.toMatch(/NaN|Infinity|undefined/);
  });
});

describe('tintSteps', () => {
  it('go by rank, and are null where nothing is known', () => {
    expect(tintSteps({ label: '', quantity: 'number', values: [1e-9, 5, null, 1, 2, 3] })).toEqual([
      0,
      4,
      null,
      1,
      2,
      3,
    ]);
  });
});

describe('standaloneSvg', () => {
  it('is a file with its heading and its colours, without scripts', () => {
    const svg = standaloneSvg(XY);
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"/);
    expect(svg).toContain('Accuracy &lt;against&gt; sparsity</text>');
    expect(svg).toContain('prefers-color-scheme: dark');
    expect(svg).not.toMatch(/<script|NaN/);
  });
});

describe('chartCsv', () => {
  it('has a line a point, with quotes where they are needed and no formulas', () => {
    expect(chartCsv(XY).split('\r\n')).toEqual([
      'Series,Sparsity,Accuracy,Note',
      'chita,0.5,0.9,"seed ""1"""',
      'chita,0.9,0.8,',
      "'=magnitude,0.5,0.85,",
      'Dense model,,0.914,',
      '',
    ]);
  });

  it('leaves empty what is not known', () => {
    expect(chartCsv(BARS).split('\r\n').slice(0, 4)).toEqual([
      'Layer,Kept,Removed,sensitivity',
      'a,1,99,3',
      'b,50,0,1',
      'c,,,',
    ]);
  });
});
