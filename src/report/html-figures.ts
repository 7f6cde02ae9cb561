import { bytes, difference, integer, milliseconds, number, percent, points, ratio, UNKNOWN } from './figures.ts';
import { htmlTable } from './html-table.ts';
import { type Markup, markup } from './markup.ts';
import type { Report } from './report.ts';
import { summaryRows } from './summary.ts';

const RIGHT = 'right' as const;

interface Tile {
  readonly label: string;
  readonly figure: string;
  readonly aside: string;
}

/** The figures that answer first: accuracy, weights, download size, latency. */
export function tiles(report: Report): Markup {
  const known = [accuracyTile(report), weightsTile(report), downloadTile(report), latencyTile(report)];
  const drawn = known.map((tile) =>
    tile === null
      ? null
      : markup`<div class="tile"><dt>${tile.label}</dt><dd class="figure">${tile.figure}</dd><dd class="aside">${tile.aside}</dd></div>
`,
  );
  return markup`<dl class="tiles">
${drawn}</dl>`;
}

function accuracyTile({ accuracy, recalibrated }: Report): Tile | null {
  if (accuracy.after === null) return null;
  const again = recalibrated?.accuracy ?? null;
  const change =
    accuracy.before === null ? '' : `${points(accuracy.before, accuracy.after)} from ${percent(accuracy.before)}`;
  const aside = [change, again === null ? '' : `recalibrated ${percent(again)}`]
    .filter((text) => text !== '')
    .join('; ');
  return { label: 'Accuracy', figure: percent(accuracy.after), aside };
}

function weightsTile({ nonzeros, prunable }: Report): Tile {
  const share = prunable === 0 ? 0 : nonzeros / prunable;
  return { label: 'Weights kept', figure: percent(share), aside: `${integer(nonzeros)} of ${integer(prunable)}` };
}

function downloadTile({ bytes: size }: Report): Tile | null {
  const [before, after] = [size.before?.brotli ?? null, size.after?.brotli ?? null];
  if (after === null) return null;
  const aside = before === null ? '' : `${ratio(before, after)}, was ${bytes(before)}`;
  return { label: 'Download, brotli', figure: bytes(after), aside };
}

function latencyTile({ latency }: Report): Tile | null {
  const first = latency?.[0];
  if (first?.after == null) return null;
  const before = first.before === null ? '' : `was ${milliseconds(first.before.median)}`;
  return { label: `Latency, batch ${first.batch}`, figure: milliseconds(first.after.median), aside: before };
}

/** The table of measured figures before and after. */
export function beforeAfterSection(report: Report): Markup {
  const columns = [
    { heading: 'Figure' },
    { heading: 'Before', align: RIGHT },
    { heading: 'After', align: RIGHT },
    { heading: 'Change', align: RIGHT },
  ];
  const rows = summaryRows(report).map((row) => [
    row.label,
    row.before,
    row.after,
    markup`<span class="change">${row.change}</span>`,
  ]);
  return markup`<section aria-labelledby="measured"><h2 id="measured">Before and after</h2>
${htmlTable({ caption: caption(report), columns, rows })}${spread(report)}</section>`;
}

function caption(report: Report): string {
  const rows =
    report.eval === null
      ? 'No evaluation data were given'
      : `Measured on ${integer(report.eval.rows)} rows of ${report.eval.address}`;
  const { name, version, threads } = report.runtime;
  const on = threads === null ? '' : `, ${threads} ${threads === 1 ? 'thread' : 'threads'}`;
  return `${rows}; models run by ${name} ${version}${on}.`;
}

/** Medians alone hide how noisy the machine was. */
function spread({ latency }: Report): Markup | null {
  const lines = (latency ?? []).flatMap(({ batch, before, after }) =>
    [before, after].flatMap((figures, i) =>
      figures === null
        ? []
        : `batch ${batch} ${i === 0 ? 'before' : 'after'} ${milliseconds(figures.p10)} to ${milliseconds(figures.p90)} (${figures.runs} passes)`,
    ),
  );
  if (lines.length === 0) return null;
  return markup`<p class="note">Latency is the median; 10th to 90th percentile: ${lines.join('; ')}.</p>`;
}

/** Share of the pruned layers' multiply-accumulates that is left; null where they are not known. */
function shareOfMacs({ layers }: Report): number | null {
  const total = (when: 'before' | 'after'): number | null =>
    layers.reduce<number | null>((sum, { macs }) => (sum === null || macs[when] === null ? null : sum + macs[when]), 0);
  const [before, after] = [total('before'), total('after')];
  return before === null || after === null || before === 0 ? null : after / before;
}

/** What was asked for, predicted by the quadratic model, and came out. */
export function fourWordsSection(report: Report): Markup {
  const { asked, predicted, sparsity, loss, accuracy, status } = report;
  const objective =
    predicted === null ? ['', ''] : [number(predicted.objective.before), number(predicted.objective.after)];
  const rows = [
    ['Sparsity', asked.sparsity === null ? '' : percent(asked.sparsity), '', percent(sparsity)],
    ['Share of the prunable MACs', asked.flops === null ? '' : percent(asked.flops), '', percent(shareOfMacs(report))],
    ['Prunable weights', asked.params === null ? '' : integer(asked.params), '', integer(report.nonzeros)],
    ['Change of loss', '', signedNumber(predicted?.lossChange ?? null), difference(loss.before, loss.after)],
    ['Change of accuracy', '', '', points(accuracy.before, accuracy.after)],
    ['Objective at the start', '', objective[0] as string, ''],
    ['Objective at the result', '', objective[1] as string, ''],
  ].filter((row) => row.slice(1).some((cell) => cell !== '' && cell !== UNKNOWN));
  const columns = [
    { heading: 'Figure' },
    { heading: 'Asked', align: RIGHT },
    { heading: 'Predicted', align: RIGHT },
    { heading: 'Achieved', align: RIGHT },
  ];
  const text = predicted === null ? 'This method predicts nothing.' : 'Predicted by the quadratic model of the loss.';
  return markup`<section aria-labelledby="asked"><h2 id="asked">Asked, predicted, achieved</h2>
${htmlTable({ caption: text, columns, rows })}${status === null ? null : markup`<p class="note">Solver: ${status.code}. ${status.message}</p>`}</section>`;
}

function signedNumber(figure: number | null): string {
  return figure === null ? '' : difference(0, figure);
}
