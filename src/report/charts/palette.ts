/** Colours of one appearance, as #rrggbb. */
export interface Theme {
  readonly paper: string;
  readonly card: string;
  readonly ink: string;
  readonly soft: string;
  readonly line: string;
  readonly edge: string;
  readonly accent: string;
  readonly 'warn-paper': string;
  readonly 'warn-line': string;
  readonly kept: string;
  readonly removed: string;
  readonly gone: string;
  readonly sparser: string;
  /** Of series, in their order; told apart by people who see no red or no green, and by lightness. */
  readonly series: readonly string[];
  /** From little to much. */
  readonly tints: readonly string[];
}

/** On a light ground, and on paper. */
export const LIGHT: Theme = {
  paper: '#fbfcfa',
  card: '#ffffff',
  ink: '#1b211d',
  soft: '#55605a',
  line: '#dde3de',
  edge: '#808b84',
  accent: '#17643e',
  'warn-paper': '#fff5dc',
  'warn-line': '#b7791f',
  kept: '#1d7a4c',
  removed: '#d5dcd7',
  gone: '#b3261e',
  sparser: '#cfe6f7',
  series: ['#0b5cad', '#c2500a', '#00836b', '#8e3a8c', '#7a6a00', '#4a4f57'],
  tints: ['#8fb7d9', '#5b93c4', '#5a6fb0', '#7a3f94', '#6b0f52'],
};

/** On a dark ground. */
export const DARK: Theme = {
  paper: '#131715',
  card: '#1b201d',
  ink: '#e8ede9',
  soft: '#a4b0a8',
  line: '#323a35',
  edge: '#74807a',
  accent: '#7fdcae',
  'warn-paper': '#33290f',
  'warn-line': '#d9a441',
  kept: '#5ecb94',
  removed: '#3a433d',
  gone: '#ff8a80',
  sparser: '#17405f',
  series: ['#6cb2f5', '#ff9d5c', '#3fd0b0', '#e6b3ea', '#d8c84a', '#b7bdc6'],
  tints: ['#4a7599', '#7c9fd0', '#b3aef0', '#e8bdf0', '#ffe3ea'],
};

/** Series beyond the colours begin again; markers and dashes go on. */
export const SERIES_COLOURS = LIGHT.series.length;

/** Steps of a tint. */
export const TINT_STEPS = LIGHT.tints.length;

/** The colours as CSS custom properties: `--ink: #1b211d; ... --series-0: ...`. */
export function properties(theme: Theme): string {
  const { series, tints, ...plain } = theme;
  const numbered = (name: string, colours: readonly string[]): [string, string][] =>
    colours.map((colour, i) => [`${name}-${i}`, colour]);
  return [...Object.entries(plain), ...numbered('series', series), ...numbered('tint', tints)]
    .map(([name, colour]) => `--${name}: ${colour};`)
    .join(' ');
}

/** The custom properties of a page: the reader's choice, else the system's; light on paper. */
export const THEME_STYLE = `:root { color-scheme: light; ${properties(LIGHT)} }
@media (prefers-color-scheme: dark) { :root:not([data-theme="light"]) { color-scheme: dark; ${properties(DARK)} } }
:root[data-theme="dark"] { color-scheme: dark; ${properties(DARK)} }
@media print { :root:root:root { color-scheme: light; ${properties({ ...LIGHT, paper: '#ffffff' })} } }
`;

const numbered = (count: number, rule: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => rule(i)).join('\n');

/** How the parts of a chart look; the colours are those of {@link THEME_STYLE}. */
export const CHART_STYLE = `.chart text { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; font-size: 12px; fill: var(--soft); }
.chart .heading { font-size: 14px; font-weight: 600; fill: var(--ink); }
.chart .name { fill: var(--ink); }
.chart .grid { stroke: var(--line); stroke-width: 1; }
.chart .axis { stroke: var(--edge); stroke-width: 1; fill: none; }
.chart .reference { stroke: var(--edge); stroke-width: 1.5; stroke-dasharray: 2 3; fill: none; }
.chart .path { fill: none; stroke-width: 2; stroke-linejoin: round; }
.chart .area { stroke: none; opacity: 0.22; }
.chart .mark { stroke-width: 1.75; }
.chart .hollow { fill: var(--card); }
.chart .picked { fill: none; stroke: var(--ink); stroke-width: 2; }
.chart .kept { fill: var(--kept); }
.chart .removed { fill: var(--removed); stroke: var(--edge); stroke-width: 0.5; }
${numbered(SERIES_COLOURS, (i) => `.chart .line-${i} { stroke: var(--series-${i}); } .chart .fill-${i} { fill: var(--series-${i}); }`)}
${numbered(TINT_STEPS, (i) => `.chart .tint-${i} { fill: var(--tint-${i}); }`)}
`;

/** The style of a chart that stands alone, in a file: it follows the reader's system. */
export const STANDALONE_STYLE = `svg { ${properties(LIGHT)} }
@media (prefers-color-scheme: dark) { svg { ${properties(DARK)} } }
${CHART_STYLE}.ground { fill: var(--card); }
`;
