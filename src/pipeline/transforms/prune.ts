import { subset } from '../../data/feeds.ts';
import { evaluate } from '../../evaluate/accuracy.ts';
import type { Model } from '../../ir/model.ts';
import { takesCompute } from '../../methods/list.ts';
import { type PruneResult, pruneDecided } from '../../methods/prune.ts';
import type { PruneOptions } from '../../methods/prune-options.ts';
import { integer, percent } from '../../report/figures.ts';
import { GRADUAL_DEFAULTS, type GradualOptions, type GradualResult, pruneGradually } from '../gradual.ts';
import { type DropTrial, MAX_DROP_DEFAULTS, type MaxDropFound, searchMaxDrop } from '../max-drop.ts';
import type { PruneStep } from '../recipe.ts';
import type { StageAccuracy } from '../report-facts.ts';
import type { RunPorts } from '../run-ports.ts';
import { type Tuned, tune } from '../tune.ts';
import { epochLine } from './epoch-line.ts';
import type { PreparedPrune } from './prune-options.ts';
import { DISTILL_TEMPERATURE, distillShare, trainingOf } from './training.ts';

/** What a pruning did. */
export interface PruneFacts {
  readonly do: 'prune';
  readonly step: PruneStep;
  readonly prepared: PreparedPrune;
  readonly result: PruneResult & Partial<Pick<GradualResult, 'epochs'>>;
  /** How lambda was chosen, where that was asked for. */
  readonly tuned: Tuned | null;
  /** How the smallest model was found, where that was asked for. */
  readonly found: MaxDropFound | null;
  readonly stageAccuracies: readonly StageAccuracy[];
}

/** Prunes: chooses lambda and looks for the smallest model where that was asked for, then once to the budget, with training between prunings or without. */
export async function pruneTransform(
  model: Model,
  { step, prepared }: { readonly step: PruneStep; readonly prepared: PreparedPrune },
  ports: RunPorts,
): Promise<PruneFacts & { readonly model: Model }> {
  const { method, options } = prepared;
  const tuned = await tuning(model, step, options, ports);
  const chosen = { ...options, ...(tuned && { lambda: tuned.lambda }) };
  const found = await search(model, step, chosen, ports);
  const stageAccuracies: StageAccuracy[] = [];
  const isStaged = step.gradual !== undefined || (prepared.resolved.stages ?? 1) > 1;
  const judge = isStaged && ports.judgesStages ? stageJudge(ports, prepared.prunable, stageAccuracies) : undefined;
  const onStage = both(judge, options.onStage);
  const asked = {
    ...chosen,
    ...(found && { budget: found.budget, source: found.source }),
    ...(onStage && { onStage }),
  };
  const result =
    step.gradual === undefined
      ? await pruneDecided(model, { ...asked, ...(ports.keeper?.pruning && { keeping: ports.keeper.pruning }) })
      : await gradually(model, step, asked, { ports, found });
  for (const { seconds, value, message } of result.stages) {
    if (takesCompute(method) && value === null) ports.tell(message);
    ports.seconds.gradients = (ports.seconds.gradients ?? 0) + seconds.gradients;
    ports.seconds.solve = (ports.seconds.solve ?? 0) + seconds.solve;
  }
  return { do: 'prune', step, prepared, result, tuned, found, stageAccuracies, model: result.model };
}

/** Two listeners as one. */
function both(a: PruneOptions['onStage'], b: PruneOptions['onStage']): PruneOptions['onStage'] {
  if (a === undefined || b === undefined) return a ?? b;
  return async (stage, model) => {
    await a(stage, model);
    await b(stage, model);
  };
}

/** Chooses lambda, where that was asked for. */
async function tuning(model: Model, step: PruneStep, options: PruneOptions, ports: RunPorts): Promise<Tuned | null> {
  if (step.tune !== true) return null;
  const tuned = await ports.time('tune', () => tune(model, options));
  ports.tell(
    `lambda ${tuned.lambda}, the best of ${tuned.trials.map(({ lambda, accuracy }) => `${lambda}: ${percent(accuracy)}`).join(', ')} on ${integer(tuned.heldOut)} held-out rows`,
  );
  return tuned;
}

