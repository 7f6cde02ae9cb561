import { type Command, Option } from 'commander';
import type { LossName } from '../autodiff/loss.ts';
import type { Budget } from '../budget/budget.ts';
import { KERNEL_ORDER_DEFAULT, KERNEL_ORDERS } from '../budget/pattern.ts';
import { WEIGHT_FORMS, type WeightForm } from '../compile/forms.ts';
import { PREPROCESS_DEFAULTS } from '../data/preprocess.ts';
import { PROVIDERS, type Provider } from '../engine/provider.ts';
import { FINETUNE_DEFAULTS } from '../finetune/finetune.ts';
import { OPTIMIZERS, type OptimizerName } from '../finetune/optimizer.ts';
import type { KernelOrder } from '../graph/weight-matrix.ts';
import { METHOD_NAMES, METHODS, type Method } from '../methods/list.ts';
import { PRUNE_DEFAULTS } from '../methods/prune-options.ts';
import type { LabelSource, OutputChoice } from '../outputs/outputs.ts';
import { DISTILL_TEMPERATURE } from '../pipeline/transforms/training.ts';
import type { MethodOptions } from '../pruning/method-options.ts';
import { RATE_SCHEDULES, type RateSchedule } from '../schedule/learning-rate.ts';
import { methodFlags } from './method-flags.ts';
import { amount, byteCount, count, layerBounds, list, number, oneOf, pattern, share, whole } from './parsers.ts';

/** Flags of {@link outputFlags}. */
export interface OutputFlags {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly events?: 'ndjson';
  readonly threads?: number;
  readonly config?: string;
  readonly printConfig?: boolean;
}

/** Flags of {@link judgingFlags}. */
export interface JudgingFlags {
  readonly outputName?: string;
}

/** Flags of {@link lossFlags}. */
export interface LossFlags extends JudgingFlags {
  readonly loss?: (typeof LOSSES)[number];
}

/** What a command's flags say of the output that is judged. */
export function judgeChoice({ outputName }: JudgingFlags): Pick<OutputChoice, 'output'> {
  return outputName === undefined ? {} : { output: outputName };
}

/** The same, and the loss, of commands that write no model: there the output may be named by --output too. */
export function evaluationChoice({ outputName, output, loss }: LossFlags & { readonly output?: string }): OutputChoice {
  const name = outputName ?? output;
  return { ...(name !== undefined && { output: name }), ...(loss !== undefined && { loss }) };
}

/** Adds which output labels and targets are about. */
export function judgingFlags(command: Command): Command {
  return command.option(
    '--output-name <name>',
    'output of the model that labels or targets are about (default: the first that they fit; probabilities before others)',
  );
}

/** Adds the loss of an evaluation or a training, and the output that it is of. */
export function lossFlags(command: Command): Command {
  return judgingFlags(command).addOption(
    chosen('--loss <kind>', 'what is measured (default: what the outputs and the data say)', LOSSES),
  );
}

const LOSSES = ['cross-entropy', 'binary-cross-entropy', 'mse'] as const;

/** Flags of {@link providerFlag}. */
export interface ProviderFlags {
  readonly provider: Provider;
}

/** Adds what runs the models. */
export function providerFlag(command: Command): Command {
  return command.addOption(
    chosen('--provider <name>', 'what runs the models; auto: a GPU that is right and faster', PROVIDERS, 'cpu'),
  );
}

/** Adds what every command has. */
export function outputFlags(command: Command): Command {
  return command
    .option('--threads <n>', "threads of one operator (default: the runtime's choice)", count)
    .option('--json', 'print one JSON document instead of a table')
    .option('-q, --quiet', 'no progress and no warnings on standard error')
    .option('-v, --verbose', 'say more on standard error, and where a bug is')
    .addOption(chosen('--events <format>', 'events on standard error, one JSON object a line', ['ndjson']))
    .option('--config <file>', 'JSON with flags by name; flags on the command line win')
    .option('--print-config', 'print the settings as such a file, and stop');
}

/** Preprocessing by flag; the keys of a config file's `preprocess`. */
export interface PreprocessFlags {
  readonly scale?: string;
  readonly mean?: string;
  readonly std?: string;
  readonly size?: string;
  readonly resize?: string;
  readonly interpolation?: 'nearest' | 'bilinear' | 'bicubic' | 'lanczos';
  readonly layout?: 'nchw' | 'nhwc';
  readonly channels?: 'stored' | 'rgb' | 'bgr' | 'gray';
}

/** Names of {@link PreprocessFlags}. */
export const PREPROCESS_KEYS = [
  'scale',
  'mean',
  'std',
  'size',
  'resize',
  'interpolation',
  'layout',
  'channels',
] as const;

