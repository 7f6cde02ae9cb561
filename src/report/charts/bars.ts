import { type Markup, markup } from '../markup.ts';
import type { BarChart, BarTint } from './chart.ts';
import type { Drawing, Drawn } from './drawing.ts';
import { drawLegend, type LegendEntry } from './legend.ts';
import { TINT_STEPS } from './palette.ts';
import { type Scale, scaleOf, shown } from './scale.ts';
import { fitted, textWidth } from './text.ts';

/** Pixels: of a row, of its bar, under the last row; the widest column of names, and its share of the width. */
const ROW = 20;
const BAR = 13;
const BOTTOM = 44;
const NAMES = { most: 240, share: 0.42 };

/** Draws a {@link BarChart}. Cost: linear in its categories. */
export function drawBars(whole: BarChart, { width, hidden, range, legend: hasLegend = true }: Drawing): Drawn {
  const chart = { ...whole, stacks: whole.stacks.filter(({ name }) => hidden?.has(name) !== true) };
  const legend = drawLegend(hasLegend ? barEntries(chart) : [], width);
  const top = legend.height + 4;
  const bottom = top + chart.categories.length * ROW;
  const widest = Math.max(0, ...chart.categories.map(textWidth));
  const names = Math.min(NAMES.most, width * NAMES.share, widest + 8);
  const totals = chart.categories.map((_, i) => chart.stacks.reduce((sum, { values }) => sum + (values[i] ?? 0), 0));
  const axis = { ...chart.value, fromZero: true, ...(range && { range }) };
  const [left, right] = [names + 4, width - 18];
  const scale = scaleOf(axis, totals, [left, right], 70);
  const steps = tintSteps(chart.tint);
  const content = markup`${legend.content}${frame(scale, { left, right, top, bottom })}${chart.categories.map((_, i) =>
    row(chart, i, { scale, names, right, y: top + i * ROW, step: steps?.[i] ?? null }),
  )}`;
  const spots = totals.map((total, i) => [clamped(scale.at(total / 2), left, right), top + (i + 0.5) * ROW] as const);
  return {
    content,
    height: bottom + BOTTOM,
    plot: { left, right, top, bottom, at: scale.at, valueAt: scale.valueAt },
    spots,
  };
}

/** The step of each tint, by rank: values often lie decades apart. Null where a value is not known. */
export function tintSteps(tint: BarTint | undefined): (number | null)[] | null {
  if (tint === undefined) return null;
  const sorted = tint.values.filter((x) => x !== null).sort((a, b) => a - b);
  return tint.values.map((x) =>
    x === null ? null : Math.min(TINT_STEPS - 1, Math.floor((TINT_STEPS * sorted.indexOf(x)) / sorted.length)),
  );
}

/** The legend of a {@link BarChart}. */
export function barEntries({ stacks, tint }: BarChart): LegendEntry[] {
  const swatch = (look: string) => (x: number, y: number) =>
    markup`<rect class="${look}" x="${x - 9}" y="${y - 6}" width="18" height="12" rx="2"/>`;
  const parts = stacks
    .filter(({ look }) => tint === undefined || look !== 'kept')
    .map(({ name, look }): LegendEntry => ({ text: name, part: name, sign: swatch(look) }));
  const kept = stacks.find(({ look }) => look === 'kept')?.name;
  if (tint === undefined || kept === undefined) return parts;
  const ramp: LegendEntry = {
    text: `${kept}; ${tint.label} from low to high`,
    part: kept,
    sign: (x, y) =>
      markup`${Array.from({ length: TINT_STEPS }, (_, i) => markup`<rect class="tint-${i}" x="${x - 11 + i * 4.4}" y="${y - 6}" width="4.4" height="12"/>`)}`,
  };
  return [ramp, ...parts];
}

function frame(
  scale: Scale,
  { left, right, top, bottom }: { left: number; right: number; top: number; bottom: number },
): Markup {
  const columns = scale.ticks.map(({ value, text }) => {
    const at = scale.at(value).toFixed(1);
    return markup`<path class="grid" d="M${at} ${top}V${bottom}"/><text x="${at}" y="${bottom + 17}" text-anchor="middle">${text}</text>`;
  });
  return markup`${columns}<path class="axis" d="M${left} ${top}V${bottom}"/><text class="name" x="${(left + right) / 2}" y="${bottom + 37}" text-anchor="middle">${scale.title}</text>`;
}

function row(
  { categories, stacks, value, tint }: BarChart,
  i: number,
  { scale, names, right, y, step }: { scale: Scale; names: number; right: number; y: number; step: number | null },
): Markup {
  const name = categories[i] as string;
  let from = 0;
  const parts = stacks.map(({ values, look }) => {
    const size = values[i] ?? 0;
    const [a, b] = [from, from + size].map((value) => clamped(scale.at(value), names + 4, right)) as [number, number];
    const isInSight = size > 0 && (b > a || (scale.at(from) >= names + 4 && scale.at(from) < right));
    from += size;
    const dress = look === 'kept' && step !== null ? `tint-${step}` : look;
    const wide = isInSight ? Math.max(b - a, 1) : 0;
    return wide === 0
      ? null
      : markup`<rect class="${dress}" x="${a.toFixed(1)}" y="${y + (ROW - BAR) / 2}" width="${wide.toFixed(1)}" height="${BAR}"/>`;
  });
  const known = stacks.map(({ name: part, values }) => `${part} ${said(values[i] ?? null, value.quantity)}`);
  const shade = tint === undefined ? [] : [`${tint.label} ${said(tint.values[i] ?? null, tint.quantity)}`];
  const tip = [name, ...known, ...shade].join('\n');
  return markup`<g data-tip="${tip}" data-key="${name}"><rect x="0" y="${y}" width="${right.toFixed(1)}" height="${ROW}" fill="transparent"/><text class="name" x="${(names - 4).toFixed(1)}" y="${y + 14}" text-anchor="end">${fitted(name, names - 4)}</text>${parts}</g>`;
}

function clamped(x: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, x));
}

function said(value: number | null, quantity: BarChart['value']['quantity']): string {
  return value === null ? 'n/a' : shown(value, quantity);
}
