import type { Chart } from './charts/chart.ts';
import { standaloneSvg } from './charts/draw.ts';
import { bytes, integer, milliseconds, number, percent, short } from './figures.ts';
import type { Report } from './report.ts';
import { shellCommand } from './shell-command.ts';
import { summaryRows } from './summary.ts';
import type { SweepReport } from './sweep-report.ts';
import { type Column, markdownTable } from './table.ts';
import { speedAnswers } from './views/latency.ts';
import { hasMacs, layerChart } from './views/layer-charts.ts';
import { expectationRows, latencySpread, layerRows, leadOf, measuredOn, versionsOf } from './views/rows.ts';
import { runPredictionChart, standingCharts } from './views/run-charts.ts';
import { stageCharts } from './views/stage-charts.ts';
import { frontChart, measuresOf, predictionChart } from './views/sweep-charts.ts';
import { sweepPoints } from './views/sweep-points.ts';

/** A document in Markdown, and the pictures that it refers to. */
export interface MarkdownDocument {
  readonly text: string;
  /** SVG by file name; the text refers to them in the folder `charts`. */
  readonly charts: Readonly<Record<string, string>>;
}

/** A run's report in Markdown, as for a pull request. Names from the model are escaped. */
export function reportMarkdown(report: Report): MarkdownDocument {
  const { layers, warnings, command, seed } = report;
  const prediction = runPredictionChart(report);
  const charts: Chart[] = [
    ...standingCharts(report).filter(({ id }) => id === 'standing-bytes' || id === 'standing-sparsity'),
    ...stageCharts(report),
    ...(prediction === null ? [] : [prediction]),
    ...(layers.length === 0 ? [] : [layerChart(layers, 'share')]),
    ...(layers.length > 0 && hasMacs(layers) ? [layerChart(layers, 'macs')] : []),
  ];
  const spread = latencySpread(report);
  const text = [
    `## ${plain(report.model.name)} pruned by ${plain(report.asked.method)}`,
    plain(leadOf(report)),
    ...listed(warnings),
    table(
      ['Figure', 'Before', 'After', 'Change'],
      summaryRows(report).map(({ label, before, after, change }) => [label, before, after, change]),
    ),
    plain([measuredOn(report), spread ?? ''].join(' ').trim()),
    table(['Figure', 'Asked', 'Predicted', 'Achieved'], expectationRows(report)),
    '### Will it be faster, and where?',
    table(
      ['Where', 'Measured', 'Faster'],
      speedAnswers(report).map(({ where, measured, verdict }) => [where, measured, verdict]),
      [],
    ),
    ...pictures(charts),
    folded(
      'Layers',
      table(
        ['Weight', 'Operator', 'Shape', 'Weights', 'Kept', 'Sparsity', 'MACs before', 'MACs after'],
        layerRows(report),
      ),
    ),
    ...(command === null ? [] : [folded('Run it again', fenced(shellCommand(command)))]),
    plain(`Seed ${seed}. ${versionsOf(report)}`),
  ];
  return { text: `${text.join('\n\n')}\n`, charts: drawn(charts) };
}

/** A sweep in Markdown. */
export function sweepMarkdown(sweep: SweepReport): MarkdownDocument {
  const prediction = predictionChart(sweep);
  const charts: Chart[] = [
    ...measuresOf(sweep).map((measure) => frontChart(sweep, measure)),
    ...(prediction === null ? [] : [prediction]),
  ];
  const rows = sweepPoints(sweep).map((point) => [
    point.method,
    point.budget,
    percent(point.accuracy),
    number(point.loss),
    percent(point.sparsity, 1),
    short(point.macs),
    bytes(point.bytes),
    milliseconds(point.latency),
  ]);
  const text = [
    `## ${plain(sweep.model.name)}: ${sweep.methods.map(plain).join(', ')}`,
    plain(`${integer(sweep.cells.length)} runs; the dense model has ${percent(sweep.dense.accuracy)} accuracy.`),
    ...listed(sweep.warnings),
    ...pictures(charts),
    table(['Method', 'Budget', 'Accuracy', 'Loss', 'Sparsity', 'MACs', 'Brotli', 'Latency'], rows, [2, 3, 4, 5, 6, 7]),
    ...(sweep.command === null ? [] : [folded('Run it again', fenced(shellCommand(sweep.command)))]),
    plain(versionsOf(sweep)),
  ];
  return { text: `${text.join('\n\n')}\n`, charts: drawn(charts) };
}

/** @param right  columns of numbers; default all but the first */
function table(headings: readonly string[], rows: readonly (readonly string[])[], right?: readonly number[]): string {
  const columns = headings.map((heading, i): Column => {
    const isRight = right === undefined ? i > 0 : right.includes(i);
    return isRight ? { heading, align: 'right' } : { heading };
  });
  return markdownTable(columns, rows);
}

function listed(warnings: readonly string[]): string[] {
  return warnings.length === 0 ? [] : [warnings.map((warning) => `- **Warning:** ${plain(warning)}`).join('\n')];
}

function pictures(charts: readonly Chart[]): string[] {
  return charts.map((chart) => `![${plain(chart.title)}](charts/${chart.id}.svg)`);
}

function drawn(charts: readonly Chart[]): Record<string, string> {
  return Object.fromEntries(charts.map((chart) => [`${chart.id}.svg`, standaloneSvg(chart)]));
}

function folded(summary: string, content: string): string {
  return `<details><summary>${summary}</summary>\n\n${content}\n\n</details>`;
}

/** A fence longer than any in the text. */
function fenced(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}\n${text.replace(/\p{Cc}+/gu, ' ')}\n${fence}`;
}

/** Text that Markdown and HTML leave as it is. */
function plain(text: string): string {
  return text
    .replace(/\p{Cc}+/gu, ' ')
    .replace(/[\\`*_[\]<>|#~]/g, (sign) => (sign === '<' ? '&lt;' : sign === '_' ? '_' : `\\${sign}`));
}
