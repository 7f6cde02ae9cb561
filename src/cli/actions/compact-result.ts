import { measureSize } from '../../evaluate/size.node.ts';
import { encodeModel } from '../../onnx/encode.ts';
import { dataFacts } from '../../pipeline/opened-data.ts';
import type { Finished } from '../../pipeline/run.ts';
import { lastEvaluation } from '../../pipeline/run-report.ts';
import type { LatencyAt } from '../../pipeline/timing.ts';
import { bytes, integer, percent } from '../../report/figures.ts';
import { runtimeFacts } from '../../report/runtime-facts.ts';
import { peakRssMB, toolFacts } from '../../report/surroundings.node.ts';
import { textTable } from '../../report/table.ts';
import type { Context } from '../context.ts';
import type { MachineFlags } from '../flags.ts';
import { filesOf } from '../opening.node.ts';
import { gate } from './gate.ts';
import type { RunSetup } from './setup.ts';

/** The layout of the document; it rises when a field changes its meaning. */
const COMPACT_SCHEMA = 'coppice/compact@1';

/** The step of a run that took channels out; undefined where none did. */
function compacting({ steps }: Finished) {
  return steps.find((step) => step.do === 'compact');
}

/** Whether a run took channels out. */
export function isCompacted(finished: Finished): boolean {
  return compacting(finished) !== undefined;
}

/** Prints what a run did that took channels out. @returns the exit code */
export async function finishCompact(
  context: Context,
  { engine, opened, data, evaluation }: RunSetup,
  finished: Finished,
  {
    flags,
    output,
    latency,
  }: { readonly flags: MachineFlags; readonly output: string; readonly latency: readonly LatencyAt[] | null },
): Promise<number> {
  const facts = compacting(finished) as NonNullable<ReturnType<typeof compacting>>;
  const { before, model } = finished;
  const after = lastEvaluation(finished);
  const [was, is] = await Promise.all([
    measureSize(filesOf(opened.path, opened.model)),
    measureSize(encodeModel(model)),
  ]);
  const times =
    latency?.map(({ batch, latencies: [dense, small] }) => ({
      batch,
      before: dense?.median ?? null,
      after: small?.median ?? null,
    })) ?? null;
  const document = {
    schema: COMPACT_SCHEMA,
    tool: toolFacts(),
    runtime: runtimeFacts(engine, flags.threads),
    command: context.command,
    model: opened.file,
    output,
    data: data === null ? null : await dataFacts(data),
    eval: evaluation === null ? null : await dataFacts(evaluation),
    accuracy: { before: before?.accuracy ?? null, after: after?.accuracy ?? null },
    loss: { before: before?.loss ?? null, after: after?.loss ?? null },
    macs: { before: facts.before.macs, after: facts.after.macs },
    weights: { before: facts.before.params, after: facts.after.params },
    bytes: { before: was, after: is },
    latencyMs: times,
    spaces: facts.spaces,
    frozen: facts.frozen,
    outputsChanged: facts.error,
    proof: facts.proof,
    seconds: context.seconds,
    peakRssMB: peakRssMB(),
    warnings: context.warnings,
  };
  const share = (a: number, b: number): string => percent(a / b);
  const rows = [
    ...(before === null || after === null ? [] : [['accuracy', percent(before.accuracy), percent(after.accuracy), '']]),
    [
      'multiply-adds',
      integer(facts.before.macs),
      integer(facts.after.macs),
      share(facts.after.macs, facts.before.macs),
    ],
    [
      'weights',
      integer(facts.before.params),
      integer(facts.after.params),
      share(facts.after.params, facts.before.params),
    ],
    ['file', bytes(was.raw), bytes(is.raw), share(is.raw, was.raw)],
    ...(times ?? []).map((at) => [
      `latency, batch ${at.batch}`,
      at.before === null ? '' : `${at.before.toPrecision(3)} ms`,
      at.after === null ? '' : `${at.after.toPrecision(3)} ms`,
      at.before === null || at.after === null ? '' : `${(at.before / at.after).toFixed(2)} x as fast`,
    ]),
  ];
  const table = textTable(
    [{ heading: '' }, { heading: 'before', align: 'right' }, { heading: 'after', align: 'right' }, { heading: '' }],
    rows,
    context.width,
  );
  const spaces = textTable(
    [{ heading: 'channels' }, { heading: 'before', align: 'right' }, { heading: 'after', align: 'right' }],
    facts.spaces.map((space) => [space.name, integer(space.before), integer(space.after)]),
    context.width,
  );
  context.print(flags.json === true ? JSON.stringify(document, null, 2) : `${table}\n\n${spaces}\n\nmodel   ${output}`);
  return gate(context, after, flags.minAccuracy);
}
