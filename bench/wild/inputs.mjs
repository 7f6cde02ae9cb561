// Made-up inputs for models that nobody here chose: each sample has numbers of its own, whichever batch it comes in.

import { onnxruntimeNode as engine, randomFeeds } from '../../dist/index.js';
import { shapesOf } from '../../dist/pruning/shapes.js';
import { random } from '../../dist/tensor/random.js';

/** Sizes of what is open, and a source of `count` samples; throws where the model does not run on any. */
export async function madeUp(model, { seed, count, open }) {
  let size = open;
  if (size === undefined) {
    const shapes = await shapesOf(engine, model);
    if ('reason' in shapes) throw Object.assign(new Error(shapes.reason), { doesNotRun: true });
    size = shapes.open ?? undefined;
  }
  const source = randomFeeds(model, { rng: random(seed), count, ...(size !== undefined && { open: size }) });
  return { source, open: size ?? null };
}
