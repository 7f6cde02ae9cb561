import { statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Dataset } from '../data/dataset.ts';
import { feedsFromDataset } from '../data/dataset-feeds.ts';
import { type FeedSource, randomFeeds } from '../data/feeds.ts';
import { sidesOf } from '../data/model-sides.ts';
import { openDataset } from '../data/open-dataset.node.ts';
import type { PreprocessOptions } from '../data/preprocess.ts';
import type { Engine } from '../engine/engine.ts';
import { DataError } from '../errors/errors.ts';
import { validateGraph } from '../graph/validate-graph.ts';
import type { Model } from '../ir/model.ts';
import { fileFeatures } from '../onnx/features.ts';
import { modelHash, readModel } from '../onnx/files.node.ts';
import type { Report } from '../report/report.ts';
import { testedFeeds } from '../samples/tested-feeds.ts';
import { random } from '../tensor/random.ts';

/** A model and the file that it came from. */
export interface OpenedModel {
  readonly model: Model;
  readonly path: string;
  readonly file: Report['model'];
}

/** Reads a model and checks that its graph is sound. @throws OnnxDecodeError */
export async function openModel(path: string): Promise<OpenedModel> {
  const model = validateGraph(await readModel(path));
  return { model, path, file: await fileFacts(path, model) };
}

/** The same of a model that went where it cannot be read again. */
export async function givenFacts(path: string, bytes: Uint8Array): Promise<Report['model']> {
  return { name: basename(path), sha256: await modelHash(bytes), bytes: bytes.byteLength };
}

/** Name, hash and size of a model's file. External data is not in the hash, and in the size where it is ours to know. */
export async function fileFacts(path: string, model: Model): Promise<Report['model']> {
  const bytes = filesOf(path, model).reduce((sum, file) => sum + statSync(file).size, 0);
  return { name: basename(path), sha256: await modelHash(path), bytes };
}

/** A model's files: itself and, for one with external data, `<name>.data`, where writeModel puts it. */
export function filesOf(path: string, model: Model): string[] {
  const data = join(dirname(path), `${basename(path)}.data`);
  const isThere = fileFeatures(model).externalTensors.length > 0 && statSync(data, { throwIfNoEntry: false })?.isFile();
  return isThere ? [path, data] : [path];
}

/** Rows that are ready to be fed. */
export interface OpenedData {
  readonly address: string;
  readonly source: FeedSource;
  /** Null for made-up inputs. */
  readonly dataset: Dataset | null;
}

/** How data is opened besides its preprocessing. */
export interface OpenDataOptions {
  readonly preprocess: PreprocessOptions;
  readonly augment?: { readonly crop: number; readonly flip: boolean };
  readonly seed?: number;
  /** Size of dimensions that the model leaves open, for made-up inputs. */
  readonly open?: number;
  /** Tests how the model takes its samples; absent = that is left to whoever runs it. */
  readonly engine?: Engine;
}

const MADE_UP = /^random:(\d+)$/;

/** Whether an address stands for made-up inputs. */
export function isMadeUp(address: string): boolean {
  return MADE_UP.test(address);
}

/**
 * Opens an address for a model: real rows, or `random:N`.
 *
 * @throws DataError if the data cannot be read, or does not fit the model
 */
export async function openData(
  model: Model,
  address: string,
  { preprocess, augment, seed = 1, open, engine }: OpenDataOptions,
): Promise<OpenedData> {
  const asTaken = async (source: FeedSource): Promise<FeedSource> =>
    engine === undefined ? source : testedFeeds(engine, model, source);
  const count = MADE_UP.exec(address)?.[1];
  if (count !== undefined) {
    if (Number(count) < 1) throw new DataError(`Cannot open data "${address}": wanted at least one made-up input`);
    const source = randomFeeds(model, {
      rng: random(seed).fork('inputs'),
      count: Number(count),
      ...(open !== undefined && { open }),
    });
    return { address, dataset: null, source: await asTaken(source) };
  }
  const { scale, mean, std, size, resize, interpolation, layout, channels } = preprocess;
  const dataset = await openDataset(address, {
    scale,
    mean,
    std,
    size,
    resize,
    interpolation,
    layout,
    channels,
    augment,
    sides: sidesOf(model),
  });
  return { address, dataset, source: await asTaken(feedsFromDataset(model, dataset)) };
}

/** Opens rows to evaluate on, one by one. @throws DataError for made-up inputs, which say nothing about a model */
export async function openEvaluation(
  model: Model,
  address: string,
  { preprocess, engine }: { readonly preprocess: PreprocessOptions; readonly engine: Engine },
): Promise<OpenedData> {
  if (isMadeUp(address))
    throw new DataError(`Cannot evaluate on "${address}": made-up inputs say nothing about a model`);
  const rows = await openData(model, address, { preprocess, engine });
  return { ...rows, source: rows.source.flat ?? rows.source };
}

/** What a report says of data. */
export async function dataFacts({ address, dataset, source }: OpenedData): Promise<Report['data']> {
  return { address, sha256: dataset === null ? null : await dataset.hash(), rows: source.count };
}
