import { sidesOf } from '../data/model-sides.ts';
import type { PreprocessOptions } from '../data/preprocess.ts';
import type { Engine } from '../engine/engine.ts';
import type { Model } from '../ir/model.ts';
import { fedBy, isMadeUp, madeUp, type OpenedData, oneByOne } from '../pipeline/opened-data.ts';
import { preprocessOf, withoutUndefined } from '../pipeline/recipe.ts';
import { shapesOf } from '../pruning/shapes.ts';
import { type DataSource, openDataset } from './data.node.ts';

/** How rows are opened besides their preprocessing. */
export interface OpenRowsOptions {
  readonly preprocess?: PreprocessOptions | undefined;
  readonly seed?: number;
  /** Size of dimensions that the model leaves open, for made-up inputs. */
  readonly open?: number;
  /** The output that labels or targets are about, where it was named. */
  readonly output?: string | undefined;
  /** Tests how the model takes its samples; absent = that is left to whoever runs it. */
  readonly engine?: Engine;
}

/**
 * Opens data for a model, in whatever form it is given: real rows, or `random:N`.
 *
 * @throws DataError if the data cannot be read, or does not fit the model
 */
export async function openRows(
  model: Model,
  data: DataSource,
  { preprocess = {}, seed = 1, open, output, engine }: OpenRowsOptions,
): Promise<OpenedData> {
  if (typeof data === 'string' && isMadeUp(data)) return madeUp(model, data, withoutUndefined({ seed, open, engine }));
  const { augment } = preprocess;
  const options = { ...preprocessOf(preprocess), ...(augment && { augment }), sides: sidesOf(model, output) };
  return fedBy(model, await openDataset(data, options), engine);
}

/** The same for rows to evaluate on, one by one. @throws DataError for made-up inputs, which say nothing about a model */
export async function openEvaluation(model: Model, data: DataSource, options: OpenRowsOptions): Promise<OpenedData> {
  return oneByOne(await openRows(model, data, options));
}

/** Size of dimensions that a model leaves open at which it runs, for made-up inputs; undefined where it has none, or none does. */
export async function openSize(engine: Engine, model: Model): Promise<number | undefined> {
  const shapes = await shapesOf(engine, model);
  return 'reason' in shapes ? undefined : (shapes.open ?? undefined);
}
