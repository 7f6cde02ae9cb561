import { type FeedSource, randomFeeds } from '../data/feeds.ts';
import { sharedInputsOf } from '../data/model-sides.ts';
import type { Engine } from '../engine/engine.ts';
import { LATENCY_DEFAULTS, type Latency, measureLatency, withRows } from '../evaluate/latency.ts';
import type { Model } from '../ir/model.ts';
import type { RunOptions } from '../progress/progress.ts';
import { shapesOf } from '../pruning/shapes.ts';
import { random } from '../tensor/random.ts';

/** Time for the rounds of one batch size. */
const LATENCY_LIMIT_MS = LATENCY_DEFAULTS.timeLimitMs / 2;
/** Batch sizes that latency is measured at, where the model leaves it free. */
const LATENCY_BATCHES = [1, 32];

/** One batch size: a latency for each model, in their order. */
export interface LatencyAt {
  readonly batch: number;
  readonly latencies: readonly Latency[];
}

/**
 * Times models side by side, on rows of data or on made-up inputs.
 *
 * @param options  `batches`: sizes that are timed, unless the model has one of its own
 * @throws EngineError if one does not run
 */
export async function timeModels(
  engine: Engine,
  models: readonly Model[],
  options: RunOptions & {
    readonly sources: readonly (FeedSource | undefined)[];
    readonly threads?: number;
    readonly batches?: readonly number[];
  },
): Promise<LatencyAt[]> {
  const { sources, threads, batches = LATENCY_BATCHES, ...run } = options;
  const feeds = await Promise.all(models.map(async (model, i) => sources[i] ?? (await madeUpFeeds(engine, model))));
  const fixed = feeds.find(({ fixedBatch }) => fixedBatch !== null)?.fixedBatch ?? null;
  const sessions = await Promise.all(
    models.map((model) =>
      engine.createSession(model, { holdsWeights: true, ...(threads !== undefined && { threads }) }),
    ),
  );
  try {
    const one = await Promise.all(
      feeds.map(
        async (source) =>
          (await source.feeds(Array.from({ length: source.fixedBatch ?? 1 }, (_, i) => Math.min(i, source.count - 1))))
            .inputs,
      ),
    );
    const results: LatencyAt[] = [];
    for (const batch of fixed === null ? batches : [fixed]) {
      const cases = sessions.map((session, i) => ({
        session,
        feeds:
          fixed === null
            ? withRows(one[i] as (typeof one)[number], batch, sharedInputsOf(models[i] as Model))
            : (one[i] as (typeof one)[number]),
      }));
      results.push({
        batch,
        latencies: await measureLatency(cases, {
          ...run,
          onProgress: (progress) => run.onProgress?.({ ...progress, step: `latency, batch ${batch}` }),
          timeLimitMs: LATENCY_LIMIT_MS,
        }),
      });
    }
    return results;
  } finally {
    await Promise.all(sessions.map((session) => session.release()));
  }
}

/** Made-up inputs of a size at which the model runs. */
async function madeUpFeeds(engine: Engine, model: Model): Promise<FeedSource> {
  const shapes = await shapesOf(engine, model);
  const open = 'reason' in shapes ? null : shapes.open;
  return randomFeeds(model, { rng: random(1), count: 1, ...(open !== null && { open }) });
}
