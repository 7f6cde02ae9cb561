import type { Command } from 'commander';
import type { Engine } from '../../engine/engine.ts';
import { type LatencyAt, timeSides } from '../../pipeline/timing.ts';
import { bytes, integer, milliseconds, number, percent, short, UNKNOWN } from '../../report/figures.ts';
import { runtimeFacts } from '../../report/runtime-facts.ts';
import { peakRssMB, toolFacts } from '../../report/surroundings.node.ts';
import { type Column, textTable } from '../../report/table.ts';
import { configOf } from '../config.node.ts';
import type { Context } from '../context.ts';
import { openEngine } from '../engine.node.ts';
import { EXIT } from '../exit-codes.ts';
import type { EvalFlags } from '../flags.ts';
import { type Judged, judge, judgedFigures } from './judging.ts';

/** The layout of a comparison; it rises when a field changes its meaning. */
const COMPARISON_SCHEMA = 'coppice/comparison@1';

/** Measures models side by side. @returns the exit code */
export async function compareFiles(context: Context, paths: readonly string[], command: Command): Promise<number> {
  const flags = command.opts<EvalFlags>();
  if (flags.printConfig === true) {
    context.print(JSON.stringify(configOf(command), null, 2));
    return EXIT.ok;
  }
  const engine = await openEngine(context, flags);
  const judged: Judged[] = [];
  for (const path of paths) judged.push(await judge(context, path, { flags, engine }));
  if (flags.eval === undefined) context.warn('no --eval: accuracy, loss and agreement are not measured');
  const running = judged.filter(({ runs }) => runs);
  const { threads } = flags;
  const latency =
    flags.latency !== true || running.length === 0
      ? null
      : await context.timed('latency', () =>
          timeSides(
            running.map(({ side }) => side),
            { ...context.run, threads },
          ),
        );
  const compared = judged.map((one) => ({
    one,
    agreement: agreement(judged[0] as Judged, one),
    latency: latencyOf(running.indexOf(one), latency),
  }));
  context.print(
    flags.json === true ? comparisonText(context, compared, { engine, threads }) : table(compared, context.width),
  );
  return EXIT.ok;
}

/** A model beside the others. */
interface Compared {
  readonly one: Judged;
  readonly agreement: number | null;
  readonly latency: ReturnType<typeof latencyOf>;
}

/** Share of rows that two models put into the same class; null where nothing was evaluated. */
export function agreement(a: Pick<Judged, 'evaluation'>, b: Pick<Judged, 'evaluation'>): number | null {
  const [x, y] = [a.evaluation?.predictions, b.evaluation?.predictions];
  if (x === undefined || y === undefined || x.length === 0 || x.length !== y.length) return null;
  return x.reduce((same, prediction, i) => same + (prediction === y[i] ? 1 : 0), 0) / x.length;
}

function latencyOf(
  at: number,
  latency: readonly LatencyAt[] | null,
): readonly { batch: number; median: number; p10: number; p90: number; runs: number }[] | null {
  if (latency === null || at < 0) return null;
  return latency.flatMap(({ batch, latencies }) => {
    const one = latencies[at] ?? null;
    return one === null ? [] : [{ batch, ...one }];
  });
}

function comparisonText(
  { command, seconds, warnings }: Context,
  compared: readonly Compared[],
  { engine, threads }: { engine: Engine; threads: number | undefined },
): string {
  const document = {
    schema: COMPARISON_SCHEMA,
    tool: toolFacts(),
    runtime: runtimeFacts(engine, threads),
    command,
    eval: compared[0]?.one.dataFacts ?? null,
    models: compared.map(({ one, agreement: share, latency }) => ({
      ...judgedFigures(one),
      agreement: share,
      latency,
    })),
    seconds,
    peakRssMB: peakRssMB(),
    warnings,
  };
  return JSON.stringify(document, null, 2);
}

/** One column a figure; columns in which nothing is known are left out. */
function table(compared: readonly Compared[], width: number): string {
  const batches = [...new Set(compared.flatMap(({ latency }) => latency?.map(({ batch }) => batch) ?? []))].sort(
    (a, b) => a - b,
  );
  const columns: Column[] = [
    { heading: 'model' },
    ...[
      'accuracy',
      'loss',
      'agrees',
      'nonzeros',
      'zeros',
      'MACs',
      'raw',
      'gzip',
      'brotli',
      ...batches.map((batch) => `batch ${batch}`),
    ].map((heading): Column => ({ heading, align: 'right' })),
  ];
  const rows = compared.map(({ one, agreement: share, latency }) => {
    const { evaluation, count, bytes: size } = one;
    const zeros = count.prunable === 0 ? 0 : 1 - count.nonzeros / count.prunable;
    return [
      one.opened.file.name,
      percent(evaluation?.accuracy ?? null),
      number(evaluation?.loss ?? null),
      percent(share),
      integer(count.nonzeros),
      percent(zeros, 1),
      short(count.macs.nonzero),
      bytes(size.raw),
      bytes(size.gzip),
      bytes(size.brotli),
      ...batches.map((batch) => milliseconds(latency?.find((one) => one.batch === batch)?.median ?? null)),
    ];
  });
  const shown = columns.map((_, i) => i).filter((i) => rows.some((row) => row[i] !== UNKNOWN));
  return textTable(
    shown.map((i) => columns[i] as Column),
    rows.map((row) => shown.map((i) => row[i] as string)),
    width,
  );
}