/** Adds how stored values become a model's input. */
export function preprocessFlags(command: Command): Command {
  const { scale, mean, std, interpolation, layout, channels } = PREPROCESS_DEFAULTS;
  return command
    .option('--scale <x>', 'multiplies each stored value first of all, such as 1/255', String(scale))
    .option('--mean <a,b,c>', 'subtracted next: one number, or one a channel', String(mean))
    .option('--std <a,b,c>', 'divides at last: one number, or one a channel', String(std))
    .option('--size <pixels>', "pictures: size for the model, 224 or 224x192 (default: the model's)")
    .option('--resize <pixels>', 'pictures: scaled to this (shorter side) before the centre crop to --size')
    .addOption(
      chosen(
        '--interpolation <kind>',
        'pictures: how they are scaled',
        ['nearest', 'bilinear', 'bicubic', 'lanczos'],
        interpolation,
      ),
    )
    .addOption(chosen('--layout <order>', 'dimensions of a picture', ['nchw', 'nhwc'], layout))
    .addOption(chosen('--channels <order>', 'colours of a picture', ['stored', 'rgb', 'bgr', 'gray'], channels));
}

function chosen<T extends string>(flags: string, text: string, words: readonly T[], fallback?: T): Option {
  const option = new Option(flags, `${text}: ${words.join(', ')}`).argParser(oneOf(words));
  return fallback === undefined ? option : option.default(fallback);
}

/** Everything that steers a pruning run, by flag. */
export interface PruningFlags extends PreprocessFlags, OutputFlags, ProviderFlags, JudgingFlags, MethodOptions {
  readonly loss?: LossName;
  readonly labels?: LabelSource;
  readonly data?: string;
  readonly eval?: string;
  readonly scope: 'global' | 'layer';
  readonly pattern?: string;
  readonly kernels: KernelOrder;
  readonly layers?: string[];
  readonly exclude?: string[];
  readonly skipBlocked?: boolean;
  readonly refuseBlocked?: boolean;
  readonly recalibrate?: boolean;
  readonly augmentCrop?: number;
  readonly augmentFlip?: boolean;
}

/** How an address of data is written. */
export const DATA_FORMS =
  'idx:IMAGES,LABELS  cifar10:FILE.bin  npz:FILE  npy:X,Y  images:FOLDER, then perhaps rows [start:end:step]';

/** What a pruned model may cost, by flag. */
export interface BudgetFlags {
  readonly sparsity?: number;
  readonly flops?: number;
  readonly params?: number;
  readonly maxDrop?: number;
  readonly scope: 'global' | 'layer';
  readonly pattern?: string;
  readonly kernels: KernelOrder;
  readonly layer?: string[];
}

/** Adds the flags of a budget. */
export function budgetFlags(command: Command): Command {
  return command
    .option('--sparsity <share>', 'share of the prunable weights to remove, such as 0.9', share)
    .option('--flops <share>', "share of the prunable weights' multiply-accumulates to keep, such as 0.3", share)
    .option('--params <n>', 'prunable weights to keep at most, such as 100k', amount)
    .option(
      '--max-drop <share>',
      'the smallest model whose accuracy on held-out rows of --data falls by at most this, such as 1%',
      share,
    )
    .option(
      '--layer <glob:keep=x>',
      "bounds of layers: 'conv1:keep=1.0', '*fc*:keep=0.2..0.8'; may be given again",
      layerBounds,
    );
}

/** What the flags say of where zeros may lie. */
export function patternParts({
  pattern: zeros,
  kernels,
}: Pick<BudgetFlags, 'pattern' | 'kernels'>): Pick<Budget, 'pattern' | 'kernels'> {
  return zeros === undefined ? {} : { pattern: zeros, kernels };
}

/** Adds a pattern, and how kernels are flattened for it. */
export function patternFlags(command: Command): Command {
  return command
    .option(
      '--pattern <shape>',
      'where zeros may lie: N:M along the inputs, such as 2:4, or block:HxW (outputs x inputs), such as block:4x1',
      pattern,
    )
    .addOption(
      chosen(
        '--kernels <order>',
        "how a convolution's inputs follow on each other for --pattern",
        KERNEL_ORDERS,
        KERNEL_ORDER_DEFAULT,
      ),
    );
}

