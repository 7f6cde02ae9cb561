import { logitsOf } from '../autodiff/loss.ts';
import { inOrder } from '../data/batches.ts';
import { type FeedSource, inputBatches, wholeBatches } from '../data/feeds.ts';
import type { Engine } from '../engine/engine.ts';
import { DataError } from '../errors/errors.ts';
import type { Model } from '../ir/model.ts';
import type { Tensor } from '../tensor/tensor.ts';

/**
 * The model with what it decides by as its only output: the logits where it ends in a softmax, else its first output.
 * Everything but the outputs is shared, so constants trained in the one belong to the other.
 */
export function withLogits(model: Model): Model {
  const output = model.graph.outputs[0];
  if (output === undefined) return model;
  const { value } = logitsOf(model.graph, output.name, output.shape?.map(() => 1) ?? []);
  const logits = value === output.name ? output : { name: value, type: output.type, shape: null };
  return { ...model, graph: { ...model.graph, outputs: [logits] } };
}

/**
 * Mean squared distance of a model's first output from its mean, over samples: the unit of a squared error on it.
 *
 * @param count  samples to look at, from the first; fewer where there are not so many
 * @throws DataError if the outputs are all the same, or not finite
 * Cost: one forward pass a sample.
 */
export async function outputVariance(
  engine: Engine,
  model: Model,
  { source, count, threads }: { readonly source: FeedSource; readonly count: number; readonly threads?: number },
): Promise<number> {
  const samples = inOrder(Math.min(Math.max(count, source.fixedBatch ?? 1), source.count));
  const size = source.fixedBatch ?? samples.length;
  const session = await engine.createSession(model, threads === undefined ? {} : { threads });
  const output = model.graph.outputs[0]?.name ?? '';
  let [sum, square, values] = [0, 0, 0];
  try {
    for await (const inputs of inputBatches(source, wholeBatches(samples, size), size)) {
      const { data } = (await session.run(inputs, [output])).get(output) as Tensor<Float32Array>;
      for (const x of data) {
        sum += x;
        square += x * x;
      }
      values += data.length;
    }
  } finally {
    await session.release();
  }
  const variance = square / values - (sum / values) ** 2;
  if (!(variance > 0 && Number.isFinite(variance)))
    throw new DataError('Cannot imitate the model: its outputs are the same for all samples, or not finite');
  return variance;
}
