import { DataError } from '../errors/errors.ts';
import { feedsOf } from '../ir/access.ts';
import type { Model, ValueInfo } from '../ir/model.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Dataset } from './dataset.ts';
import type { FeedSource } from './feeds.ts';
import { fixedBatchOf, hasRows, mainInput } from './model-sides.ts';
import { type FedInputs, type Filling, filledInput, standIn } from './stand-ins.ts';

/**
 * A data set as the inputs of a model. Inputs that it does not have are filled with what stands in for them, where their
 * meaning is known ({@link standIn}).
 *
 * @throws DataError if an input has no data and nothing stands in for it; all such inputs are named
 */
export function feedsFromDataset(model: Model, dataset: Dataset): FeedSource {
  const inputs = feedsOf(model.graph);
  const main = dataset.inputs?.[0] ?? mainInput(inputs)?.name;
  const given = dataset.inputs ?? (main ? [main] : []);
  const left = inputs.filter(({ name }) => !given.includes(name));
  const fillings = left.flatMap((info): Filling[] => {
    const by = standIn(info);
    return by === null ? [] : [{ info, by }];
  });
  if (main === undefined || fillings.length < left.length) throw missing(dataset, { inputs, given, fillings });
  const fixedBatch = dataset.whole === true ? 1 : fixedBatchOf(model);
  return {
    count: dataset.count,
    labelled: dataset.labelled,
    hasTargets: dataset.targetDims !== undefined,
    ...(dataset.output !== undefined && { output: dataset.output }),
    ...answersOf(dataset),
    fixedBatch,
    ...(dataset.whole && { whole: true }),
    ...(fillings.length > 0 && { filled: fillings.map(({ info: { name }, by }) => ({ name, by })) }),
    feeds: async (indices, augment, room) => {
      const options = { ...(augment && { augment }), ...(room && { room }) };
      const { x, more, labels, targets } = await dataset.batch(indices, options);
      const fed = dataset.whole === true ? { ...x, dims: x.dims.slice(1) } : x;
      const tensors = new Map([[main, fed], ...(more ?? [])]);
      const infos = inputs.filter(({ name }) => tensors.has(name));
      const at = { fed: { infos, tensors }, rows: indices.length, fixedBatch };
      for (const filling of fillings) tensors.set(filling.info.name, filledAt(filling, at, dataset));
      return { inputs: tensors, ...(labels && { labels }), ...(targets && { targets }) };
    },
  };
}

interface FillingPlace {
  readonly fed: FedInputs;
  /** Samples in the batch. */
  readonly rows: number;
  readonly fixedBatch: number | null;
}

function filledAt(filling: Filling, { fed, rows, fixedBatch }: FillingPlace, { address, whole }: Dataset): Tensor {
  const { info } = filling;
  const isRowed = whole !== true && hasRows(info, fixedBatch) && (info.shape?.length ?? 1) > 0;
  const tensor = filledInput(filling, fed, isRowed ? rows : null);
  if (tensor !== null) return tensor;
  throw new DataError(
    `Cannot fill input "${info.name}" of shape [${info.shape?.map((dim) => dim ?? '?')}]: its size is that of none of the inputs which "${address}" has; save it as an array of that name`,
  );
}

interface Missing {
  readonly inputs: readonly ValueInfo[];
  readonly given: readonly string[];
  readonly fillings: readonly Filling[];
}

function missing({ address, inputs: named }: Dataset, { inputs, given, fillings }: Missing): DataError {
  const wanted = inputs.filter(
    ({ name }) => !given.includes(name) && !fillings.some((filling) => filling.info.name === name),
  );
  const names = wanted.map(({ name }) => `"${name}"`).join(', ');
  const has =
    named === undefined
      ? 'its rows are of one input that has no name'
      : `it has ${named.map((name) => `"${name}"`).join(', ')}`;
  const example = inputs.map(({ name }) => (/^[A-Za-z_]\w*$/.test(name) ? `${name}=...` : `**{'${name}': ...}`));
  return new DataError(
    `Cannot feed "${address}" to the model, which has ${inputs.length} inputs (${inputs.map(({ name }) => name).join(', ')}): ` +
      `wanted arrays for ${names}, ${has}; save all of them in one npz file, np.savez(path, ${example.join(', ')})`,
    { fields: { missing: wanted.map(({ name }) => name) } },
  );
}

function answersOf({ labels, labelDims = [], targets, targetDims }: Dataset): Pick<FeedSource, 'answers'> {
  if (targetDims !== undefined && targets === undefined) return {};
  return {
    answers: {
      ...(labels && { labels: { dims: labelDims, data: labels } }),
      ...(targets && targetDims && { targets: { dims: targetDims, data: targets } }),
    },
  };
}
