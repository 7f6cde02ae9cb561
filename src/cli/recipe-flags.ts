import { OptionError } from '../errors/errors.ts';
import {
  type CompileStep,
  type PruneStep,
  RECIPE_SCHEMA,
  type Recipe,
  type Step,
  withoutUndefined,
} from '../pipeline/recipe.ts';
import { givenOptions } from '../pruning/method-options.ts';
import {
  type CompilingFlags,
  type FinetuneFlags,
  PREPROCESS_KEYS,
  type PreprocessFlags,
  type PruneFlags,
  patternParts,
  type TrainingFlags,
} from './flags.ts';
import { boundOf } from './parsers.ts';

/** The recipe that the flags of `coppice prune` mean: one pruning, and a recalibration where that is asked for. */
export function pruneRecipe(flags: PruneFlags): Recipe {
  const { data, seed, recalibrate } = flags;
  if (flags.structured === true) return made(flags, [compactOfFlags(flags), ...compileOfFlags(flags)]);
  if (flags.macs !== undefined)
    throw new OptionError(
      'Cannot keep a share of the multiply-adds by --macs without --structured: give both, or --flops for zeros',
    );
  if (recalibrate === true && data === undefined) throw new OptionError('Cannot recalibrate without data: give --data');
  const step: PruneStep = withoutUndefined({
    do: 'prune' as const,
    method: flags.method,
    budget: budgetOfFlags(flags),
    options: givenOptions(flags) as PruneStep['options'],
    layers: flags.layers,
    exclude: flags.exclude,
    loss: flags.loss,
    labels: flags.labels,
    output: flags.outputName,
    blocked: flags.refuseBlocked === true ? ('refuse' as const) : undefined,
    tune: flags.tune === true ? true : undefined,
    gradual: flags.gradual === true ? gradualOfFlags(flags) : undefined,
    seed,
  });
  return made(flags, [
    step,
    ...(recalibrate === true ? [{ do: 'recalibrate' as const, seed }] : []),
    ...compileOfFlags(flags),
  ]);
}

/** Budgets and methods of zeros, which do not go with channels that are taken out. */
const OF_ZEROS = [
  'sparsity',
  'flops',
  'params',
  'maxDrop',
  'pattern',
  'method',
  'gradual',
  'tune',
  'recalibrate',
] as const;

/** The step that takes channels out. */
function compactOfFlags(flags: PruneFlags): Step {
  const { macs, samples, lambda, seed } = flags;
  const other = OF_ZEROS.find((flag) => flags[flag] !== undefined);
  if (other !== undefined)
    throw new OptionError(
      `Cannot take channels out with --${other.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}: that is for zeros; prune the smaller model by a command of its own`,
    );
  if (macs === undefined)
    throw new OptionError('Cannot take channels out without a budget: give --macs, such as --macs 0.5');
  if (flags.data === undefined) throw new OptionError('Cannot take channels out without data: give --data');
  if (typeof lambda === 'string')
    throw new OptionError(`Cannot take channels out with --lambda ${lambda}: wanted a number above 0`);
  return withoutUndefined({ do: 'compact' as const, macs, samples, lambda, seed });
}

/** The step that compiles, where it is asked for. */
export function compileOfFlags({
  compile,
  compileWeights: weights,
  compileBatch: batch,
  inline,
}: CompilingFlags): CompileStep[] {
  const isAsked = [compile, weights, batch, inline].some((flag) => flag !== undefined);
  return isAsked ? [withoutUndefined({ do: 'compile' as const, weights, batch, inline })] : [];
}

/** The recipe that the flags of `coppice finetune` mean. */
export function finetuneRecipe(flags: FinetuneFlags): Recipe {
  const { batch, seed, freezeStatistics, dense, loss, outputName } = flags;
  const step: Step = withoutUndefined({
    do: 'finetune' as const,
    ...trainingOfFlags(flags),
    batch,
    freezeStatistics,
    dense,
    loss,
    output: outputName,
    seed,
  });
  return made(flags, [step]);
}

/** Flags of what a run learns from and is judged on. */
type RowsFlags = PreprocessFlags & Pick<PruneFlags, 'data' | 'eval' | 'augmentCrop' | 'augmentFlip'>;

/** Where the rows of a run come from, and what is done to them. */
export function rowsOfFlags(flags: RowsFlags): Omit<Recipe, 'schema' | 'steps'> {
  const { data, eval: evaluation, augmentCrop: crop, augmentFlip: flip } = flags;
  const stored = Object.fromEntries(PREPROCESS_KEYS.map((key) => [key, flags[key]]));
  return {
    ...withoutUndefined({ data, eval: evaluation }),
    preprocess: withoutUndefined(stored),
    ...((crop !== undefined || flip === true) && { augment: withoutUndefined({ crop, flip }) }),
  };
}

/** A recipe of flags: values that cannot be are refused by those who use them. */
function made(flags: RowsFlags, steps: Step[]): Recipe {
  return { schema: RECIPE_SCHEMA, ...rowsOfFlags(flags), steps };
}

function budgetOfFlags({
  sparsity,
  flops,
  params,
  maxDrop,
  scope,
  layer,
  pattern,
  kernels,
}: PruneFlags): PruneStep['budget'] {
  if ([sparsity, flops, params, maxDrop, pattern].every((part) => part === undefined))
    throw new OptionError(
      'Cannot prune without a budget: give --sparsity, such as --sparsity 0.9, or --flops, --params, --pattern or --max-drop',
    );
  return withoutUndefined({
    sparsity,
    flops,
    params,
    scope,
    bounds: layer?.map(boundOf),
    maxDrop,
    ...patternParts({ pattern, kernels }),
  });
}

function gradualOfFlags(flags: PruneFlags): NonNullable<PruneStep['gradual']> {
  const { prunings, between, trainBatch: batch } = flags;
  return withoutUndefined({ prunings, between, batch, ...trainingOfFlags(flags) });
}

/** What the flags say of a training; a temperature alone counts where the data has no answers. */
function trainingOfFlags(flags: TrainingFlags) {
  const { epochs, rate, rateSchedule: schedule, warmup, restarts, optimizer, momentum, weightDecay } = flags;
  return {
    epochs,
    rate,
    schedule,
    warmup,
    restarts,
    optimizer,
    momentum,
    nesterov: flags.nesterov ?? false,
    weightDecay,
    smoothing: flags.labelSmoothing,
    distill: withoutUndefined({ share: flags.distill, temperature: flags.temperature }),
  };
}
