import {
  bytes,
  difference,
  duration,
  integer,
  milliseconds,
  number,
  percent,
  points,
  short,
  UNKNOWN,
} from '../figures.ts';
import type { Report } from '../report.ts';

/** The report in a sentence. */
export function leadOf({ asked, nonzeros, prunable, layers, sparsity, seconds }: Report): string {
  const total = Object.values(seconds).reduce((sum, value) => sum + value, 0);
  const took = total > 0 ? ` in ${duration(total)}` : '';
  const where = `${layers.length} ${layers.length === 1 ? 'layer' : 'layers'}`;
  const removed = `${integer(prunable - nonzeros)} of ${integer(prunable)} prunable weights in ${where}`;
  return `Method ${asked.method} removed ${removed}${took}: ${percent(sparsity)} sparsity.`;
}

/** Where the measured figures come from, in a sentence. */
export function measuredOn({ eval: evaluation, runtime }: Report): string {
  const rows =
    evaluation === null
      ? 'No evaluation data were given'
      : `Measured on ${integer(evaluation.rows)} rows of ${evaluation.address}`;
  const { name, version, threads } = runtime;
  const on = threads === null ? '' : `, ${threads} ${threads === 1 ? 'thread' : 'threads'}`;
  return `${rows}; models run by ${name} ${version}${on}.`;
}

/** How noisy the machine was, which medians hide; null where latency was not measured. */
export function latencySpread({ latency }: Report): string | null {
  const lines = (latency ?? []).flatMap(({ batch, before, after }) =>
    [before, after].flatMap((figures, i) =>
      figures === null
        ? []
        : `batch ${batch} ${i === 0 ? 'before' : 'after'} ${milliseconds(figures.p10)} to ${milliseconds(figures.p90)} (${figures.runs} passes)`,
    ),
  );
  return lines.length === 0 ? null : `Latency is the median; 10th to 90th percentile: ${lines.join('; ')}.`;
}

/** Figure, asked, predicted, achieved; rows of which nothing is known are left out. */
export function expectationRows(report: Report): string[][] {
  const { asked, predicted, sparsity, loss, accuracy } = report;
  const objective =
    predicted === null ? ['', ''] : [number(predicted.objective.before), number(predicted.objective.after)];
  const change = predicted?.lossChange ?? null;
  return [
    ['Sparsity', asked.sparsity === null ? '' : percent(asked.sparsity), '', percent(sparsity)],
    ['Share of the prunable MACs', asked.flops === null ? '' : percent(asked.flops), '', percent(shareOfMacs(report))],
    ['Prunable weights', asked.params === null ? '' : integer(asked.params), '', integer(report.nonzeros)],
    ['Change of loss', '', change === null ? '' : difference(0, change), difference(loss.before, loss.after)],
    ['Change of accuracy', '', '', points(accuracy.before, accuracy.after)],
    ['Objective at the start', '', objective[0] as string, ''],
    ['Objective at the result', '', objective[1] as string, ''],
  ].filter((row) => row.slice(1).some((cell) => cell !== '' && cell !== UNKNOWN));
}

/** Share of the pruned layers' multiply-accumulates that is left; null where they are not known. */
function shareOfMacs({ layers }: Report): number | null {
  const [before, after] = [sumOfMacs(layers, 'before'), sumOfMacs(layers, 'after')];
  return before === null || after === null || before === 0 ? null : after / before;
}

/** Null where one layer's figure is not known: a sum of the rest would mislead. */
function sumOfMacs(layers: Report['layers'], when: 'before' | 'after'): number | null {
  return layers.reduce<number | null>(
    (sum, { macs }) => (sum === null || macs[when] === null ? null : sum + macs[when]),
    0,
  );
}

/** Weight, operator, shape, weights, kept, sparsity, MACs before and after of each layer. */
export function layerRows({ layers }: Report): string[][] {
  return layers.map(({ name, op, shape, weights, kept, sparsity, macs }) => [
    name,
    op,
    shape.join(' x '),
    integer(weights),
    integer(kept),
    percent(sparsity, 1),
    short(macs.before),
    short(macs.after),
  ]);
}

/** The sums under {@link layerRows}. */
export function layerTotals({ layers, prunable, nonzeros, sparsity }: Report): string[] {
  return [
    'All layers',
    '',
    '',
    integer(prunable),
    integer(nonzeros),
    percent(sparsity, 1),
    short(sumOfMacs(layers, 'before')),
    short(sumOfMacs(layers, 'after')),
  ];
}

/** Step, wall time and its share of all; the sentence above them. */
export function timeRows({ seconds, peakRssMB }: Pick<Report, 'seconds' | 'peakRssMB'>): {
  caption: string;
  rows: string[][];
} {
  const steps = Object.entries(seconds);
  const total = steps.reduce((sum, [, value]) => sum + value, 0);
  const memory = peakRssMB === null ? '' : ` Largest resident memory: ${integer(peakRssMB)} MB.`;
  return {
    caption: `Wall time by step, ${duration(total)} in all.${memory}`,
    rows: steps.map(([step, value]) => [step, duration(value), percent(total > 0 ? value / total : 0, 1)]),
  };
}

/** Every option of the run and its value; lists of trials and epochs have sections of their own. */
export function optionRows({ asked }: Pick<Report, 'asked'>): string[][] {
  const own = ['tuned', 'search', 'training'];
  return Object.entries(asked.options)
    .filter(([name]) => !own.includes(name))
    .map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]);
}

/** What the figures belong to that any document of a run has. */
export type Origin = Pick<Report, 'model' | 'data' | 'eval'> & Partial<Pick<Report, 'output'>>;

/** Files and data: what, where, size, hash. */
export function originRows({ model, output, data, eval: evaluation }: Origin): string[][] {
  const source = (name: string, from: Report['data']): string[][] =>
    from === null ? [] : [[name, from.address, `${integer(from.rows)} rows`, from.sha256 ?? UNKNOWN]];
  const file = (name: string, from: Report['model']): string[] => [
    name,
    from.name,
    bytes(from.bytes),
    from.sha256 ?? UNKNOWN,
  ];
  return [
    file('Model', model),
    ...(output == null ? [] : [file('Pruned model', output)]),
    ...source('Data', data),
    ...source('Evaluation data', evaluation),
  ];
}

/** Versions and machine, in a sentence. */
export function versionsOf({
  tool,
  runtime,
  platform,
}: Pick<Report, 'tool' | 'runtime'> & { readonly platform: Report['platform'] | null }): string {
  const parts = [
    `${tool.name} ${tool.version}`,
    `${runtime.name} ${runtime.version}`,
    platform?.node == null ? '' : `Node ${platform.node}`,
    platform?.os ?? '',
    platform?.cpu ?? '',
  ];
  return `${parts.filter((text) => text !== '').join(', ')}.`;
}
