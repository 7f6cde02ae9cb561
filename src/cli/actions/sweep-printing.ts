import type { Evaluation } from '../../evaluate/accuracy.ts';
import { dataFacts } from '../../pipeline/opened-data.ts';
import type { SweepCell } from '../../pipeline/sweep.ts';
import { type Spread, type SweepSummary, summarizeSweep } from '../../pipeline/sweep-summary.ts';
import { weightMacs } from '../../pruning/shapes.ts';
import { bytes, milliseconds, percent } from '../../report/figures.ts';
import { runtimeFacts } from '../../report/runtime-facts.ts';
import { peakRssMB, platformFacts, toolFacts } from '../../report/surroundings.node.ts';
import { SWEEP_SCHEMA, type SweepReport, sweepReportSchema } from '../../report/sweep-report.ts';
import { type Column, textTable } from '../../report/table.ts';
import type { Context } from '../context.ts';
import type { SweepFlags } from '../flags.ts';
import { total } from '../measuring.ts';
import type { RunSetup } from './setup.ts';

/** A finished sweep. */
export interface SweepResult {
  readonly flags: SweepFlags;
  readonly setup: RunSetup;
  readonly dense: Evaluation | null;
  /** Of the dense model. */
  readonly measured: Pick<SweepCell, 'bytes' | 'latency' | 'compiled'>;
  readonly cells: readonly SweepCell[];
}

/** The document that `--json` prints: checked, and with null for what is not a finite number. */
export async function sweepDocument(
  { command, seconds, warnings }: Context,
  { flags, setup, dense, measured, cells }: SweepResult,
): Promise<SweepReport & { summary: SweepSummary[] }> {
  const { engine } = setup;
  const macs = setup.shapes && weightMacs(setup.opened.model, setup.shapes);
  const layers = setup.chosen.layers.map(({ name, op, dims, size }) => {
    const each = macs?.get(name) ?? null;
    return { name, op, shape: [...dims], weights: size, macs: each === null ? null : Math.round(each * size) };
  });
  const document = {
    schema: SWEEP_SCHEMA,
    tool: toolFacts(),
    runtime: runtimeFacts(engine, flags.threads),
    platform: platformFacts(),
    command: [...command],
    model: setup.opened.file,
    data: setup.data === null ? null : await dataFacts(setup.data),
    eval: setup.evaluation === null ? null : await dataFacts(setup.evaluation),
    dense: {
      accuracy: dense?.accuracy ?? null,
      loss: dense?.loss ?? null,
      ...measured,
      macs: total(layers.map((layer) => layer.macs)),
    },
    methods: flags.methods,
    sparsities: flags.sparsity ?? null,
    flops: flags.flops ?? null,
    seeds: flags.seeds,
    layers,
    cells,
    seconds,
    peakRssMB: peakRssMB(),
    warnings: [...warnings],
  };
  return { ...sweepReportSchema.parse(finite(document)), summary: summarizeSweep(cells) };
}

/** JSON has no NaN and no Infinity. */
function finite(document: object): unknown {
  return JSON.parse(JSON.stringify(document, (_, x) => (typeof x === 'number' && !Number.isFinite(x) ? null : x)));
}

/** One line a run, with a heading; what is not known is empty. */
export function sweepCsv(cells: readonly SweepCell[]): string {
  const heading =
    'method,sparsity,seed,accuracy,loss,recalibratedAccuracy,recalibratedLoss,nonzeros,prunable,objective,seconds,flops,macs,compiledAccuracy,compiledBytes,compiledLatency';
  const lines = cells.map(
    ({
      method,
      sparsity,
      flops,
      seed,
      accuracy,
      loss,
      recalibrated,
      nonzeros,
      prunable,
      macs,
      objective,
      seconds,
      compiled,
    }) =>
      [
        method,
        sparsity,
        seed,
        accuracy,
        loss,
        recalibrated?.accuracy,
        recalibrated?.loss,
        nonzeros,
        prunable,
        objective,
        seconds.toFixed(3),
        flops,
        macs,
        compiled?.accuracy,
        compiled?.bytes,
        compiled?.latency,
      ]
        .map((x) => x ?? '')
        .join(','),
  );
  return [heading, ...lines].join('\n');
}

/** A budget as it was asked for, as a column of a table has it. */
export function asked({ sparsity, flops }: Pick<SweepCell, 'sparsity' | 'flops'>): string {
  return [
    ...(flops === null ? [] : [`flops ${Number((100 * flops).toFixed(2))}%`]),
    ...(sparsity === null ? [] : [`sparsity ${Number((100 * sparsity).toFixed(2))}%`]),
  ].join(', ');
}

/** Accuracies: a row a budget, a column a method, and one more where it was recalibrated; a star on the Pareto front. */
export function sweepTable({ flags, setup, dense, cells }: SweepResult, width: number): string {
  const summary = summarizeSweep(cells);
  const again = flags.recalibrate === true;
  const columns: Column[] = [
    { heading: 'budget' },
    ...flags.methods
      .flatMap((method) => [method, ...(again ? [`${method}, recalibrated`] : [])])
      .map((heading): Column => ({ heading, align: 'right' })),
  ];
  const budgets = [...new Set(summary.map(asked))];
  const rows = budgets.map((budget) => [
    budget,
    ...flags.methods.flatMap((method) => {
      const cell = summary.find((s) => s.method === method && asked(s) === budget) as SweepSummary;
      const star = cell.pareto ? ' *' : '  ';
      return again ? [accuracy(cell.accuracy), accuracy(cell.recalibrated) + star] : [accuracy(cell.accuracy) + star];
    }),
  ]);
  const seeds = flags.seeds.length > 1 ? `, mean +- standard deviation over ${flags.seeds.length} seeds` : '';
  const programs = programsTable(cells, { seeds: flags.seeds.length > 1, width });
  return `${setup.opened.file.name}: dense accuracy ${percent(dense?.accuracy ?? null)}${seeds}\n\n${textTable(columns, rows, width)}\n\n* on the Pareto front of accuracy, nonzeros and MACs${programs === null ? '' : `\n\n${programs}`}`;
}

/** The compiled models, a row a run; null where nothing was compiled. */
function programsTable(
  cells: readonly SweepCell[],
  { seeds, width }: { readonly seeds: boolean; readonly width: number },
): string | null {
  if (cells.every(({ compiled }) => compiled === null)) return null;
  const columns: Column[] = [
    { heading: 'compiled' },
    { heading: 'budget' },
    ...(seeds ? [{ heading: 'seed', align: 'right' } as const] : []),
    { heading: 'accuracy', align: 'right' },
    { heading: 'latency', align: 'right' },
    { heading: 'brotli', align: 'right' },
  ];
  const rows = cells.map((cell) => [
    cell.method,
    asked(cell),
    ...(seeds ? [String(cell.seed)] : []),
    percent(cell.compiled?.accuracy ?? null),
    milliseconds(cell.compiled?.latency ?? null),
    bytes(cell.compiled?.bytes ?? null),
  ]);
  return textTable(columns, rows, width);
}

function accuracy(spread: Spread | null): string {
  if (spread === null) return percent(null);
  return `${percent(spread.mean)}${spread.sd === null ? '' : ` +- ${(100 * spread.sd).toFixed(2)}`}`;
}
