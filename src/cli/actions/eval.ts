import type { Command } from 'commander';
import type { Engine } from '../../engine/engine.ts';
import { type LatencyAt, timeSides } from '../../pipeline/timing.ts';
import { bytes, integer, milliseconds, number, percent, short, UNKNOWN } from '../../report/figures.ts';
import { runtimeFacts } from '../../report/runtime-facts.ts';
import { peakRssMB, toolFacts } from '../../report/surroundings.node.ts';
import { textTable } from '../../report/table.ts';
import { configOf } from '../config.node.ts';
import type { Context } from '../context.ts';
import { openEngine } from '../engine.node.ts';
import { EXIT } from '../exit-codes.ts';
import type { EvalFlags } from '../flags.ts';
import { type Judged, judge, judgedFigures } from './judging.ts';

/** The layout of an evaluation; it rises when a field changes its meaning. */
const EVALUATION_SCHEMA = 'coppice/evaluation@1';

/** Measures one model. @returns the exit code */
export async function evaluateFile(context: Context, path: string, command: Command): Promise<number> {
  const flags = command.opts<EvalFlags>();
  if (flags.printConfig === true) {
    context.print(JSON.stringify(configOf(command), null, 2));
    return EXIT.ok;
  }
  const engine = await openEngine(context, flags);
  const judged = await judge(context, path, { flags, engine });
  if (judged.data === null) context.warn('no --eval: accuracy and loss are not measured');
  const { threads } = flags;
  const latency =
    flags.latency === true && judged.runs
      ? await context.timed('latency', () => timeSides([judged.side], { ...context.run, threads }))
      : null;
  context.print(
    flags.json === true ? evaluationText(context, judged, { engine, threads, latency }) : table(judged, latency),
  );
  return EXIT.ok;
}

function evaluationText(
  { command, seconds, warnings }: Context,
  judged: Judged,
  { engine, threads, latency }: { engine: Engine; threads: number | undefined; latency: readonly LatencyAt[] | null },
): string {
  const document = {
    schema: EVALUATION_SCHEMA,
    tool: toolFacts(),
    runtime: runtimeFacts(engine, threads),
    command,
    eval: judged.dataFacts,
    ...judgedFigures(judged),
    latency: latency?.map(({ batch, latencies: [one] }) => ({ batch, ...one })) ?? null,
    seconds,
    peakRssMB: peakRssMB(),
    warnings,
  };
  return JSON.stringify(document, null, 2);
}

function table({ opened, evaluation, count, bytes: size }: Judged, latency: readonly LatencyAt[] | null): string {
  const { prunable, nonzeros, macs } = count;
  const rows = [
    ['Model', opened.file.name],
    ['Rows', integer(evaluation?.count ?? null)],
    ['Accuracy', percent(evaluation?.accuracy ?? null)],
    ['Loss', number(evaluation?.loss ?? null)],
    [
      'Nonzero prunable weights',
      `${integer(nonzeros)} of ${integer(prunable)} (${percent(prunable === 0 ? 0 : 1 - nonzeros / prunable)} zeros)`,
    ],
    ['MACs of one sample', macs.dense === null ? UNKNOWN : `${short(macs.nonzero)} of ${short(macs.dense)}`],
    ['File', bytes(size.raw)],
    ['File, gzip', bytes(size.gzip)],
    ['File, brotli', bytes(size.brotli)],
    ...(latency ?? []).map(({ batch, latencies: [one] }) => [
      `Latency, batch ${batch}`,
      milliseconds(one?.median ?? null),
    ]),
  ];
  return textTable(
    [{ heading: '' }, { heading: '' }],
    rows.filter(([, value]) => value !== UNKNOWN),
  )
    .split('\n')
    .slice(2)
    .join('\n');
}
