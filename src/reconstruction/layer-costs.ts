import { writeWeights } from '../apply/weights.ts';
import type { Engine, Tensors } from '../engine/engine.ts';
import type { WeightLayer } from '../graph/weights.ts';
import type { Model } from '../ir/model.ts';
import type { Head } from '../outputs/heads.ts';
import { atRawEnds } from '../outputs/raw.ts';
import { varianceOf } from '../outputs/units.ts';
import { type Recall, recallNumber, WITHOUT_RECALL } from '../progress/recall.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** What {@link costMeter} is asked for. */
export interface CostsRequest {
  readonly engine: Engine;
  /** The dense model. */
  readonly model: Model;
  /** Its outputs of floats. */
  readonly heads: readonly Head[];
  readonly layers: readonly WeightLayer[];
  /** Batches of inputs, the same ones at each call. */
  readonly batches: () => AsyncIterable<Tensors>;
  /** What the samples of each batch count; default 1. */
  readonly weights?: readonly number[];
  readonly threads?: number;
  /** Of costs that are measured; default: none are kept. */
  readonly recall?: Recall;
}

/** Of each layer: weights to put in the place of its own, and the error of its outputs by them, above 0 where they differ. */
export interface ChangedLayers {
  readonly weights: readonly Float32Array[];
  readonly errors: readonly number[];
}

/** Costs of each layer; null where nothing can be said: no samples, no outputs of floats, or none that are finite. `onLayer` is called when a layer has been measured. */
export type MeasureCosts = (changed: ChangedLayers, onLayer?: (done: number) => void) => Promise<number[] | null>;

/**
 * Measures what an error in the outputs of one layer does to the outputs of the model: each layer alone is given its new weights, and
 *
 *   cost = |z - z_dense|^2 / |z_dense - mean|^2 / error of the layer, added over the outputs      z: logits, or whatever the model gives out in floats
 *
 * So it counts for a layer how its errors add up over positions and what comes behind it; and on samples that its weights were not solved
 * on, also how well they do on others. An error far smaller than at an earlier call says little (most of it is the ridge's, which no output
 * shows): that layer keeps its cost of then. One that never had an error gets the median of the others.
 *
 * Cost: a forward pass a sample of the dense model now, and one a sample and layer at each call.
 */
export async function costMeter(request: CostsRequest): Promise<MeasureCosts> {
  const { model, layers, heads, recall = WITHOUT_RECALL } = request;
  if (heads.length === 0) return async () => null;
  const dense = await outputsOf(request, model);
  const measured: (Measured | null)[] = layers.map(() => null);
  let round = 0;
  return async ({ weights, errors }, onLayer) => {
    round++;
    for (const [i, layer] of layers.entries()) {
      const error = errors[i] as number;
      if (error > SMALL_SHARE * (measured[i]?.error ?? 0)) {
        const cost = await recallNumber(recall, `cost ${round} of layer ${i}`, async () => {
          const changed = writeWeights(model, [layer], weights[i] as Float32Array);
          return differenceOf(await outputsOf(request, changed), dense, request.weights) / error;
        });
        if (cost > 0 && Number.isFinite(cost)) measured[i] = { cost, error };
      }
      onLayer?.(i + 1);
    }
    const known = measured.flatMap((one) => one?.cost ?? []).sort((a, b) => a - b);
    const median = known[known.length >> 1];
    return median === undefined ? null : measured.map((one) => one?.cost ?? median);
  };
}

/** What a layer's error cost, and how large it was then. */
interface Measured {
  readonly cost: number;
  readonly error: number;
}

/** An error of less than this share of an earlier one is too small to tell a cost. */
const SMALL_SHARE = 0.03;

/** The raw values of the float outputs in all batches, by name. */
export async function outputsOf(
  { engine, batches, heads, threads }: Pick<CostsRequest, 'engine' | 'batches' | 'heads' | 'threads'>,
  model: Model,
): Promise<Map<string, Float32Array[]>> {
  const session = await engine.createSession(atRawEnds(model, heads).model, threads === undefined ? {} : { threads });
  const all = new Map<string, Float32Array[]>();
  try {
    for await (const feeds of batches())
      for (const [name, { data }] of await session.run(feeds))
        all.set(name, [...(all.get(name) ?? []), (data as Tensor<Float32Array>['data']).slice()]);
  } finally {
    await session.release();
  }
  return all;
}

/** The sum over the outputs of |z - z_dense|^2 in units of the variance of z_dense. */
export function differenceOf(
  outputs: ReadonlyMap<string, Float32Array[]>,
  dense: ReadonlyMap<string, Float32Array[]>,
  weights?: readonly number[],
): number {
  let total = 0;
  for (const [name, batches] of outputs) {
    let [difference, count] = [0, 0];
    const targets = dense.get(name) ?? [];
    for (const [b, values] of batches.entries()) {
      const wanted = targets[b] as Float32Array;
      const weight = weights?.[b] ?? 1;
      for (let k = 0; k < values.length; k++)
        difference += weight * ((values[k] as number) - (wanted[k] as number)) ** 2;
      count += weight * values.length;
    }
    const variance = varianceOf(targets);
    if (variance > 0) total += difference / count / variance;
  }
  return total;
}
