import type { FeedSource } from '../data/feeds.ts';
import type { SampleFacts } from '../data/sample-facts.ts';
import type { Engine } from '../engine/engine.ts';
import type { Model, ValueInfo } from '../ir/model.ts';
import { testSamples } from './sample-facts.ts';

/** By a model's outputs, which stay the same whatever its weights become. */
const known = new WeakMap<readonly ValueInfo[], SampleFacts>();

/**
 * A source whose batches a model takes as what they are: tested once a model by {@link testSamples}.
 *
 * Where samples are not independent they come one a run; where the batch is fixed too, a sample is a whole batch of rows, and its
 * rows one by one are in `flat`. The same source where it was tested before, or where the model does not run on it.
 */
export async function testedFeeds(engine: Engine, model: Model, source: FeedSource): Promise<FeedSource> {
  if (source.tested !== undefined || source.count === 0) return source;
  const facts = known.get(model.graph.outputs) ?? (await testSamples(engine, model, source));
  if (facts === null) return source;
  known.set(model.graph.outputs, facts);
  const flat = { ...source, fixedBatch: facts.run, tested: facts };
  return facts.rows > 1 ? inGroups(flat, facts) : flat;
}

/** Rows in groups as samples; rows that fill no group are left out, unless there is no other: then they come again. */
function inGroups(flat: FeedSource, { rows }: SampleFacts): FeedSource {
  return {
    ...flat,
    count: Math.max(1, Math.floor(flat.count / rows)),
    fixedBatch: 1,
    flat,
    feeds: (groups, augment, room) => {
      const numbers = Int32Array.from({ length: groups.length * rows }, (_, i) => {
        const group = groups[Math.floor(i / rows)] as number;
        return (group * rows + (i % rows)) % flat.count;
      });
      return flat.feeds(numbers, augment, room);
    },
  };
}
