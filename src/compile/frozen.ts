import type { Captured } from '../graph/captured.ts';
import type { Model } from '../ir/model.ts';

/** A model that can be compiled: opset 17 or more, floats of 32 bits, what does not depend on its inputs as constants. */
export interface Frozen {
  readonly model: Model;
  /** Types and shapes of all its values, for the one shape of inputs that it is compiled for. */
  readonly captured: Captured;
}
