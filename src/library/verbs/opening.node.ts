import type { FeedSource } from '../../data/feeds.ts';
import type { Engine } from '../../engine/engine.ts';
import { openProvider } from '../../engine/provider.node.ts';
import type { Provider } from '../../engine/provider.ts';
import { validateGraph } from '../../graph/validate-graph.ts';
import type { Model } from '../../ir/model.ts';
import type { RunOptions } from '../../progress/progress.ts';
import type { DataSource } from '../data.node.ts';
import { type OpenRowsOptions, openRows } from '../rows.node.ts';

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
  options: Pick<OpenRowsOptions, 'preprocess' | 'output'> & { readonly engine: Engine },
): Promise<FeedSource> {
  return (await openRows(validateGraph(model), data, options)).source;
}

/** Of a request, what everything that loops takes; `undefined` left out. */
export function runOptions(request: RunOptions & { readonly threads?: number }): RunOptions & { threads?: number } {
  const { threads, onProgress, signal } = request;
  return { ...(threads !== undefined && { threads }), ...(onProgress && { onProgress }), ...(signal && { signal }) };
}
