import type { Dataset } from '../data/dataset.ts';
import { feedsFromDataset } from '../data/dataset-feeds.ts';
import { type FeedSource, randomFeeds } from '../data/feeds.ts';
import type { Engine } from '../engine/engine.ts';
import { DataError } from '../errors/errors.ts';
import type { Model } from '../ir/model.ts';
import type { Report } from '../report/report.ts';
import { testedFeeds } from '../samples/tested-feeds.ts';
import { random } from '../tensor/random.ts';

/** Rows that are ready to be fed. */
export interface OpenedData {
  readonly address: string;
  readonly source: FeedSource;
  /** Null for made-up inputs. */
  readonly dataset: Dataset | null;
}

const MADE_UP = /^random:(\d+)$/;

/** Whether an address stands for made-up inputs. */
export function isMadeUp(address: string): boolean {
  return MADE_UP.test(address);
}

/** A data set as a model takes it. @param engine  tests how the model takes its samples; absent = that is left to whoever runs it */
export async function fedBy(model: Model, dataset: Dataset, engine?: Engine): Promise<OpenedData> {
  const source = feedsFromDataset(model, dataset);
  return { address: dataset.address, dataset, source: await asTaken(model, source, engine) };
}

/**
 * The made-up inputs of an address, `random:N`.
 *
 * @param open  size of dimensions that the model leaves open
 * @throws DataError if there are to be none
 */
export async function madeUp(
  model: Model,
  address: string,
  { seed = 1, open, engine }: { readonly seed?: number; readonly open?: number; readonly engine?: Engine },
): Promise<OpenedData> {
  const count = Number(MADE_UP.exec(address)?.[1]);
  if (!(count >= 1)) throw new DataError(`Cannot open data "${address}": wanted at least one made-up input`);
  const source = randomFeeds(model, { rng: random(seed).fork('inputs'), count, ...(open !== undefined && { open }) });
  return { address, dataset: null, source: await asTaken(model, source, engine) };
}

async function asTaken(model: Model, source: FeedSource, engine: Engine | undefined): Promise<FeedSource> {
  return engine === undefined ? source : testedFeeds(engine, model, source);
}

/** Rows to evaluate on, one by one. @throws DataError for made-up inputs, which say nothing about a model */
export function oneByOne(rows: OpenedData): OpenedData {
  if (isMadeUp(rows.address))
    throw new DataError(`Cannot evaluate on "${rows.address}": made-up inputs say nothing about a model`);
  return { ...rows, source: rows.source.flat ?? rows.source };
}

/** What a report says of data. */
export async function dataFacts({ address, dataset, source }: OpenedData): Promise<Report['data']> {
  return { address, sha256: dataset === null ? null : await dataset.hash(), rows: source.count };
}
