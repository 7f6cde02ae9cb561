import { Markup, markup } from '../markup.ts';
import { drawBars } from './bars.ts';
import type { Chart } from './chart.ts';
import type { Drawing, Drawn } from './drawing.ts';
import { STANDALONE_STYLE } from './palette.ts';
import { drawXy } from './xy.ts';

/**
 * Draws a chart with classes for colours (see palette.ts). Every mark has what it says in `data-tip`, and `data-key`
 * where it can be picked.
 */
export function drawChart(chart: Chart, drawing: Drawing): Drawn {
  return chart.kind === 'bars' ? drawBars(chart, drawing) : drawXy(chart, drawing);
}

/** Height of the heading of a chart that stands alone, and the space around it. */
const HEADING = 34;
const AROUND = 16;

/** A chart as a file of its own, with its heading and its colours, light or dark as the reader's system is. */
export function standaloneSvg(chart: Chart, width = 760): string {
  const { content, height } = drawChart(chart, { width: width - 2 * AROUND });
  const full = height + HEADING + AROUND;
  return markup`<svg xmlns="http://www.w3.org/2000/svg" class="chart" width="${width}" height="${full}" viewBox="0 0 ${width} ${full}" role="img" aria-label="${chart.title}">
<style>${new Markup(STANDALONE_STYLE)}</style>
<rect class="ground" width="${width}" height="${full}"/>
<text class="heading" x="${AROUND}" y="23">${chart.title}</text>
<g transform="translate(${AROUND} ${HEADING})">${content}</g>
</svg>
`.html;
}
