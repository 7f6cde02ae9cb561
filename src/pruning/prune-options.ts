import type { LossName } from '../autodiff/loss.ts';
import type { Budget } from '../budget/budget.ts';
import type { GradientRows } from '../curvature/gradient-rows.ts';
import type { MakeStore } from '../curvature/row-store.ts';
import type { FeedSource } from '../data/feeds.ts';
import type { Engine } from '../engine/engine.ts';
import { OptionError } from '../errors/errors.ts';
import type { Model } from '../ir/model.ts';
import type { LabelSource } from '../outputs/outputs.ts';
import type { RunOptions } from '../progress/progress.ts';
import type { Schedule } from '../schedule/stages.ts';
import type { BlockPool } from '../solvers/chita/block-wise.ts';
import type { AnySolver } from '../solvers/solver.ts';
import type { LayerChoice } from './layers.ts';
import { entryOf, type Method, type ResolvedEntry } from './methods.ts';
import { SCALINGS, type Scaling } from './scaling.ts';
import type { StageResult } from './stage-result.ts';

/** What `prune` is asked for; what is left out takes the method's defaults (METHODS) or PRUNE_DEFAULTS. */
export interface PruneOptions extends LayerChoice, RunOptions {
  readonly engine: Engine;
  readonly budget: Budget;
  /** Default: auto; chita without data, or where an option is given that only methods like it have. */
  readonly method?: Method;
  /** A solver in the method's place; its settings default to those of the method of its name, else to chita's. */
  readonly solver?: AnySolver;
  /** Samples for the gradients; not needed by magnitude. */
  readonly source?: FeedSource;
  /** Loss and labels; default: what the outputs and the data say. */
  readonly loss?: LossName;
  readonly labels?: LabelSource;
  /** The output that labels or targets are about; default: the first that they fit. */
  readonly output?: string;
  /** Gradient rows n. */
  readonly samples?: number;
  /** Samples averaged into one row, m. */
  readonly batch?: number;
  /** Ridge, in units of A'A/n. */
  readonly lambda?: number;
  /** Scale of the first-order term; `auto` = 1/m. */
  readonly firstOrder?: number | 'auto';
  readonly stages?: number;
  readonly schedule?: Schedule;
  /**
   * Samples on whose true loss each stage's first-order part is scaled: the quadratic model knows its direction better
   * than its length. 0 = none.
   */
  readonly lineSearch?: number;
  /** Re-estimates batch statistics after each stage. */
  readonly recalibrateStages?: boolean;
  /** Share of the weights, and of the MACs, that is removed where the stages start. */
  readonly baseSparsity?: number;
  /** Units in which weights are compared and the ridge measures change. */
  readonly scaling?: Scaling;
  /** What becomes of layers whose gradient cannot be computed: the run is refused, or (default) goes on and leaves them dense, with a warning. */
  readonly blocked?: 'refuse' | 'skip';
  readonly block?: number;
  readonly swaps?: number;
  /** Compute budget of methods that train: sample gradients in all, in the place of `samples`. */
  readonly gradients?: number;
  /** The same in minutes of this machine. */
  readonly minutes?: number;
  readonly seed?: number;
  /** Draws augmented samples for the gradients, as the data set was opened to. */
  readonly augment?: boolean;
  readonly threads?: number;
  /** Where gradient rows are kept; default in memory (see planRows). */
  readonly store?: MakeStore;
  /** Names of layers whose rows that store takes as factors. */
  readonly factored?: ReadonlySet<string>;
  /** Opens worker threads for block-wise methods; default: blocks are solved one by one. */
  readonly openPool?: (() => BlockPool) | undefined;
  /** Gradient rows of the unpruned model that were computed before (see sweep): used for the first stage. */
  readonly rows?: GradientRows;
  /** Called after each stage with the model that it made; the run waits for it. */
  readonly onStage?: (stage: StageResult, model: Model) => void | Promise<void>;
}

/** Defaults of `prune` that do not depend on the method. */
export const PRUNE_DEFAULTS = {
  loss: 'cross-entropy',
  labels: 'data',
  scaling: 'none',
  blocked: 'skip',
  lineSearch: 0,
  recalibrateStages: false,
  block: 2000,
  seed: 1,
  augment: false,
} as const;

