import { dataFacts } from '../../pipeline/opened-data.ts';
import type { Finished } from '../../pipeline/run.ts';
import { lastEvaluation } from '../../pipeline/run-report.ts';
import { epochLine } from '../../pipeline/transforms/epoch-line.ts';
import { integer, percent } from '../../report/figures.ts';
import { runtimeFacts } from '../../report/runtime-facts.ts';
import { peakRssMB, toolFacts } from '../../report/surroundings.node.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import type { MachineFlags } from '../flags.ts';
import { countModel } from '../measuring.ts';
import type { RunSetup } from './setup.ts';

/** The layout of the document; it rises when a field changes its meaning. */
const FINETUNE_SCHEMA = 'coppice/finetune@1';

/** Prints what a run without a pruning did. @returns the exit code */
export async function finishTraining(
  context: Context,
  { engine, opened, data, evaluation }: RunSetup,
  finished: Finished,
  { flags, output }: { readonly flags: MachineFlags; readonly output: string },
): Promise<number> {
  const { before, model, steps } = finished;
  const after = lastEvaluation(finished);
  const trainings = steps.flatMap((step) => (step.do === 'finetune' ? [step.trained] : []));
  const epochs = trainings.flatMap((training) => training.epochs);
  const { nonzeros, prunable } = countModel(model);
  const document = {
    schema: FINETUNE_SCHEMA,
    tool: toolFacts(),
    runtime: runtimeFacts(engine, flags.threads),
    command: context.command,
    model: opened.file,
    output,
    data: data === null ? null : await dataFacts(data),
    eval: evaluation === null ? null : await dataFacts(evaluation),
    accuracy: { before: before?.accuracy ?? null, after: after?.accuracy ?? null },
    loss: { before: before?.loss ?? null, after: after?.loss ?? null },
    nonzeros,
    prunable,
    epochs,
    steps: trainings.reduce((sum, training) => sum + training.steps, 0),
    seconds: context.seconds,
    peakRssMB: peakRssMB(),
    warnings: context.warnings,
  };
  const change =
    before === null || after === null
      ? 'not measured'
      : `${percent(before.accuracy)} before, ${percent(after.accuracy)} after`;
  const extent = { epochs: epochs.length, samples: data?.source.count ?? 0 };
  context.print(
    flags.json === true
      ? JSON.stringify(document, null, 2)
      : `${epochs.map((epoch) => epochLine(epoch, extent)).join('\n')}\n\naccuracy ${change}; ${integer(nonzeros)} of ${integer(prunable)} prunable weights are not zero\n\nmodel   ${output}`,
  );
  return EXIT.ok;
}
