import { Markup, markup } from '../markup.ts';
import { barEntries, drawBars } from './bars.ts';
import type { Chart } from './chart.ts';
import type { Drawing, Drawn } from './drawing.ts';
import type { LegendEntry } from './legend.ts';
import { STANDALONE_STYLE } from './palette.ts';
import { drawXy, xyEntries } from './xy.ts';

/**
 * Draws a chart with classes for colours (see palette.ts). Every mark has what it says in `data-tip`, and `data-key`
 * where it can be picked.
 */
export function drawChart(chart: Chart, drawing: Drawing): Drawn {
  return chart.kind === 'bars' ? drawBars(chart, drawing) : drawXy(chart, drawing);
}

/** The legend of a chart, for a page that makes buttons of it. */
export function legendOf(chart: Chart): LegendEntry[] {
  return chart.kind === 'bars' ? barEntries(chart) : xyEntries(chart);
}

/** Height of the heading of a chart that stands alone, and the space around it. */
const HEADING = 34;
const AROUND = 16;

/**
 * A chart as a file of its own, with its heading and its colours, light or dark as the reader's system is.
 *
 * @param seen  what of it is shown; all by default
 */
export function standaloneSvg(chart: Chart, seen: Pick<Drawing, 'hidden' | 'range'> = {}): string {
  const width = 760;
  const { content, height } = drawChart(chart, { ...seen, width: width - 2 * AROUND });
  const full = height + HEADING + AROUND;
  return markup`<svg xmlns="http://www.w3.org/2000/svg" class="chart" width="${width}" height="${full}" viewBox="0 0 ${width} ${full}" role="img" aria-label="${chart.title}">
<style>${new Markup(STANDALONE_STYLE)}</style>
<rect class="ground" width="${width}" height="${full}"/>
<text class="heading" x="${AROUND}" y="23">${chart.title}</text>
<g transform="translate(${AROUND} ${HEADING})">${content}</g>
</svg>
`.html;
}
