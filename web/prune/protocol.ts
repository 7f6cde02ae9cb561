import type { GivenFile, WebProvider } from '../../src/coppice.web.ts';
import type { PreprocessOptions } from '../../src/data/preprocess.ts';
import type { SerializedError } from '../../src/errors/errors.ts';
import type { MethodForm } from '../../src/methods/form.ts';
import type { Method } from '../../src/methods/list.ts';
import type { Inspection } from '../../src/pipeline/inspect.ts';
import type { Progress } from '../../src/progress/progress.ts';
import type { MethodOptions } from '../../src/pruning/method-options.ts';
import type { Report } from '../../src/report/report.ts';

/** What runs, and with how many threads. */
export interface Machine {
  readonly provider: WebProvider;
  readonly threads: number;
}

/** What the worker says of itself when it starts. */
export interface Workshop {
  readonly methods: readonly MethodFacts[];
}

/** A method as the form shows it. */
export interface MethodFacts extends MethodForm {
  readonly name: Method;
}

/** A model that was opened. */
export interface ModelFacts {
  readonly name: string;
  readonly bytes: number;
  readonly inspection: Inspection;
}

/** Data that was opened and fits the model. */
export interface DataFacts {
  readonly address: string;
  readonly count: number;
  readonly sampleDims: readonly number[];
  readonly answers: 'classes' | 'targets' | 'none';
  /** Largest class number and one; null without classes. */
  readonly classes: number | null;
}

/** What to prune by, as the form gives it. */
export interface Settings {
  readonly method: Method;
  /** Of the method; those left out take its defaults. */
  readonly options: MethodOptions;
  readonly sparsity: number;
  readonly scope: 'global' | 'layer';
  /** Where zeros may lie, such as 2:4; empty = anywhere. */
  readonly pattern: string;
  readonly seed: number;
  readonly recalibrate: boolean;
  /** Labels drawn from the model itself, where the data has none. */
  readonly labels: 'data' | 'model';
  readonly latency: boolean;
  /** Whether the pruned model is compiled too. */
  readonly compile: boolean;
}

/** A run that is over. */
export interface Outcome {
  readonly report: Report;
  /** Evaluation rows that the two models put into different classes. */
  readonly disagreeing: Int32Array;
  /** Rows of the evaluation data; 0 without. */
  readonly rows: number;
}

/** A sample and what both models say to it. */
export interface Compared {
  /** Row of the evaluation data; null for a picture of the reader's own. */
  readonly row: number | null;
  readonly name: string;
  /** RGBA; null for samples that are no pictures. */
  readonly picture: {
    readonly data: Uint8ClampedArray<ArrayBuffer>;
    readonly width: number;
    readonly height: number;
  } | null;
  readonly label: number | null;
  readonly dense: readonly Guess[];
  readonly pruned: readonly Guess[];
}

/** A class and the share of belief that a model puts in it. */
export interface Guess {
  readonly label: number;
  readonly share: number;
}

/** What the worker can be asked: arguments and answer by the name of the call. */
export interface Calls {
  start: { ask: Machine; answer: Workshop };
  openModel: { ask: { files: readonly GivenFile[] }; answer: ModelFacts };
  openData: {
    ask: { role: 'data' | 'evaluation'; files: readonly GivenFile[]; preprocess: PreprocessOptions };
    answer: DataFacts;
  };
  dropEvaluation: { ask: null; answer: null };
  prune: { ask: Settings; answer: Outcome };
  compareRows: { ask: { rows: readonly number[] }; answer: readonly Compared[] };
  comparePictures: { ask: { files: readonly GivenFile[] }; answer: readonly Compared[] };
  saveProgram: { ask: null; answer: { name: string; bytes: Uint8Array<ArrayBuffer> } };
  save: { ask: null; answer: { name: string; bytes: Uint8Array<ArrayBuffer> } };
}

/** The name of a call. */
export type CallName = keyof Calls;

/** From the page to the worker. */
export type Request =
  | { readonly id: number; readonly call: CallName; readonly ask: unknown }
  | { readonly id: number; readonly call: 'cancel' };

/** An error as it crosses from the worker: ours with its code, any other as a name and a message. */
export type SentError =
  | SerializedError
  | { readonly name: string; readonly code: 'bug' | 'stopped'; readonly message: string };

/** From the worker to the page. */
export type Reply =
  | { readonly id: number; readonly kind: 'answer'; readonly answer: unknown }
  | { readonly id: number; readonly kind: 'error'; readonly error: SentError }
  | { readonly id: number; readonly kind: 'progress'; readonly progress: Progress };
