import { describe, expect, it } from 'vitest';
import { DARK, LIGHT, type Theme } from './palette.ts';

type Rgb = [number, number, number];

/** Linear light of a #rrggbb colour. */
function linear(colour: string): Rgb {
  return [1, 3, 5].map((at) => {
    const c = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  }) as Rgb;
}

function luminance(colour: string): number {
  const [r, g, b] = linear(colour);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** WCAG contrast. */
function contrast(a: string, b: string): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

/** Vienot, Brettel and Mollon 1999: what people without red or without green cones see, in linear RGB. */
const BLINDNESS: Readonly<Record<string, readonly Rgb[]>> = {
  'full colour': [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.11238, 0.88762, 0],
    [0.11238, 0.88762, 0],
    [0.00401, -0.00401, 1],
  ],
  deuteranopia: [
    [0.29275, 0.70725, 0],
    [0.29275, 0.70725, 0],
    [-0.02234, 0.02234, 1],
  ],
};

/** CIELAB of a colour as somebody sees it. */
function lab(colour: string, sight: readonly Rgb[]): Rgb {
  const light = linear(colour);
  const [r, g, b] = sight.map((row) => row.reduce((sum, f, i) => sum + f * (light[i] as number), 0)) as Rgb;
  const xyz = [
    (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505,
    0.2126 * r + 0.7152 * g + 0.0722 * b,
    (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089,
  ];
  const [fx, fy, fz] = xyz.map((t) => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116)) as Rgb;
  return [116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)];
}

function distance(a: string, b: string, sight: readonly Rgb[]): number {
  const [p, q] = [lab(a, sight), lab(b, sight)];
  return Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]);
}

const THEMES: [string, Theme][] = [
  ['light', LIGHT],
  ['dark', DARK],
];

describe.each(THEMES)('the %s colours', (_, theme) => {
  it('have enough contrast to be read', () => {
    for (const ground of [theme.paper, theme.card]) {
      for (const ink of [theme.ink, theme.soft, theme.accent]) expect(contrast(ink, ground)).toBeGreaterThan(4.5);
      for (const mark of [theme.edge, theme.gone, ...theme.series]) expect(contrast(mark, ground)).toBeGreaterThan(3);
    }
    expect(contrast(theme.ink, theme['warn-paper'])).toBeGreaterThan(4.5);
    expect(contrast(theme.ink, theme.sparser)).toBeGreaterThan(4.5);
    expect(contrast(theme.kept, theme.removed)).toBeGreaterThan(3);
  });

  it.each(Object.entries(BLINDNESS))('of the first four series are told apart: %s', (_, sight) => {
    const first = theme.series.slice(0, 4);
    for (const [i, a] of first.entries())
      for (const b of first.slice(i + 1)) expect(distance(a, b, sight)).toBeGreaterThan(11);
  });

  it.each(Object.entries(BLINDNESS))('of a tint go one way, step by step: %s', (_, sight) => {
    for (const [i, tint] of theme.tints.entries())
      if (i > 0) expect(distance(tint, theme.tints[i - 1] as string, sight)).toBeGreaterThan(7);
    const lightness = theme.tints.map((tint) => luminance(tint));
    const ordered = [...lightness].sort((a, b) => (theme === LIGHT ? b - a : a - b));
    expect(lightness).toEqual(ordered);
  });
});
