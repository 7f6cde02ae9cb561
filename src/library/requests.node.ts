import type { RecalibrateOptions } from '../apply/recalibrate.ts';
import type { Budget } from '../budget/budget.ts';
import type { CompiledFiles } from '../compile/output.ts';
import type { PreprocessOptions } from '../data/preprocess.ts';
import type { Engine } from '../engine/engine.ts';
import type { Provider } from '../engine/provider.ts';
import type { Evaluation } from '../evaluate/accuracy.ts';
import type { Latency } from '../evaluate/latency.ts';
import type { Size } from '../evaluate/size.node.ts';
import type { FinetuneOptions } from '../finetune/finetune.ts';
import type { Model } from '../ir/model.ts';
import type { OutputChoice } from '../outputs/outputs.ts';
import type { PruneAsked } from '../pipeline/prune-and-report.ts';
import type { SweepRequest as PipelineSweep, SweepCell } from '../pipeline/sweep.ts';
import type { RunOptions } from '../progress/progress.ts';
import type { LayerChoice } from '../pruning/layers.ts';
import type { DataSource } from './data.node.ts';
import type { ModelSource } from './model.node.ts';

/** Options that say where work is done. */
export interface PlaceOptions {
  /**
   * Whether the work is done in a thread of its own, so that the caller's goes on meanwhile (the default where everything given can be sent
   * there: not a solver, an engine or a store of the caller's making, and no augmented Dataset object). false saves the thread's start, half
   * a second.
   */
  readonly thread?: boolean;
}

/** What runs models, and where. */
export interface RunChoice extends PlaceOptions {
  /** What runs the models; default onnxruntime on the device that `provider` says. */
  readonly engine?: Engine;
  /** Where onnxruntime runs the models; default the CPU. `auto` says in the report what it chose. */
  readonly provider?: Provider;
}

/** What {@link prune} is asked for. `budget` has to be given; gradients need `data`; all else has defaults. */
export interface PruneRequest extends PruneAsked, RunChoice {
  /** Samples for the gradients: an address, arrays, rows, or a data set (see {@link DataSource}). */
  readonly data?: DataSource;
  /** Samples on which accuracy and loss are measured before and after; without it they are not. */
  readonly evaluation?: DataSource;
  /** How data is preprocessed; a Dataset has its own ways. */
  readonly preprocess?: PreprocessOptions;
}

/** What {@link run} may be told besides the recipe. */
export interface RecipeRequest extends RunOptions, RunChoice, Pick<PruneAsked, 'threads' | 'latency' | 'about'> {
  /** Rows that the steps learn from; default those that the recipe names. */
  readonly data?: DataSource;
  /** Rows that the model is judged on; default those that the recipe names. */
  readonly evaluation?: DataSource;
  /** How rows are preprocessed; default as the recipe says. */
  readonly preprocess?: PreprocessOptions;
  /** The model whose outputs a training goes by; default the one before the first step. */
  readonly teacher?: ModelSource;
}

/** What {@link sweep} is asked for: what a single run is asked, with several methods, budgets and seeds. */
export interface SweepRequest
  extends Omit<PruneRequest, 'method' | 'solver' | 'budget' | 'seed' | 'latency' | 'about' | 'onStage'>,
    Pick<PipelineSweep, 'methods' | 'budgets' | 'seeds'> {
  /**
   * Receives each cell as soon as it is there, its model (the recalibrated one, where there is one), and the files of the compiled model, where
   * `compile` asks for one and it can be compiled.
   */
  readonly onCell?: (cell: SweepCell, model: Model, compiled: CompiledFiles | null) => void | Promise<void>;
}

/** What everything that measures may be told. */
interface MeasureRequest extends RunOptions, RunChoice {
  readonly threads?: number;
}

/** What {@link evaluate} is asked for. */
export interface EvaluateRequest extends MeasureRequest, Pick<OutputChoice, 'output' | 'loss'> {
  readonly evaluation: DataSource;
  readonly preprocess?: PreprocessOptions;
  /** Samples of one run of the model. */
  readonly batch?: number;
}

/** What {@link compare} is asked for. */
export interface CompareRequest extends Omit<EvaluateRequest, 'evaluation'> {
  /** Without it accuracy, loss and agreement are not measured. */
  readonly evaluation?: DataSource;
  /** Batch sizes at which all models are timed side by side; absent = not timed. A compiled model is timed at its own alone. */
  readonly latency?: readonly number[];
}

/** A model beside the others. */
export interface Compared {
  readonly accuracy: number | null;
  readonly loss: number | null;
  /** Share of the rows that it puts into the class that the first model puts them in. */
  readonly agreement: number | null;
  readonly prunable: number;
  readonly nonzeros: number;
  /** Multiply-accumulates of one sample, zeros among them; null where shapes are not known. */
  readonly macs: number | null;
  /** Of a compiled model: of all its files that a page loads. */
  readonly bytes: Size;
  /** Milliseconds of one run at each batch size; null where that was not asked for. */
  readonly latency: readonly (Latency & { readonly batch: number })[] | null;
}

/** What {@link inspect} may be told. */
export interface InspectRequest extends MeasureRequest {}

/** What {@link sensitivity} is asked for. */
export interface SensitivityRequest extends MeasureRequest, LayerChoice {
  /** Rows with labels or targets; not needed with a judge. */
  readonly evaluation?: DataSource;
  readonly preprocess?: PreprocessOptions;
  /** Shares of zeros, each tried in each layer; default .5, .7, .8, .9, .95. */
  readonly sparsities?: readonly number[];
  /** Measures a model in your own way. */
  readonly judge?: (model: Model) => Promise<Pick<Evaluation, 'loss' | 'accuracy'>>;
}

/** What {@link plan} is asked for. */
export interface PlanRequest extends MeasureRequest, LayerChoice {
  readonly budget: Budget;
}

/** What a budget would keep. */
export interface Plan {
  readonly prunable: number;
  readonly nonzeros: number;
  /** Of the prunable layers, one sample; null where shapes are not known. */
  readonly macs: { readonly before: number; readonly after: number } | null;
  readonly layers: readonly {
    readonly name: string;
    readonly node: string;
    readonly op: string;
    readonly weights: number;
    readonly kept: number;
    readonly macsPerWeight: number | null;
  }[];
}

/** Where the samples of a training are. */
interface TrainData extends RunChoice {
  readonly data: DataSource;
  readonly preprocess?: PreprocessOptions;
}

/** What {@link finetune} is asked for. */
export interface FinetuneRequest extends Omit<FinetuneOptions, 'engine' | 'source' | 'onStep'>, TrainData {}

/** What {@link recalibrate} is asked for. */
export interface RecalibrateRequest extends Omit<RecalibrateOptions, 'engine' | 'source'>, TrainData {}
