import type { LossName } from '../autodiff/loss.ts';
import { type Budget, type BudgetedLayer, stageBudgets } from '../budget/budget.ts';
import type { GradientRows } from '../curvature/gradient-rows.ts';
import type { MakeStore } from '../curvature/row-store.ts';
import type { FeedSource } from '../data/feeds.ts';
import type { Engine } from '../engine/engine.ts';
import { DataError } from '../errors/errors.ts';
import type { TrainingState } from '../finetune/finetune.ts';
import type { WeightLayer } from '../graph/weights.ts';
import type { Model } from '../ir/model.ts';
import type { LabelSource } from '../outputs/outputs.ts';
import type { RunOptions } from '../progress/progress.ts';
import type { Recall } from '../progress/recall.ts';
import type { BlockedLayer } from '../reconstruction/reconstruct.ts';
import type { BlockPool } from '../solvers/chita/block-wise.ts';
import type { MethodOption, Settled } from './method-options.ts';
import type { StageResult } from './stage-result.ts';

/** Where the parts of one pruning are kept that may be interrupted, and those that it goes on from. */
export interface Keeping {
  readonly recall: Recall;
  /** Of the training that it ends with, where that was under way. */
  readonly training: TrainingState | null;
  /** Called after each of its steps; `state` is valid until it returns. */
  onTraining(state: () => TrainingState): Promise<void>;
}

/** What a pruning works with, whatever its method. */
export interface Surroundings extends RunOptions {
  readonly engine: Engine;
  /** Samples for the gradients, the layers' inputs, the training. */
  readonly source?: FeedSource;
  /** The output that labels or targets are about; default: the first that they fit. */
  readonly output?: string;
  readonly threads?: number;
  /** Where gradient rows are kept; default in memory (see planRows). */
  readonly store?: MakeStore;
  /** Names of layers whose rows that store takes as factors. */
  readonly factored?: ReadonlySet<string>;
  /** Opens worker threads for block-wise methods; default: blocks are solved one by one. */
  readonly openPool?: (() => BlockPool) | undefined;
  /** Gradient rows of the unpruned model that were computed before (see sweep): used for the first stage. */
  readonly rows?: GradientRows;
  /** Default: nothing is kept. Methods that cannot go on within a pruning do not look at it. */
  readonly keeping?: Keeping;
  /** Called after each stage with the model that it made; the run waits for it. */
  readonly onStage?: (stage: StageResult, model: Model) => void | Promise<void>;
}

/** The options of a run that all methods have, filled in. */
export interface CommonOptions {
  /** Name of the method, or of the solver in its place. */
  readonly method: string;
  readonly budget: Budget;
  /** Loss and labels; default: what the outputs and the data say. */
  readonly loss: LossName;
  readonly labels: LabelSource;
  /** What becomes of layers whose gradient cannot be computed: the run is refused, or (default) goes on and leaves them dense, with a warning. */
  readonly blocked: 'refuse' | 'skip';
  readonly seed: number;
  /** Draws augmented samples for the gradients, as the data set was opened to. */
  readonly augment: boolean;
}

/** One pruning in the making: what was asked for, of which layers. */
export interface Job<Name extends MethodOption = never> {
  readonly model: Model;
  readonly layers: readonly WeightLayer[];
  /** The same with what a budget has to know of them. */
  readonly budgeted: readonly BudgetedLayer[];
  readonly options: Surroundings;
  readonly resolved: CommonOptions & Settled<Name>;
}

/** What comes of one. */
export interface Outcome {
  readonly model: Model;
  readonly stages: readonly StageResult[];
  /** The samples that were used in the end, where that differs from what was asked for. */
  readonly samples?: number;
  /** Layers that were left as they are. */
  readonly blocked: readonly BlockedLayer[];
}

/** The budgets of a job's stages, the last of them its own. */
export function budgetsOf({ layers, resolved }: Job<'stages' | 'schedule' | 'baseSparsity'>): Budget[] {
  const { stages, schedule, baseSparsity: base, budget } = resolved;
  return stageBudgets(
    budget,
    { stages, schedule, base },
    layers.reduce((sum, { size }) => sum + size, 0),
  );
}

/** The error of a method that reads data and has none. */
export function withoutData(method: string): DataError {
  return new DataError(`Cannot prune by ${method} without data: give rows, or prune by magnitude`, {
    remedies: [{ option: 'data' }, { option: 'method', value: 'magnitude' }],
  });
}

/** The samples of a job. @throws DataError if there are none */
export function neededSource({ options: { source }, resolved: { method } }: Job<never>): FeedSource {
  if (source === undefined) throw withoutData(method);
  return source;
}
