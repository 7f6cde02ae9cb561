import { recalibrate } from '../../apply/recalibrate.ts';
import type { Progress, StateParts } from '../../checkpoint/checkpoint.node.ts';
import { subset } from '../../data/feeds.ts';
import { CoppiceError } from '../../errors/errors.ts';
import { type Evaluation, evaluate } from '../../evaluate/accuracy.ts';
import type { Model } from '../../ir/model.ts';
import { METHODS, takesCompute } from '../../methods/list.ts';
import { type PruneResult, prune } from '../../methods/prune.ts';
import { type PruneOptions, resolvePrune } from '../../methods/prune-options.ts';
import { type GradualOptions, type GradualResult, type GradualState, pruneGradually } from '../../pipeline/gradual.ts';
import { type DropTrial, MAX_DROP_DEFAULTS, type MaxDropFound, searchMaxDrop } from '../../pipeline/max-drop.ts';
import type { StageAccuracy } from '../../pipeline/report-facts.ts';
import { type Tuned, tune } from '../../pipeline/tune.ts';
import { integer, percent } from '../../report/figures.ts';
import type { Report } from '../../report/report.ts';
import type { Context } from '../context.ts';
import { distillShare, type PruneFlags, trainingOptions } from '../flags.ts';
import { type LatencyAt, timeModels } from '../measuring.ts';
import type { OpenedData } from '../opening.node.ts';
import { epochLine } from './epoch-line.ts';
import type { Keeper } from './keeper.ts';
import type { RunSetup } from './setup.ts';
import { gradualStateOf, jsonOf } from './states.ts';

/** Chooses lambda, where that was asked for. */
async function tuning(
  context: Context,
  { opened }: RunSetup,
  options: PruneOptions,
  flags: PruneFlags,
): Promise<Tuned | null> {
  if (flags.tune !== true) return null;
  const tuned = await context.timed('tune', () => tune(opened.model, options));
  context.tell(
    `lambda ${tuned.lambda}, the best of ${tuned.trials.map(({ lambda, accuracy }) => `${lambda}: ${percent(accuracy)}`).join(', ')} on ${integer(tuned.heldOut)} held-out rows`,
  );
  return tuned;
}

/** Looks for the smallest model that is accurate enough, where that was asked for; with training, each run of it trains too. */
async function search(
  context: Context,
  setup: RunSetup,
  options: PruneOptions,
  { flags, keeper }: { flags: PruneFlags; keeper: Keeper },
): Promise<MaxDropFound | null> {
  const { maxDrop, gradual, epochs } = flags;
  if (maxDrop === undefined) return null;
  if (gradual === true)
    context.tell(`looking for the smallest model: ${MAX_DROP_DEFAULTS.trials} runs of ${epochs} epochs`);
  const tellOf = ({ sparsity, drop, accepted }: DropTrial): void =>
    context.tell(
      `sparsity ${percent(sparsity)}: ${drop < 0 ? 'gains' : 'loses'} ${(100 * Math.abs(drop)).toFixed(2)} points on held-out rows, ${accepted ? 'accepted' : 'too much'}`,
    );
  return context.timed('search', () =>
    searchMaxDrop(setup.opened.model, options, {
      maxDrop,
      onTrial: async (trials) => {
        tellOf(trials.at(-1) as DropTrial);
        if (gradual === true)
          await keeper.save({ pruning: null, stages: [], epochs: [], training: null, trials: [...trials] }, {});
      },
      ...(gradual === true && {
        make: (dense, asked) => pruneGradually(dense, asked, gradualOptions(setup, flags)),
        known: keeper.from?.journal.trials ?? [],
      }),
    }),
  );
}

