/** How the samples of a batch lie in a model, as runs of it showed. */
export interface SampleFacts {
  /** Samples that one run takes; null = any number of them, each with outputs of its own. */
  readonly run: number | null;
  /** Rows of the data that make one sample: above 1 where a model of a fixed batch mixes its rows. */
  readonly rows: number;
  /** Axis of each output along which the samples lie; null = there is none. */
  readonly outputs: ReadonlyMap<string, number | null>;
  /** What is not as usual, and what is done about it; null where samples are independent and any number runs. */
  readonly remark: string | null;
}
