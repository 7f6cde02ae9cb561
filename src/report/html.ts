import { duration, integer, percent } from './figures.ts';
import { beforeAfterSection, fourWordsSection, tiles } from './html-figures.ts';
import { layersSection, untouchedSection } from './html-layers.ts';
import { originSection, reproduceSection, timeSection } from './html-origin.ts';
import { Markup, markup } from './markup.ts';
import { PAGE_STYLE } from './page-style.ts';
import type { Report } from './report.ts';

/** Nothing is loaded and no script runs: only the page's own style sheet. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'";

/**
 * One self-contained page of a report: no external resource, no script. All text from files is escaped.
 *
 * @returns a complete HTML document
 */
export function reportHtml(report: Report): string {
  const title = `${report.model.name} pruned by ${report.asked.method}`;
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<title>${title}</title>
<style>${new Markup(PAGE_STYLE)}</style>
</head>
<body>
<header>
<p class="kicker">Pruning report</p>
<h1>${report.model.name}</h1>
<p class="lead">${lead(report)}</p>
</header>
<main>
${tiles(report)}
${warnings(report)}
${beforeAfterSection(report)}
${fourWordsSection(report)}
${layersSection(report)}
${untouchedSection(report)}
${timeSection(report)}
${reproduceSection(report)}
${originSection(report)}
</main>
<footer>${report.tool.name} ${report.tool.version}, report layout ${report.schema}</footer>
</body>
</html>
`.html;
}

function lead({ asked, nonzeros, prunable, layers, sparsity, seconds }: Report): string {
  const total = Object.values(seconds).reduce((sum, value) => sum + value, 0);
  const took = total > 0 ? ` in ${duration(total)}` : '';
  const where = `${layers.length} ${layers.length === 1 ? 'layer' : 'layers'}`;
  const removed = `${integer(prunable - nonzeros)} of ${integer(prunable)} prunable weights in ${where}`;
  return `Method ${asked.method} removed ${removed}${took}: ${percent(sparsity)} sparsity.`;
}

function warnings(report: Report): Markup | null {
  if (report.warnings.length === 0) return null;
  const items = report.warnings.map((warning) => markup`<li>${warning}</li>`);
  return markup`<section class="warnings" aria-labelledby="warnings"><h2 id="warnings">Warnings</h2><ul>${items}</ul></section>`;
}