/** Adds the flags of a pruning run that a single run and a sweep share. */
export function pruningFlags(command: Command): Command {
  return patternFlags(methodFlags(judgingFlags(command)))
    .option('--data <address>', `rows for gradients; random:64 makes up 64 inputs. ${DATA_FORMS}`)
    .option('--eval <address>', 'rows for accuracy and loss, never used to prune')
    .addOption(
      chosen('--scope <what>', 'the sparsity is over all weights, or in each layer', ['global', 'layer'], 'global'),
    )
    .option('--layers <glob,...>', 'prune only these layers (names of weights or nodes; * and ?)', list)
    .option('--exclude <glob,...>', 'leave these layers alone', list)
    .option('--skip-blocked', 'leave layers dense whose gradient cannot be computed, with a warning: the default')
    .option('--refuse-blocked', 'refuse the model where the gradient of a layer cannot be computed')
    .addOption(
      chosen(
        '--labels <source>',
        `labels of the gradients: from the data, or drawn from the model's prediction (default: ${PRUNE_DEFAULTS.labels}; model where the data has none)`,
        ['data', 'model'],
      ),
    )
    .addOption(
      chosen(
        '--loss <kind>',
        'what is differentiated (default: what the outputs and the data say: cross-entropy for labels, mse for targets; random where inputs are made up)',
        ['cross-entropy', 'binary-cross-entropy', 'mse', 'random'],
      ),
    )
    .option('--recalibrate', 're-estimate batch statistics on --data after pruning; reported separately')
    .option('--augment-crop <px>', 'gradients: random crops out of the picture padded by so many pixels', whole)
    .option('--augment-flip', 'gradients: mirror every second picture');
}

/** The methods as `--help` lists them. */
export function methodsHelp(): string {
  const width = Math.max(...METHOD_NAMES.map((name) => name.length));
  return `\nMethods:\n${METHOD_NAMES.map((name) => `  ${name.padEnd(width)}  ${METHODS[name].summary}`).join('\n')}\n`;
}

/** How a training goes, by flags: those of `coppice finetune` and of `coppice prune --gradual`. */
export interface TrainingFlags {
  readonly epochs: number;
  readonly rate: number;
  readonly rateSchedule: RateSchedule;
  readonly warmup: number;
  readonly restarts: number;
  readonly optimizer: OptimizerName;
  readonly momentum: number;
  readonly nesterov?: boolean;
  readonly weightDecay: number;
  readonly labelSmoothing: number;
  readonly distill?: number;
  readonly temperature: number;
}

/** Adds the flags of a training but for its length and batch. */
export function trainingFlags(command: Command, defaults: { readonly rate: number }): void {
  const own = FINETUNE_DEFAULTS;
  const schedules = Object.keys(RATE_SCHEDULES) as RateSchedule[];
  const rules = Object.keys(OPTIMIZERS) as OptimizerName[];
  command
    .option('--rate <x>', 'learning rate', number, defaults.rate)
    .option('--rate-schedule <kind>', `how it goes: ${schedules.join(', ')}`, oneOf(schedules), own.schedule)
    .option('--warmup <epochs>', 'over which it rises at first', number, own.warmup)
    .option('--restarts <n>', 'how often the cosine starts again', whole, own.restarts)
    .option('--optimizer <name>', rules.join(', '), oneOf(rules), own.optimizer)
    .option('--momentum <x>', 'of sgd; decay of the mean gradient of adam', number, own.momentum)
    .option('--nesterov', 'sgd looks ahead along the momentum')
    .option('--weight-decay <x>', 'added to the gradient as x times the weight', number, own.weightDecay)
    .option('--label-smoothing <share>', 'of the probability, spread over all classes', number, own.smoothing)
    .option('--distill <share>', "weight of the dense model's outputs in the loss; 1 needs no labels", number)
    .option('--temperature <x>', 'of --distill', number, DISTILL_TEMPERATURE);
  checkpointFlags(command);
}

/** Seconds between states, unless said otherwise. */
const CHECKPOINT_SECONDS = 30;

/** Flags of `coppice prune`. */
export interface PruneFlags
  extends PruningFlags,
    BudgetFlags,
    TrainingFlags,
    Omit<MachineFlags, 'compile'>,
    CompilingFlags {
  readonly method?: Method;
  readonly seed: number;
  readonly gradual?: boolean;
  readonly prunings: number;
  readonly between?: number;
  readonly trainBatch: number;
  readonly tune?: boolean;
  readonly structured?: boolean;
  readonly macs?: number;
}

/** The flag of {@link memoryFlag}. */
export interface MemoryFlag {
  readonly memory?: number;
}

/** Adds what a run may take. */
export function memoryFlag(command: Command): Command {
  return command.option(
    '--memory <bytes>',
    'what the run may take in all, such as 4GB: gradient rows that do not fit go to disk; a run that does not fit is refused before it starts',
    byteCount,
  );
}

