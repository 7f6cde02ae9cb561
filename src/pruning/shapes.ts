import { type FeedSource, randomFeeds } from '../data/feeds.ts';
import { capture } from '../engine/capture.ts';
import type { Engine } from '../engine/engine.ts';
import { CoppiceError, DataError, messageOf, UnsupportedOpError } from '../errors/errors.ts';
import type { Captured } from '../graph/captured.ts';
import { findWeights } from '../graph/weights.ts';
import type { Model } from '../ir/model.ts';
import { random } from '../tensor/random.ts';

/** Shapes of one run of a model. */
export interface Shapes {
  readonly captured: Captured;
  readonly batch: number;
}

/** Sizes that open dimensions other than the batch are tried at, until the model runs. */
export const OPEN_SIZES = [64, 32, 16, 128, 224, 256, 512, 8, 4, 3, 2, 1];

/**
 * Runs a model once for the shapes of its values: on one row of data, or on made-up inputs.
 *
 * @param open  size of open dimensions other than the batch, where inputs are made up; absent = one at which it runs
 * @returns the shapes, and the size that open dimensions were given; or why the model does not run
 */
export async function shapesOf(
  engine: Engine,
  model: Model,
  source?: FeedSource,
  open?: number,
): Promise<(Shapes & { open: number | null }) | { reason: string }> {
  if (source !== undefined) {
    const batch = source.fixedBatch ?? 1;
    const { inputs } = await source.feeds(Array.from({ length: batch }, (_, i) => Math.min(i, source.count - 1)));
    return attempt(async () => ({ captured: await capture(engine, model, inputs), batch, open: null }));
  }
  let last: { reason: string } = { reason: '' };
  let isTooLarge = false; // sizes at which the inputs would be too large say little
  for (const size of isOpen(model) ? (open === undefined ? smallSizes(model) : [open]) : [null]) {
    const made = await attempt(async () => {
      const feeds = randomFeeds(model, { rng: random(1), count: 1, open: size ?? 1 });
      const { inputs } = await feeds.feeds([0]);
      return {
        captured: await capture(engine, model, inputs),
        batch: feeds.fixedBatch ?? 1,
        open: size,
      };
    });
    if (!('reason' in made)) return made;
    if (last.reason === '' || isTooLarge) [last, isTooLarge] = [made, made.error instanceof DataError];
  }
  return { reason: last.reason };
}

async function attempt<T>(work: () => Promise<T>): Promise<T | { reason: string; error: CoppiceError }> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CoppiceError)) throw error;
    return { reason: messageOf(error), error };
  }
}

/** Numbers of made-up inputs at most, where a smaller size of the open dimensions may do. */
const MOST_AT_FIRST = 2 ** 21;

/** Sizes for open dimensions at which the inputs are small; all where they never are. */
function smallSizes({ graph }: Model): readonly number[] {
  const shapes = graph.inputs.flatMap(({ name, shape }) => (graph.constants.has(name) ? [] : [shape ?? []]));
  const numbers = (size: number): number =>
    shapes
      .map((shape) =>
        shape.slice(1).reduce((product: number, d) => product * (typeof d === 'number' && d > 0 ? d : size), 1),
      )
      .reduce((a, b) => a + b, 0);
  const small = OPEN_SIZES.filter((size) => numbers(size) <= MOST_AT_FIRST);
  return small.length > 0 ? small : OPEN_SIZES;
}

/** Whether an input has a dimension besides the first that its file leaves open. */
function isOpen(model: Model): boolean {
  return model.graph.inputs.some(
    ({ name, shape }) =>
      !model.graph.constants.has(name) && (shape ?? []).slice(1).some((d) => typeof d !== 'number' || d < 1),
  );
}

/**
 * MACs that one weight of each prunable layer costs for one sample, by the layer's name.
 *
 * @throws UnsupportedOpError if the model does not run, so that shapes are not known
 */
export async function macsOf(
  model: Model,
  { engine, source }: { readonly engine: Engine; readonly source?: FeedSource },
): Promise<ReadonlyMap<string, number | null>> {
  const shapes = await shapesOf(engine, model, source);
  if ('reason' in shapes)
    throw new UnsupportedOpError(`Cannot limit MACs: the shapes of the model's values are not known; ${shapes.reason}`);
  return weightMacs(model, shapes);
}

/** The same, of shapes that are known. */
export function weightMacs(model: Model, { captured, batch }: Shapes): ReadonlyMap<string, number | null> {
  const { prunable } = findWeights(model, captured, batch);
  return new Map(prunable.map(({ name, macsPerWeight }) => [name, macsPerWeight]));
}