/** Prunes and trains by turns, and keeps the state. */
function gradually(
  context: Context,
  setup: RunSetup,
  options: PruneOptions,
  { flags, keeper, found }: { flags: PruneFlags; keeper: Keeper; found: MaxDropFound | null },
): Promise<GradualResult> {
  const { epochs, prunings } = flags;
  const { opened, data } = setup;
  const training = gradualOptions(setup, flags);
  if (flags.distill === undefined && training.distill?.share === 1)
    context.warn('the data has no labels: the training goes by the outputs of the dense model alone');
  return context.timed('prune and train', () =>
    pruneGradually(opened.model, options, {
      ...training,
      ...(keeper.from && keeper.from.journal.pruning !== null && { from: gradualStateOf(keeper.from) }),
      onEpoch: (epoch) => {
        context.emit({ type: 'epoch', ...epoch, of: epochs });
        context.tell(
          `pruning ${epoch.pruning} of ${prunings}, ${epochLine(epoch, { epochs, samples: data?.source.count ?? 0 })}`,
        );
      },
      onState: (state) => keepGradual(keeper, state, found),
    }),
  );
}

/** How a gradual run trains, by its flags. */
function gradualOptions({ data }: RunSetup, flags: PruneFlags): GradualOptions {
  const { prunings, between, trainBatch, temperature } = flags;
  const share = data === null ? flags.distill : distillShare(flags, data.source);
  return {
    ...trainingOptions(flags),
    prunings,
    ...(between !== undefined && { between }),
    batch: trainBatch,
    ...(share !== undefined && { distill: { share, temperature } }),
  };
}

/** A pruning is kept at once, with its model; a training step when the last state is old enough. */
async function keepGradual(keeper: Keeper, state: () => GradualState, found: MaxDropFound | null): Promise<void> {
  const parts = (): readonly [Progress, StateParts] => {
    const { model, training, ...rest } = state();
    const progress = { ...rest, ...(found && { trials: found.trials }) };
    if (training === null) return [jsonOf({ ...progress, training }), { model }];
    const { arrays, ...sums } = training;
    return [jsonOf({ ...progress, training: sums }), { arrays }];
  };
  if (state().training === null) await keeper.save(...parts());
  else await keeper.saveIfDue(parts);
}

/** A pruned model and what was measured of it. */
export interface Measured {
  readonly result: PruneResult & Partial<Pick<GradualResult, 'epochs'>>;
  readonly tuned: Tuned | null;
  readonly found: MaxDropFound | null;
  /** The model that is written: recalibrated where that was asked for. */
  readonly model: Model;
  readonly before: Evaluation | null;
  readonly after: Evaluation | null;
  /** Of the model that is written. */
  readonly last: Evaluation | null;
  readonly stageAccuracies: readonly StageAccuracy[];
  readonly recalibrated: Report['recalibrated'];
  readonly latency: readonly LatencyAt[] | null;
}

