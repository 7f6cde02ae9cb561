// Made-up inputs for models that nobody here chose: each sample has numbers of its own, whichever batch it comes in.

import { randomFeeds } from '../../dist/data/feeds.js';
import { fixedBatchOf, hasRows } from '../../dist/data/model-sides.js';
import { onnxruntimeNode as engine } from '../../dist/engine/onnxruntime.node.js';
import { feedsOf } from '../../dist/ir/access.js';
import { shapesOf } from '../../dist/pruning/shapes.js';
import { random } from '../../dist/tensor/random.js';

/** Numbers in the inputs of all samples, where a sample may turn out to be a whole batch of rows. */
const MOST_NUMBERS = 2 ** 20;

/**
 * A source of `count` samples at least; throws where the model does not run on any. Inputs without rows, such as states, are the
 * same whatever the seed. Where the first dimensions are fixed and differ, there are no rows: a sample is a run.
 */
export async function madeUp(model, { seed, count }) {
  const shapes = await shapesOf(engine, model);
  if ('reason' in shapes) throw Object.assign(new Error(shapes.reason), { doesNotRun: true });
  const size = shapes.open === null ? {} : { open: shapes.open };
  const sourceOf = (of, samples) => randomFeeds(model, { rng: random(of), count: samples, ...size });
  const inputs = feedsOf(model.graph);
  const batch = fixedBatchOf(model);
  const lone = inputs.filter((input) => !hasRows(input, batch)).map(({ name }) => name);
  if (batch !== null && lone.some((name) => inputs.find((input) => input.name === name).shape.length > 0))
    return { source: runsOf(sourceOf, { seed, count }) };
  const [always] = [await sourceOf('always', 1).feeds([0])];
  const numbers = [...always.inputs.values()].reduce((sum, { data }) => sum + data.length, 0);
  const runs = Math.max(2, Math.min(count, Math.floor(MOST_NUMBERS / numbers)));
  const rows = sourceOf(seed, Math.max(count, runs * (batch ?? 1)));
  const feeds = async (...asked) => {
    const fed = await rows.feeds(...asked);
    for (const name of lone) fed.inputs.set(name, always.inputs.get(name));
    return fed;
  };
  return { source: { ...rows, feeds } };
}

/** Each sample all inputs anew, one a run. */
function runsOf(sourceOf, { seed, count }) {
  return {
    ...sourceOf(seed, count),
    fixedBatch: 1,
    whole: true,
    feeds: ([sample]) => sourceOf(`${seed} ${sample}`, 1).feeds([0]),
  };
}
