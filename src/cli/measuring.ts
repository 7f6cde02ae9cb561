import { countKept } from '../apply/weights.ts';
import { type FeedSource, randomFeeds } from '../data/feeds.ts';
import { sharedInputsOf } from '../data/model-sides.ts';
import type { Engine } from '../engine/engine.ts';
import { LATENCY_DEFAULTS, type Latency, measureLatency, withRows } from '../evaluate/latency.ts';
import type { WeightLayer } from '../graph/weights.ts';
import type { Model } from '../ir/model.ts';
import { inspect } from '../pipeline/inspect.ts';
import type { RunOptions } from '../progress/progress.ts';
import { type Shapes, shapesOf } from '../pruning/shapes.ts';
import { random } from '../tensor/random.ts';

/** What is counted of a layer. */
export interface LayerCount {
  readonly layer: WeightLayer;
  readonly kept: number;
  /** Multiply-accumulates of one sample, of all weights and of the nonzero ones; null where shapes are not known. */
  readonly macs: { readonly before: number | null; readonly after: number | null };
}

/** Counts nonzeros and multiply-accumulates of a model's layers. */
export function countLayers(layers: readonly WeightLayer[], model: Model): LayerCount[] {
  const counts = countKept(model, layers);
  return layers.map((layer, i) => {
    const kept = counts[i] as number;
    const each = layer.macsPerWeight;
    return {
      layer,
      kept,
      macs: {
        before: each === null ? null : Math.round(each * layer.size),
        after: each === null ? null : Math.round(each * kept),
      },
    };
  });
}

/** Counts of all prunable layers of a model together. */
export interface ModelCount {
  readonly prunable: number;
  readonly nonzeros: number;
  readonly macs: { readonly dense: number | null; readonly nonzero: number | null };
}

/** Counts a whole model; the shapes give the multiply-accumulates. */
export function countModel(model: Model, shapes?: Shapes): ModelCount {
  const { prunable, totals } = inspect(model, shapes);
  const nonzero = prunable.map(({ macs, weights, zeros }) =>
    macs === null ? null : Math.round((macs * (weights - zeros)) / Math.max(weights, 1)),
  );
  return {
    prunable: totals.prunable,
    nonzeros: totals.nonzeros,
    macs: { dense: totals.macs, nonzero: total(nonzero) },
  };
}

/** The sum; null where a part is not known. */
export function total(parts: readonly (number | null)[]): number | null {
  return parts.reduce((sum: number | null, part) => (sum === null || part === null ? null : sum + part), 0);
}

/** Time for the rounds of one batch size. */
const LATENCY_LIMIT_MS = LATENCY_DEFAULTS.timeLimitMs / 2;
/** Batch sizes that latency is measured at, where the model leaves it free. */
const LATENCY_BATCHES = [1, 32];

/** One batch size: a latency for each model, in their order. */
export interface LatencyAt {
  readonly batch: number;
  readonly latencies: readonly Latency[];
}

/** Times models side by side, on rows of data or on made-up inputs. @throws EngineError if one does not run */
export async function timeModels(
  engine: Engine,
  models: readonly Model[],
  options: RunOptions & { sources: readonly (FeedSource | undefined)[]; threads?: number },
): Promise<LatencyAt[]> {
  const { sources, threads, ...run } = options;
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
    for (const batch of fixed === null ? LATENCY_BATCHES : [fixed]) {
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