/** Prunes, recalibrates where asked to, and measures before and after. Writes nothing. */
export async function pruneAndMeasure(
  context: Context,
  setup: RunSetup,
  options: PruneOptions,
  { flags, keeper }: { flags: PruneFlags; keeper: Keeper },
): Promise<Measured> {
  const { engine } = options;
  const { opened, evaluation, judged } = setup;
  const judge = (model: Model): Promise<Evaluation | null> =>
    context.timed('evaluate', async () =>
      evaluation === null
        ? null
        : evaluate(engine, model, evaluation.source, { threads: flags.threads, ...judged, ...context.run }),
    );
  const before = await judge(opened.model);
  const tellOf = (of: 'before' | 'after' | 'recalibrated', { accuracy, loss }: Evaluation): void =>
    context.emit({ type: 'accuracy', of, accuracy, loss });
  if (before !== null) tellOf('before', before);
  const tuned = await tuning(context, setup, options, flags);
  const chosen = { ...options, ...(tuned && { lambda: tuned.lambda }) };
  const found = await search(context, setup, chosen, { flags, keeper });
  const stageAccuracies: StageAccuracy[] = [];
  const isStaged = flags.gradual === true || (resolvePrune(chosen).stages ?? 1) > 1;
  const onStage = isStaged && showsStages(flags) ? stageJudge(context, setup, flags, stageAccuracies) : undefined;
  const asked = {
    ...chosen,
    ...(found && { budget: found.budget, source: found.source }),
    ...(onStage && { onStage }),
  };
  const result =
    flags.gradual === true
      ? await gradually(context, setup, asked, { flags, keeper, found })
      : await prune(opened.model, asked);
  for (const { seconds, value, message } of result.stages) {
    if (takesCompute(METHODS[flags.method]) && value === null) context.tell(message);
    context.seconds.gradients = (context.seconds.gradients ?? 0) + seconds.gradients;
    context.seconds.solve = (context.seconds.solve ?? 0) + seconds.solve;
  }
  const after = await judge(result.model);
  if (after !== null) tellOf('after', after);
  const { model, recalibrated, last } = await recalibration(context, setup, result.model, { flags, judge });
  if (last !== null) tellOf('recalibrated', last);
  const latency =
    flags.latency && setup.shapes !== null
      ? await context.timed('latency', () =>
          timeModels(engine, [opened.model, model], {
            ...context.run,
            threads: flags.threads,
            sources: [sourceOf(setup), sourceOf(setup)],
          }).catch((thrown: unknown) => {
            if (!(thrown instanceof CoppiceError)) throw thrown;
            context.warn(`latency is not known: ${thrown.message}`); // the model is pruned by now
            return null;
          }),
        )
      : null;
  return { result, tuned, found, model, before, after, last: last ?? after, stageAccuracies, recalibrated, latency };
}

/** Whether anything of the run's output says what its stages reached; else they need not be judged. */
function showsStages({ report, json, events }: PruneFlags): boolean {
  return report !== undefined || json === true || events !== undefined;
}

/** Rows that a run in stages is judged on after each. */
const STAGE_ROWS = 1000;

/** Judges after each stage. */
function stageJudge(
  context: Context,
  { evaluation, prunable, judged, options: { engine } }: RunSetup,
  { threads }: PruneFlags,
  accuracies: StageAccuracy[],
): PruneOptions['onStage'] {
  if (evaluation === null) return undefined;
  const rows = Math.min(STAGE_ROWS, evaluation.source.count);
  const source = subset(
    evaluation.source,
    Int32Array.from({ length: rows }, (_, i) => i),
  );
  return async ({ kept, lossBefore }, model) => {
    const { accuracy } = await context.timed('evaluate stages', () =>
      evaluate(engine, model, source, { threads, ...judged, signal: context.run.signal }),
    );
    accuracies.push({ accuracy, rows });
    const sparsity = 1 - kept / prunable;
    context.emit({ type: 'stage', stage: accuracies.length, sparsity, loss: lossBefore, accuracy });
  };
}

function sourceOf({ evaluation, data }: RunSetup): OpenedData['source'] | undefined {
  return evaluation?.source ?? data?.source;
}

async function recalibration(
  context: Context,
  { opened, data, options }: RunSetup,
  pruned: Model,
  { flags, judge }: { flags: PruneFlags; judge: (model: Model) => Promise<Evaluation | null> },
): Promise<Pick<Measured, 'model' | 'recalibrated' | 'last'>> {
  if (flags.recalibrate !== true || data === null) return { model: pruned, recalibrated: null, last: null };
  const tuned = await context.timed('recalibrate', () =>
    recalibrate(pruned, opened.model, {
      engine: options.engine,
      source: data.source,
      seed: flags.seed,
      ...context.run,
    }),
  );
  const evaluation = await judge(tuned.model);
  if (tuned.normalizations + tuned.corrections === 0)
    context.warn(
      'nothing to recalibrate: the model has no batch normalisation, and no convolution whose statistics could be restored',
    );
  return {
    model: tuned.model,
    last: evaluation,
    recalibrated: { accuracy: evaluation?.accuracy ?? null, loss: evaluation?.loss ?? null, rows: tuned.samples },
  };
}
