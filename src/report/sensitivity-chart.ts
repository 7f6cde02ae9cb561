import { type Markup, markup } from './markup.ts';

/** What {@link sensitivityChart} draws: for each layer a value for each sparsity, darker = larger. */
export interface ChartRow {
  readonly name: string;
  readonly values: readonly (number | null)[];
}

const CELL = { width: 72, height: 22 } as const;
const LABEL = 260;
const HEAD = 44;

/**
 * A heat map as one SVG picture: layers down, sparsities across, the change of the loss as shade and number.
 * Shades grow with the square root, so that small changes are told apart.
 */
export function sensitivityChart(rows: readonly ChartRow[], sparsities: readonly number[], title: string): string {
  const known = rows.flatMap(({ values }) => values.filter((x) => x !== null && Number.isFinite(x))) as number[];
  const most = Math.max(...known, 1e-9);
  const width = LABEL + sparsities.length * CELL.width + 12;
  const height = HEAD + rows.length * CELL.height + 12;
  const heads = sparsities.map(
    (share, j) =>
      markup`<text x="${LABEL + (j + 0.5) * CELL.width}" y="${HEAD - 8}" text-anchor="middle">${Number((100 * share).toFixed(2))} %</text>`,
  );
  const lines = rows.map(({ name, values }, i) => {
    const y = HEAD + i * CELL.height;
    const short = name.length > 40 ? `\u2026${name.slice(-39)}` : name;
    return markup`<g><text x="${LABEL - 8}" y="${y + 15}" text-anchor="end">${short}</text>${values.map((x, j) => cell(x, most, { x: LABEL + j * CELL.width, y }))}</g>`;
  });
  return markup`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
<text x="12" y="18" font-size="14">${title}</text>
${heads}
${lines}
</svg>
`.html;
}

function cell(value: number | null, most: number, { x, y }: { x: number; y: number }): Markup {
  const finite = value !== null && Number.isFinite(value);
  const share = finite ? Math.sqrt(Math.min(Math.max(value, 0) / most, 1)) : 1;
  const light = Math.round(97 - 60 * share);
  const text = finite ? signed(value) : '\u2013';
  return markup`<rect x="${x + 1}" y="${y + 1}" width="${CELL.width - 2}" height="${CELL.height - 2}" fill="hsl(18 ${Math.round(80 * share)}% ${light}%)"/><text x="${x + CELL.width / 2}" y="${y + 15}" text-anchor="middle" fill="${light < 60 ? '#fff' : '#222'}">${text}</text>`;
}

function signed(value: number): string {
  return `${value < 0 ? '\u2212' : '+'}${Math.abs(value).toPrecision(2)}`;
}
