import { type FeedSource, randomFeeds } from '../data/feeds.ts';
import { sharedInputsOf } from '../data/model-sides.ts';
import type { Engine, Session, Tensors } from '../engine/engine.ts';
import { LATENCY_DEFAULTS, type Latency, measureLatency, withRows } from '../evaluate/latency.ts';
import type { Model } from '../ir/model.ts';
import type { RunOptions } from '../progress/progress.ts';
import { shapesOf } from '../pruning/shapes.ts';
import { random } from '../tensor/random.ts';

/** Time for the rounds of one batch size. */
const LATENCY_LIMIT_MS = LATENCY_DEFAULTS.timeLimitMs / 2;
/** Batch sizes that latency is measured at, where the model leaves it free. */
const LATENCY_BATCHES = [1, 32];

/** One batch size: a latency for each side, in their order; null for a side that runs at another batch size alone. */
export interface LatencyAt {
  readonly batch: number;
  readonly latencies: readonly (Latency | null)[];
}

/** A model that is timed, and what runs it. */
export interface TimedSide {
  readonly engine: Engine;
  readonly model: Model;
  /** Rows of data; absent = made-up inputs. */
  readonly source?: FeedSource | undefined;
}

/** How {@link timeSides} measures. */
export interface TimingOptions extends RunOptions {
  readonly threads?: number;
  /** Sizes that are timed, unless a model has one of its own. */
  readonly batches?: readonly number[];
}

/**
 * Times models side by side, each on its engine, on rows of data or on made-up inputs. A model with a batch size of its own is timed at that
 * alone, the others at that too.
 *
 * @throws EngineError if one does not run
 */
export async function timeSides(sides: readonly TimedSide[], options: TimingOptions): Promise<LatencyAt[]> {
  const { threads, batches = LATENCY_BATCHES, ...run } = options;
  const feeds = await Promise.all(
    sides.map(async ({ engine, model, source }) => source ?? (await madeUpFeeds(engine, model))),
  );
  const free = feeds.some(({ fixedBatch }) => fixedBatch === null) ? batches : [];
  const sizes = [...new Set([...free, ...feeds.flatMap(({ fixedBatch }) => fixedBatch ?? [])])].sort((a, b) => a - b);
  const sessions = await Promise.all(
    sides.map(({ engine, model }) =>
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
    const fed = (i: number, batch: number): Tensors => {
      const inputs = one[i] as Tensors;
      if (feeds[i]?.fixedBatch !== null) return inputs;
      return withRows(inputs, batch, sharedInputsOf((sides[i] as TimedSide).model));
    };
    const results: LatencyAt[] = [];
    for (const batch of sizes) {
      const running = sides.map((_, i) => i).filter((i) => [null, batch].includes(feeds[i]?.fixedBatch ?? null));
      const cases = running.map((i) => ({ session: sessions[i] as Session, feeds: fed(i, batch) }));
      const measured = await measureLatency(cases, {
        ...run,
        onProgress: (progress) => run.onProgress?.({ ...progress, step: `latency, batch ${batch}` }),
        timeLimitMs: LATENCY_LIMIT_MS,
      });
      results.push({ batch, latencies: sides.map((_, i) => measured[running.indexOf(i)] ?? null) });
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
