import type { Window } from '../../graph/window.ts';

/** What the gradient of a kernel is made of: [n, out, ...cells of the output] against patches of [n, channels, ...input]. */
export interface Correlation {
  readonly image: string;
  readonly signal: string;
  readonly window: Window;
  readonly group: number;
  readonly samples: number;
  /** [out, channels / group, ...kernel] */
  readonly weight: readonly number[];
}
