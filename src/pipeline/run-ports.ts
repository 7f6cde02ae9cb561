import type { OwnConstraint } from '../budget/budget.ts';
import type { FeedSource } from '../data/feeds.ts';
import type { Engine } from '../engine/engine.ts';
import type { Remedy } from '../errors/errors.ts';
import type { Measure } from '../evaluate/measure.ts';
import type { Model } from '../ir/model.ts';
import type { PruneOptions } from '../methods/prune-options.ts';
import type { OutputChoice } from '../outputs/outputs.ts';
import type { NewEvent } from '../progress/events.ts';
import type { RunOptions } from '../progress/progress.ts';
import type { Keeping } from '../pruning/job.ts';
import type { BlockPool } from '../solvers/chita/block-wise.ts';
import type { GradualState } from './gradual.ts';
import type { DropTrial } from './max-drop.ts';

/** Adds up wall time by step. */
export interface Stopwatch {
  readonly seconds: Record<string, number>;
  readonly time: <T>(step: string, work: () => Promise<T>) => Promise<T>;
}

/** Where the states of a run that may be interrupted are kept, and the one from which it goes on. */
export interface RunKeeper extends Keeping {
  /** The same for the run's only pruning, where that is what it keeps. */
  readonly pruning?: Keeping;
  /** Runs of a search for the smallest model that are done. */
  readonly trials: readonly DropTrial[];
  readonly gradual: GradualState | null;
  /** What is kept of one step of several, from 0: names and the training under way are its own. Absent = one step keeps all. */
  at?(step: number): RunKeeper;
  onTrials(trials: readonly DropTrial[]): Promise<void>;
  /** @param trials  of the search before it */
  onGradual(state: () => GradualState, trials: readonly DropTrial[] | null): Promise<void>;
}

/** What only code can set of a pruning. */
export interface OwnParts extends Pick<PruneOptions, 'solver' | 'onStage' | 'store' | 'factored'> {
  readonly constraint?: OwnConstraint;
  /** What `maxDrop` is a drop of; absent = accuracy. */
  readonly measure?: Measure;
}

/** What a run works with, and whom it tells: each platform has its own. */
export interface RunPorts extends RunOptions, Stopwatch {
  readonly engine: Engine;
  readonly threads?: number;
  /** Rows that the steps learn from. */
  readonly data: FeedSource | null;
  /** Whether the rows were opened to be augmented. */
  readonly augment: boolean;
  /** Rows that the model is judged on, one by one. */
  readonly evaluation: FeedSource | null;
  /** The output that is judged, where it was named. */
  readonly judged: OutputChoice;
  /** Says how far the work is. */
  tell(message: string): void;
  /** Says what was decided: once, however often it is. */
  note(message: string): void;
  /** Says what makes the result worth less, and which options mend it; the report keeps it. */
  warn(message: string, remedies?: readonly Remedy[]): void;
  emit(event: NewEvent): void;
  /** Whether the model is judged after each stage of a pruning: somebody reads it. */
  readonly judgesStages: boolean;
  /** Opens worker threads for block-wise methods; absent = blocks are solved one by one. */
  readonly openPool?: (() => BlockPool) | undefined;
  /** Where the gradient rows of a run are kept, and its threads; absent = in memory, and all. */
  readonly rowsFor?: (options: PruneOptions) => Pick<PruneOptions, 'store' | 'factored' | 'threads'>;
  /** What a caller in code may set of a pruning besides: a solver of its own, what is told of stages, where rows are kept. */
  readonly pruning?: OwnParts;
  readonly keeper?: RunKeeper;
  /** The model whose outputs a training goes by; absent = the one before the first step. */
  readonly teacher?: Model;
}

/** A stopwatch that has measured nothing yet. */
export function stopwatch(): Stopwatch {
  const seconds: Record<string, number> = {};
  return {
    seconds,
    time: async (step, work) => {
      const start = performance.now();
      try {
        return await work();
      } finally {
        seconds[step] = (seconds[step] ?? 0) + (performance.now() - start) / 1000;
      }
    },
  };
}