/** Every option of a run, filled in. */
export type ResolvedPrune = Required<
  Omit<
    PruneOptions,
    | 'method'
    | 'solver'
    | 'source'
    | 'swaps'
    | 'threads'
    | 'rows'
    | 'store'
    | 'factored'
    | 'openPool'
    | 'onStage'
    | 'layers'
    | 'exclude'
    | 'onProgress'
    | 'signal'
    | 'firstOrder'
    | 'engine'
    | 'gradients'
    | 'minutes'
    | 'output'
  >
> & {
  /** Name of the method, or of the solver in its place. */
  readonly method: string;
  readonly firstOrder: number;
  readonly swaps: number | null;
  /** Minutes that were given; the steps they were enough for are `samples`. */
  readonly minutes: number | null;
};

/** Fills in the options that were left out. @throws OptionError for a value that cannot be */
export function resolvePrune(options: PruneOptions): ResolvedPrune {
  const entry = entryOf(options);
  const { name: method, defaults } = entry;
  checkCompute(options, entry);
  const batch = whole('batch', options.batch ?? defaults.batch);
  const firstOrder = options.firstOrder ?? defaults.firstOrder;
  const lambda = options.lambda ?? defaults.lambda;
  if (!(lambda > 0)) throw new OptionError(`Cannot use lambda ${lambda}: wanted a number above 0`);
  return {
    method,
    batch,
    lambda,
    budget: options.budget,
    loss: options.loss ?? PRUNE_DEFAULTS.loss,
    labels: options.labels ?? PRUNE_DEFAULTS.labels,
    samples: whole('samples', options.samples ?? rowsWithin(options.gradients, batch) ?? defaults.samples),
    firstOrder: firstOrder === 'auto' ? 1 / batch : firstOrder,
    stages: whole('stages', options.stages ?? defaults.stages),
    schedule: options.schedule ?? defaults.schedule,
    baseSparsity: options.baseSparsity ?? defaults.baseSparsity,
    lineSearch: options.lineSearch ?? PRUNE_DEFAULTS.lineSearch,
    recalibrateStages: options.recalibrateStages ?? PRUNE_DEFAULTS.recalibrateStages,
    scaling: scalingOf(options.scaling ?? PRUNE_DEFAULTS.scaling),
    blocked: options.blocked ?? PRUNE_DEFAULTS.blocked,
    block: whole('block', options.block ?? PRUNE_DEFAULTS.block),
    swaps: options.swaps ?? null,
    minutes: options.minutes ?? null,
    seed: options.seed ?? PRUNE_DEFAULTS.seed,
    augment: options.augment ?? PRUNE_DEFAULTS.augment,
  };
}

/** Budgets of compute are for methods that train, and one is enough. */
function checkCompute({ gradients, minutes, samples }: PruneOptions, { name, trains }: ResolvedEntry): void {
  const given = Object.entries({ gradients, minutes, samples }).filter(([, value]) => value !== undefined);
  if (!trains && (gradients ?? minutes) !== undefined)
    throw new OptionError(
      `Cannot prune by ${name} within ${given.map(([what]) => what).join(' and ')}: only "auto" takes a budget of compute; set samples and stages instead`,
    );
  if (trains && given.length > 1)
    throw new OptionError(`Cannot train within ${given.map(([what]) => what).join(' and ')} at once: give one of them`);
  if (minutes !== undefined && !(minutes > 0 && minutes < Number.POSITIVE_INFINITY))
    throw new OptionError(`Cannot train for ${minutes} minutes: wanted a number above 0`);
}

/** Rows of `batch` samples that a number of sample gradients is enough for. */
function rowsWithin(gradients: number | undefined, batch: number): number | undefined {
  if (gradients === undefined) return undefined;
  if (!(gradients >= batch))
    throw new OptionError(`Cannot train within ${gradients} sample gradients: one step takes ${batch} (--batch)`);
  return Math.floor(gradients / batch);
}

function scalingOf(name: Scaling): Scaling {
  if (!Object.hasOwn(SCALINGS, name))
    throw new OptionError(`Cannot scale by "${name}": the scalings are ${Object.keys(SCALINGS).join(', ')}`);
  return name;
}

function whole(name: string, value: number): number {
  if (!Number.isInteger(value) || value < 1)
    throw new OptionError(`Cannot use ${name} ${value}: wanted a whole number above 0`);
  return value;
}
