import type { LossName } from '../autodiff/loss.ts';
import type { Head } from './heads.ts';
import type { Reading } from './reading.ts';

/** What the user says of a model's outputs; what is left out is found. */
export interface OutputChoice {
  /** The output that labels or targets are about. */
  readonly output?: string;
  readonly loss?: LossName;
  /** Where labels come from: `model` = they are drawn from its own prediction. */
  readonly labels?: LabelSource;
}

/** Where the labels of the gradients come from: the data, or the model's own prediction (true Fisher). */
export type LabelSource = 'data' | 'model';

/** What a model's outputs are, which of them is judged, and by what. */
export interface Outputs {
  /** All outputs of floats, in the model's order. */
  readonly heads: readonly Head[];
  /** The one that labels and targets are about. */
  readonly judged: Head;
  readonly reading: Reading;
  readonly loss: LossName;
  readonly labels: LabelSource;
  /** Whether all heads count alike, each in units of its own variance: several, and nothing says which of them is meant. */
  readonly alike: boolean;
  /** The same in a sentence. */
  readonly says: string;
}
