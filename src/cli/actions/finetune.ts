import type { Command } from 'commander';
import type { Engine } from '../../engine/engine.ts';
import { OptionError } from '../../errors/errors.ts';
import { type Evaluation, evaluate } from '../../evaluate/accuracy.ts';
import { finetune } from '../../finetune/finetune.ts';
import type { Distillation } from '../../finetune/training-program.ts';
import type { Model } from '../../ir/model.ts';
import { writeModel } from '../../onnx/files.node.ts';
import type { OutputChoice } from '../../outputs/outputs.ts';
import { integer, percent } from '../../report/figures.ts';
import { runtimeFacts } from '../../report/runtime-facts.ts';
import { peakRssMB, toolFacts } from '../../report/surroundings.node.ts';
import { configOf } from '../config.node.ts';
import type { Context } from '../context.ts';
import { openEngine } from '../engine.node.ts';
import { EXIT } from '../exit-codes.ts';
import { distillShare, type FinetuneFlags, judgeChoice, TEACHER_SHARE, trainingOptions } from '../flags.ts';
import { countModel } from '../measuring.ts';
import { dataFacts, type OpenedData, type OpenedModel, openData, openEvaluation, openModel } from '../opening.node.ts';
import { checkNotInput, checkWritableFile, stemOf } from '../outputs.node.ts';
import { decideFor } from './deciding.ts';
import { epochLine } from './epoch-line.ts';
import { openKeeper } from './keeper.ts';
import { warnOfSamples } from './samples.ts';
import { jsonOf, trainingStateOf } from './states.ts';

/** The layout of the document; it rises when a field changes its meaning. */
const FINETUNE_SCHEMA = 'coppice/finetune@1';

/** Trains a file's model with its zeros kept. @returns the exit code */
export async function finetuneFile(context: Context, path: string, command: Command): Promise<number> {
  const flags = command.opts<FinetuneFlags>();
  const output = flags.output ?? `${stemOf(path)}-finetuned.onnx`;
  if (flags.printConfig === true) {
    context.print(JSON.stringify(configOf(command, { output }), null, 2));
    return EXIT.ok;
  }
  if (flags.data === undefined)
    throw new OptionError('Cannot train without data: give --data, rows with labels or targets');
  await checkNotInput(output, path);
  checkWritableFile(output);
  const engine = await openEngine(context, flags);
  const opened = await context.timed('read', () => openModel(path));
  const augment =
    flags.augmentCrop !== undefined || flags.augmentFlip === true
      ? { crop: flags.augmentCrop ?? 0, flip: flags.augmentFlip ?? false }
      : undefined;
  const address = flags.data;
  const data = await context.timed('open data', () =>
    openData(opened.model, address, { preprocess: flags, seed: flags.seed, augment, engine }),
  );
  const evaluation = await context.timed('open data', async () =>
    flags.eval === undefined ? null : openEvaluation(opened.model, flags.eval, { preprocess: flags, engine }),
  );
  warnOfSamples(context, data, evaluation);
  const teacher = await teacherOf(context, flags, data);
  const { loss } = flags;
  const judged = judgeChoice(flags);
  const labels = teacher?.distillation.share === 1 ? 'model' : 'data';
  await decideFor(context, opened, { engine, data, choice: { ...judged, ...(loss && { loss }), labels } });
  if (evaluation !== null) await decideFor(context, opened, { engine, data: evaluation, choice: judged });
  const keeper = await openKeeper(context, flags, {
    command,
    output,
    opened,
    data,
    engine,
    ...(teacher && { teacher: teacher.opened }),
  });
  const judge = judgeOf(context, evaluation, { threads: flags.threads, engine, choice: judged });
  const extent = { epochs: flags.epochs, samples: data.source.count };
  const before = await judge(opened.model);
  const trained = await context.timed('train', () =>
    finetune(opened.model, {
      ...context.run,
      engine,
      source: data.source,
      ...(loss && { loss }),
      ...judged,
      ...trainingOptions(flags),
      batch: flags.batch,
      ...(teacher && { teacher: teacher.distillation }),
      frozenStatistics: flags.freezeStatistics ?? false,
      masked: flags.dense === true ? 'none' : 'all',
      augment: augment !== undefined,
      seed: flags.seed,
      ...(flags.threads !== undefined && { threads: flags.threads }),
      ...(keeper.from && { from: trainingStateOf(keeper.from) }),
      onEpoch: (epoch) => {
        context.emit({ type: 'epoch', ...epoch, of: flags.epochs });
        context.tell(epochLine(epoch, extent));
      },
      onStep: (state) =>
        keeper.saveIfDue(() => {
          const { arrays, ...training } = state();
          return [{ pruning: null, stages: [], epochs: [], training: jsonOf(training) }, { arrays }];
        }),
    }),
  );
  if (trained.remark !== undefined) context.warn(trained.remark);
  if (trained.blocked.length > 0)
    context.warn(
      `${trained.blocked.length} parameters stayed as they were, behind an operator that cannot be differentiated: ${trained.blocked.slice(0, 5).join(', ')}${trained.blocked.length > 5 ? ', ...' : ''}`,
    );
  const after = await judge(trained.model);
  await context.timed('write', () => writeModel(output, trained.model));
  await keeper.done();
  const { nonzeros, prunable } = countModel(trained.model);
  const document = {
    schema: FINETUNE_SCHEMA,
    tool: toolFacts(),
    runtime: runtimeFacts(engine, flags.threads),
    command: context.command,
    model: opened.file,
    output,
    data: await dataFacts(data),
    eval: evaluation === null ? null : await dataFacts(evaluation),
    accuracy: { before: before?.accuracy ?? null, after: after?.accuracy ?? null },
    loss: { before: before?.loss ?? null, after: after?.loss ?? null },
    nonzeros,
    prunable,
    epochs: trained.epochs,
    steps: trained.steps,
    seconds: context.seconds,
    peakRssMB: peakRssMB(),
    warnings: context.warnings,
  };
  const change =
    before === null || after === null
      ? 'not measured'
      : `${percent(before.accuracy)} before, ${percent(after.accuracy)} after`;
  context.print(
    flags.json === true
      ? JSON.stringify(document, null, 2)
      : `${trained.epochs.map((epoch) => epochLine(epoch, extent)).join('\n')}\n\naccuracy ${change}; ${integer(nonzeros)} of ${integer(prunable)} prunable weights are not zero\n\nmodel   ${output}`,
  );
  return EXIT.ok;
}

/** The dense model that --distill takes as an example; null without it. */
async function teacherOf(
  context: Context,
  flags: FinetuneFlags,
  { source }: OpenedData,
): Promise<{ opened: OpenedModel; distillation: Distillation } | null> {
  const { teacher, distill, temperature } = flags;
  if (teacher === undefined) {
    if (distill !== undefined) throw new OptionError('Cannot distill without a dense model: give --teacher');
    return null;
  }
  const opened = await context.timed('read', () => openModel(teacher));
  const share = distillShare(flags, source) ?? TEACHER_SHARE;
  return { opened, distillation: { model: opened.model, share, temperature } };
}

function judgeOf(
  context: Context,
  evaluation: OpenedData | null,
  { threads, engine, choice }: { threads: number | undefined; engine: Engine; choice: OutputChoice },
): (model: Model) => Promise<Evaluation | null> {
  return (model) =>
    context.timed('evaluate', async () =>
      evaluation === null
        ? null
        : evaluate(engine, model, evaluation.source, {
            ...(threads !== undefined && { threads }),
            ...choice,
            ...context.run,
          }),
    );
}