/** How a recipe is run, and where its results go: the flags that `coppice prune` and `coppice run` share. */
export interface MachineFlags extends MemoryFlag, OutputFlags, ProviderFlags, CheckpointFlags {
  readonly half?: boolean;
  readonly output?: string;
  readonly report?: string;
  readonly latency: boolean;
  readonly minAccuracy?: number;
  readonly dryRun?: boolean;
  readonly printRecipe?: boolean;
  /** Where the compiled model goes; true = beside the model. */
  readonly compile?: string | true;
}

/** Where the state of a run is kept that may be interrupted. */
export interface CheckpointFlags {
  readonly checkpoint?: string | false;
  readonly checkpointEvery: number;
  readonly restart?: boolean;
}

/** Adds the flags of {@link MachineFlags} but for those of checkpoints. */
export function machineFlags(command: Command): Command {
  memoryFlag(command)
    .option('--half', 'keep gradient rows as bf16: half the size, a slightly worse objective')
    .option('--latency', 'time the model before and after', true)
    .option('--no-latency', 'do not')
    .option('--min-accuracy <share>', 'exit with code 1 if the model does worse on the evaluation rows', number)
    .option('-o, --output <file>', 'the pruned model (default: MODEL-pruned.onnx in the current folder)')
    .option('--report <folder>', 'write report.json and report.html there')
    .option('--dry-run', 'print the plan with its predicted figures, and stop');
  return providerFlag(command);
}

/** Flags of {@link compileFlags}. */
export interface CompilingFlags {
  readonly compile?: string | true;
  readonly compileWeights?: WeightForm;
  readonly compileBatch?: number;
  readonly inline?: boolean;
}

/** Adds that the pruned model is compiled, and how. */
export function compileFlags(command: Command): Command {
  command.option(
    '--compile [file]',
    'compile the pruned model too (default: beside it, .wasm); .js and .d.ts lie beside it',
  );
  return compileFormFlags(command);
}

/** Adds how models are compiled. */
export function compileFormFlags(command: Command): Command {
  return command
    .option('--compile-batch <n>', 'samples of a run of the compiled model (default: 1)', count)
    .addOption(chosen('--compile-weights <form>', 'how the compiled model stores weights', WEIGHT_FORMS))
    .option('--inline', 'one .js file in the place of .js and .wasm');
}

/** Adds where the state of a run is kept that may be interrupted. */
export function checkpointFlags(command: Command): Command {
  return command
    .option('--checkpoint <folder>', 'where the state of the run is kept (default: the output, .checkpoint)')
    .option('--no-checkpoint', 'keep none: the run cannot go on after an interruption')
    .option('--checkpoint-every <s>', 'seconds between states; 0 = after each step', number, CHECKPOINT_SECONDS)
    .option('--restart', 'begin anew where an unfinished run lies');
}

/** Flags of `coppice sweep`. */
export interface SweepFlags extends MemoryFlag, PruningFlags, CheckpointFlags, Omit<CompilingFlags, 'compile'> {
  readonly compile?: true;
  readonly methods: Method[];
  readonly sparsity?: number[];
  readonly flops?: number[];
  readonly seeds: number[];
  readonly output?: string;
  readonly report?: string;
  readonly latency?: boolean;
  readonly csv?: boolean;
}

/** Flags of `coppice eval` and `coppice compare`. */
export interface EvalFlags extends PreprocessFlags, OutputFlags, ProviderFlags, LossFlags {
  readonly output?: string;
  readonly eval?: string;
  readonly latency?: boolean;
}

/** Flags of `coppice finetune`. */
export interface FinetuneFlags
  extends MemoryFlag,
    PreprocessFlags,
    OutputFlags,
    ProviderFlags,
    LossFlags,
    TrainingFlags {
  readonly data?: string;
  readonly eval?: string;
  readonly batch: number;
  readonly teacher?: string;
  readonly freezeStatistics?: boolean;
  readonly dense?: boolean;
  readonly augmentCrop?: number;
  readonly augmentFlip?: boolean;
  readonly seed: number;
  readonly output?: string;
}

/** Flags of `coppice sensitivity`. */
export interface SensitivityFlags extends PreprocessFlags, OutputFlags, ProviderFlags, LossFlags {
  readonly output?: string;
  readonly eval?: string;
  readonly sparsity: number[];
  readonly layers?: string[];
  readonly exclude?: string[];
  readonly report?: string;
}

/** Flags of `coppice inspect`. */
export interface InspectFlags extends OutputFlags {
  readonly pattern?: string;
  readonly kernels: KernelOrder;
  readonly open?: number;
}