/** Looks for the smallest model that is accurate enough, where that was asked for; with training, each run of it trains too. */
async function search(
  model: Model,
  step: PruneStep,
  options: PruneOptions,
  ports: RunPorts,
): Promise<MaxDropFound | null> {
  const { budget, gradual } = step;
  if (budget.maxDrop === undefined) return null;
  const { maxDrop } = budget;
  const { tell, keeper, pruning: { measure } = {} } = ports;
  if (gradual !== undefined)
    tell(
      `looking for the smallest model: ${MAX_DROP_DEFAULTS.trials} runs of ${gradual.epochs ?? GRADUAL_DEFAULTS.epochs} epochs`,
    );
  const tellOf = ({ sparsity, drop, accepted }: DropTrial): void =>
    tell(
      `sparsity ${percent(sparsity)}: ${drop < 0 ? 'gains' : 'loses'} ${(100 * Math.abs(drop)).toFixed(2)} points on held-out rows, ${accepted ? 'accepted' : 'too much'}`,
    );
  return ports.time('search', () =>
    searchMaxDrop(model, options, {
      maxDrop,
      ...(measure !== undefined && { measure }),
      onTrial: async (trials) => {
        tellOf(trials.at(-1) as DropTrial);
        if (gradual !== undefined) await keeper?.onTrials(trials);
      },
      ...(gradual !== undefined && {
        make: (dense, asked) => pruneGradually(dense, asked, gradualOptions(gradual, ports)),
        known: keeper?.trials ?? [],
      }),
    }),
  );
}

/** Prunes and trains by turns, and keeps the state. */
function gradually(
  model: Model,
  { gradual = {} }: PruneStep,
  options: PruneOptions,
  { ports, found }: { readonly ports: RunPorts; readonly found: MaxDropFound | null },
): Promise<GradualResult> {
  const { tell, warn, emit, keeper, data } = ports;
  const { epochs = GRADUAL_DEFAULTS.epochs, prunings = GRADUAL_DEFAULTS.prunings } = gradual;
  const training = gradualOptions(gradual, ports);
  if (gradual.distill?.share === undefined && training.distill?.share === 1)
    warn('the data has no labels: the training goes by the outputs of the dense model alone');
  return ports.time('prune and train', () =>
    pruneGradually(model, options, {
      ...training,
      ...(keeper?.gradual && { from: keeper.gradual }),
      onEpoch: (epoch) => {
        emit({ type: 'epoch', ...epoch, of: epochs });
        tell(`pruning ${epoch.pruning} of ${prunings}, ${epochLine(epoch, { epochs, samples: data?.count ?? 0 })}`);
      },
      ...(keeper && { onState: (state) => keeper.onGradual(state, found?.trials ?? null) }),
    }),
  );
}

/** How a gradual run trains. */
function gradualOptions(gradual: NonNullable<PruneStep['gradual']>, { data }: RunPorts): GradualOptions {
  const { prunings, between, distill } = gradual;
  const share = data === null ? distill?.share : distillShare(distill?.share, data);
  return {
    ...trainingOf(gradual),
    ...(prunings !== undefined && { prunings }),
    ...(between !== undefined && { between }),
    ...(share !== undefined && { distill: { share, temperature: distill?.temperature ?? DISTILL_TEMPERATURE } }),
  };
}

/** Rows that a run in stages is judged on after each. */
const STAGE_ROWS = 1000;

/** Judges after each stage. */
function stageJudge(
  { engine, evaluation, judged, threads, signal, time, emit }: RunPorts,
  prunable: number,
  accuracies: StageAccuracy[],
): PruneOptions['onStage'] {
  if (evaluation === null) return undefined;
  const rows = Math.min(STAGE_ROWS, evaluation.count);
  const source = subset(
    evaluation,
    Int32Array.from({ length: rows }, (_, i) => i),
  );
  return async ({ kept, lossBefore }, model) => {
    const { accuracy } = await time('evaluate stages', () =>
      evaluate(engine, model, source, {
        ...judged,
        ...(threads !== undefined && { threads }),
        ...(signal && { signal }),
      }),
    );
    accuracies.push({ accuracy, rows });
    emit({ type: 'stage', stage: accuracies.length, sparsity: 1 - kept / prunable, loss: lossBefore, accuracy });
  };
}
