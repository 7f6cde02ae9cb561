import type { Engine } from '../../src/engine/engine.ts';
import type { Model } from '../../src/ir/model.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import { normalizations, type Parameters, withParameters } from './parameters.ts';

/**
 * Sets the mean and variance of every batch normalisation to those of its input, the first one first.
 *
 * @param x  the samples to estimate them from, [n, ...]
 * Cost: a forward pass for each normalisation.
 */
export async function estimateStatistics(
  engine: Engine,
  model: Model,
  parameters: Parameters,
  x: Tensor,
): Promise<void> {
  for (const node of normalizations(model.graph)) {
    const [input, , , mean, variance] = node.inputs as [string, string, string, string, string];
    const values = await innerValue(engine, withParameters(model, parameters), input, x);
    const into = { means: parameters.get(mean)?.data, variances: parameters.get(variance)?.data };
    moments(values, into as { means: Float32Array; variances: Float32Array });
  }
}

/** What an inner value of a model becomes for an input. */
async function innerValue(engine: Engine, model: Model, name: string, x: Tensor): Promise<Tensor<Float32Array>> {
  const outputs = [{ name, type: null, shape: null }];
  const session = await engine.createSession({ ...model, graph: { ...model.graph, outputs } });
  const values = await session.run(new Map([[session.inputs[0] ?? '', x]]));
  await session.release();
  return values.get(name) as Tensor<Float32Array>;
}

/** Mean and variance of each channel of [n, channels, ...], in f64. */
function moments({ dims, data }: Tensor<Float32Array>, into: { means: Float32Array; variances: Float32Array }): void {
  const [n, channels] = dims as [number, number];
  const area = data.length / (n * channels);
  for (let c = 0; c < channels; c++) {
    let [sum, squares] = [0, 0];
    for (let i = 0; i < n; i++) {
      for (const value of data.subarray((i * channels + c) * area, (i * channels + c + 1) * area)) {
        sum += value;
        squares += value * value;
      }
    }
    const mean = sum / (n * area);
    into.means[c] = mean;
    into.variances[c] = squares / (n * area) - mean * mean;
  }
}
