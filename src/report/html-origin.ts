import { bar } from './bars.ts';
import { bytes, duration, integer, percent, UNKNOWN } from './figures.ts';
import { htmlTable } from './html-table.ts';
import { type Content, type Markup, markup } from './markup.ts';
import type { Report } from './report.ts';
import { shellCommand } from './shell-command.ts';

const RIGHT = 'right' as const;

/** Wall time by step, and memory. */
export function timeSection({ seconds, peakRssMB }: Report): Markup | null {
  const steps = Object.entries(seconds);
  if (steps.length === 0) return null;
  const total = steps.reduce((sum, [, value]) => sum + value, 0);
  const share = (value: number): number => (total > 0 ? value / total : 0);
  const rows = steps.map(([step, value]) => [
    step,
    duration(value),
    bar(share(value), `${percent(share(value), 1)} of the time`),
  ]);
  const columns = [{ heading: 'Step' }, { heading: 'Time', align: RIGHT }, { heading: 'Share' }];
  const memory = peakRssMB === null ? '' : ` Largest resident memory: ${integer(peakRssMB)} MB.`;
  const caption = `Wall time by step, ${duration(total)} in all.${memory}`;
  return markup`<section aria-labelledby="time"><h2 id="time">Time and memory</h2>
${htmlTable({ caption, columns, rows })}</section>`;
}

/** The command line, and every option with its value. */
export function reproduceSection({ command, seed, asked }: Report): Markup {
  const columns = [{ heading: 'Option' }, { heading: 'Value' }];
  const rows = Object.entries(asked.options).map(([name, value]) => [name, code(shown(value))]);
  return markup`<section aria-labelledby="again"><h2 id="again">Run it again</h2>
${command === null ? null : markup`<pre class="code">${shellCommand(command)}</pre>`}
<p class="note">Seed ${seed}.</p>
${rows.length === 0 ? null : htmlTable({ caption: 'Options, defaults filled in.', columns, rows })}</section>`;
}

/** Files, data and versions that the figures belong to. */
export function originSection(report: Report): Markup {
  const { model, output, data, platform, runtime } = report;
  const source = (name: string, from: Report['data']): Content[][] =>
    from === null ? [] : [[name, from.address, `${integer(from.rows)} rows`, code(from.sha256 ?? UNKNOWN)]];
  const rows: Content[][] = [
    ['Model', model.name, bytes(model.bytes), code(model.sha256 ?? UNKNOWN)],
    ...(output === null ? [] : [['Pruned model', output.name, bytes(output.bytes), code(output.sha256 ?? UNKNOWN)]]),
    ...source('Data', data),
    ...source('Evaluation data', report.eval),
  ];
  const columns = [
    { heading: 'What' },
    { heading: 'Where' },
    { heading: 'Size', align: RIGHT },
    { heading: 'SHA-256' },
  ];
  const versions = [
    `${report.tool.name} ${report.tool.version}`,
    `${runtime.name} ${runtime.version}`,
    platform.node === null ? '' : `Node ${platform.node}`,
    platform.os ?? '',
    platform.cpu ?? '',
  ].filter((text) => text !== '');
  return markup`<section aria-labelledby="origin"><h2 id="origin">Where the figures come from</h2>
${htmlTable({ caption: 'Hashes of data are those of the selected raw rows and labels.', columns, rows })}<p class="note">${versions.join(', ')}.</p></section>`;
}

function code(text: string): Markup {
  return markup`<span class="code">${text}</span>`;
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
