import type { BarChart, Chart, XyChart } from './chart.ts';

/** The data behind a chart as a table of cells, the headings first; shares as shares, bytes as bytes: no units are changed. */
export function chartCells(chart: Chart): (string | number | null)[][] {
  return chart.kind === 'bars' ? barCells(chart) : xyCells(chart);
}

/** The data behind a chart as CSV (RFC 4180); what is not known is empty. */
export function chartCsv(chart: Chart): string {
  return csv(chartCells(chart));
}

/** Cells as CSV. A text that a spreadsheet would take for a formula gets an apostrophe in front. */
export function csv(cells: readonly (readonly (string | number | null)[])[]): string {
  return `${cells.map((row) => row.map(field).join(',')).join('\r\n')}\r\n`;
}

function barCells({ categories, categoryLabel, stacks, tint }: BarChart): (string | number | null)[][] {
  const heads = [categoryLabel, ...stacks.map(({ name }) => name), ...(tint === undefined ? [] : [tint.label])];
  const rows = categories.map((category, i) => [
    category,
    ...stacks.map(({ values }) => values[i] ?? null),
    ...(tint === undefined ? [] : [tint.values[i] ?? null]),
  ]);
  return [heads, ...rows];
}

function xyCells({ x, y, series, lines = [] }: XyChart): (string | number | null)[][] {
  const hasNotes = series.some(({ points }) => points.some(({ note }) => note !== undefined));
  const rows = series.flatMap(({ name, points }) =>
    points.map((point) => [name, point.x, point.y, ...(hasNotes ? [point.note ?? null] : [])]),
  );
  const rules = lines.map(({ axis, value, label }) => [
    label,
    axis === 'x' ? value : null,
    axis === 'y' ? value : null,
    ...(hasNotes ? [null] : []),
  ]);
  return [['Series', x.label, y.label, ...(hasNotes ? ['Note'] : [])], ...rows, ...rules];
}

function field(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
