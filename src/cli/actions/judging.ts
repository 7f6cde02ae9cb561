import type { Engine } from '../../engine/engine.ts';
import { type Evaluation, evaluate } from '../../evaluate/accuracy.ts';
import { programFeeds } from '../../evaluate/program.ts';
import { measureSize, type Size } from '../../evaluate/size.node.ts';
import { isProgram, openProgramFile } from '../../library/program.node.ts';
import { openEvaluation } from '../../library/rows.node.ts';
import type { Outputs } from '../../outputs/outputs.ts';
import { dataFacts, type OpenedData } from '../../pipeline/opened-data.ts';
import type { TimedSide } from '../../pipeline/timing.ts';
import { shapesOf } from '../../pruning/shapes.ts';
import type { Report } from '../../report/report.ts';
import type { Context } from '../context.ts';
import { type EvalFlags, evaluationChoice } from '../flags.ts';
import { countModel, type ModelCount } from '../measuring.ts';
import { fileFacts, filesOf, type OpenedModel, openModel } from '../opening.node.ts';
import { decideFor } from './deciding.ts';
import { warnOfSamples } from './samples.ts';

/** A model and everything that can be measured of it alone. */
export interface Judged {
  readonly opened: OpenedModel;
  readonly evaluation: Evaluation | null;
  readonly data: OpenedData | null;
  readonly dataFacts: Report['data'];
  readonly count: ModelCount;
  readonly bytes: Size;
  readonly runs: boolean;
  /** As it is timed. */
  readonly side: TimedSide;
}

/** What a compiled model tells of itself, measured as an ONNX model is. */
async function judgeProgram(context: Context, path: string, flags: EvalFlags): Promise<Judged> {
  const { timed } = context;
  const { program, files } = await timed('read', () => openProgramFile(path));
  const { model } = program;
  const bytes = await timed('size', () => measureSize([...files], { signal: context.io.signal }));
  const opened: OpenedModel = { model, path, file: { ...(await fileFacts(path, model)), bytes: bytes.raw } };
  const { eval: address } = flags;
  const { output } = evaluationChoice(flags);
  const rows =
    address === undefined
      ? null
      : await timed('open data', () =>
          openEvaluation(model, address, { preprocess: flags, engine: program.engine, output }),
        );
  const source = rows === null ? undefined : programFeeds(program, rows.source);
  const evaluation =
    source === undefined
      ? null
      : await timed('evaluate', () =>
          evaluate(program.engine, model, source, { ...evaluationChoice(flags), ...context.run }),
        );
  return {
    opened,
    evaluation,
    data: rows,
    dataFacts: rows === null ? null : await dataFacts(rows),
    count: {
      prunable: program.weights ?? 0,
      nonzeros: program.kept ?? 0,
      macs: { dense: null, nonzero: null },
    },
    bytes,
    runs: true,
    side: { engine: program.engine, model, source },
  };
}

/** Opens a model, or a compiled one, and measures it: accuracy and loss where there are rows, counts, size. */
export async function judge(
  context: Context,
  path: string,
  { flags, engine }: { flags: EvalFlags; engine: Engine },
): Promise<Judged> {
  if (isProgram(path)) return judgeProgram(context, path, flags);
  const { timed } = context;
  const opened = await timed('read', () => openModel(path));
  const { eval: address } = flags;
  const { output } = evaluationChoice(flags);
  const data =
    address === undefined
      ? null
      : await timed('open data', () => openEvaluation(opened.model, address, { preprocess: flags, engine, output }));
  warnOfSamples(context, data);
  const shapes = await timed('shapes', () => shapesOf(engine, opened.model, data?.source));
  if ('reason' in shapes)
    context.warn(`MACs of ${opened.file.name} are not known, since the model does not run: ${shapes.reason}`);
  const choice = evaluationChoice(flags);
  if (data !== null) await decideFor(context, opened, { engine, data, choice });
  const evaluation =
    data === null
      ? null
      : await timed('evaluate', () =>
          evaluate(engine, opened.model, data.source, { threads: flags.threads, ...choice, ...context.run }),
        );
  return {
    opened,
    evaluation,
    data,
    dataFacts: data === null ? null : await dataFacts(data),
    count: countModel(opened.model, 'reason' in shapes ? undefined : shapes),
    bytes: await timed('size', () => measureSize(filesOf(path, opened.model), { signal: context.io.signal })),
    runs: !('reason' in shapes),
    side: { engine, model: opened.model, source: data?.source },
  };
}

/** The figures of a judged model, as `--json` prints them. */
export function judgedFigures({ opened, evaluation, count, bytes }: Judged): object {
  const { prunable, nonzeros, macs } = count;
  return {
    model: opened.file,
    accuracy: evaluation?.accuracy ?? null,
    loss: finite(evaluation?.loss),
    outputs: evaluation === null ? null : outputFacts(evaluation.outputs),
    count: evaluation?.count ?? null,
    prunable,
    nonzeros,
    sparsity: prunable === 0 ? 0 : (prunable - nonzeros) / prunable,
    macs,
    bytes,
  };
}

/** What the outputs were taken for, as `--json` prints it. */
export function outputFacts({ judged, reading, loss, says }: Outputs): object {
  return {
    name: judged.name,
    shape: judged.dims,
    kind: judged.kind,
    task: reading.task,
    classAxes: reading.axes,
    loss,
    says,
  };
}

/** JSON has no NaN: what is not finite is not known. */
function finite(value: number | null | undefined): number | null {
  return value !== null && value !== undefined && Number.isFinite(value) ? value : null;
}
