import type { Budget } from '../budget/budget.ts';
import type { QuadraticValue } from '../problem/quadratic.ts';
import type { Solution } from '../solvers/drive.ts';

/** One stage of a run. */
export interface StageResult {
  readonly budget: Budget;
  /** Weights that are not zero afterwards. */
  readonly kept: number;
  /** What the first-order part was multiplied by; null without a line search. */
  readonly scale: number | null;
  /** The ridge that was chosen by the data; absent where it was given. */
  readonly lambda?: number;
  /** Mean loss on the stage's gradient samples, before the stage. */
  readonly lossBefore: number | null;
  /** Of the quadratic model: the kept weights as they were, and the solution. */
  readonly start: QuadraticValue | null;
  readonly value: QuadraticValue | null;
  readonly status: Solution['status'];
  readonly message: string;
  /** What was kept in the place of the weights that were solved for, and why; absent where those were kept. */
  readonly instead?: string;
  /** See layerSensitivity, in the order of the layers; null for methods without gradients. */
  readonly sensitivity: readonly number[] | null;
  readonly seconds: { readonly gradients: number; readonly solve: number };
}
