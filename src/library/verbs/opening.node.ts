import { feedsFromDataset } from '../../data/dataset-feeds.ts';
import type { FeedSource } from '../../data/feeds.ts';
import { sidesOf } from '../../data/model-sides.ts';
import type { Engine } from '../../engine/engine.ts';
import { openProvider } from '../../engine/provider.node.ts';
import type { Provider } from '../../engine/provider.ts';
import { validateGraph } from '../../graph/validate-graph.ts';
import type { Model } from '../../ir/model.ts';
import type { RunOptions } from '../../progress/progress.ts';
import { testedFeeds } from '../../samples/tested-feeds.ts';
import { type DataSource, openFor } from '../data.node.ts';

/** What runs models. */
export interface EngineChoice {
  readonly engine?: Engine | undefined;
  readonly provider?: Provider | undefined;
}

/** The engine that a request names. @throws ProviderError, OptionError */
export async function engineOf({ engine, provider = 'cpu' }: EngineChoice): Promise<Engine> {
  return engine ?? openProvider(provider);
}

/** Data as a model takes it: tested for whether its samples are independent. @throws DataError */
export async function feedsFor(
  model: Model,
  data: DataSource,
  { engine, preprocess }: { readonly engine: Engine; readonly preprocess?: object | undefined },
): Promise<FeedSource> {
  const opened = await openFor(sidesOf(validateGraph(model)), data, preprocess);
  return testedFeeds(engine, model, feedsFromDataset(model, opened as NonNullable<typeof opened>));
}

/** Of a request, what everything that loops takes; `undefined` left out. */
export function runOptions(request: RunOptions & { readonly threads?: number }): RunOptions & { threads?: number } {
  const { threads, onProgress, signal } = request;
  return { ...(threads !== undefined && { threads }), ...(onProgress && { onProgress }), ...(signal && { signal }) };
}
