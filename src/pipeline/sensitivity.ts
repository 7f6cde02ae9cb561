import { readWeightsNarrow, writeWeights } from '../apply/weights.ts';
import { keptOf, sparsity as sparsityBudget } from '../budget/budget.ts';
import { cardinality } from '../constraints/cardinality.ts';
import { projection } from '../constraints/constraint.ts';
import { OptionError } from '../errors/errors.ts';
import type { Evaluation } from '../evaluate/accuracy.ts';
import type { Model } from '../ir/model.ts';
import type { RunOptions } from '../progress/progress.ts';
import { chooseLayers, type LayerChoice } from '../pruning/layers.ts';

/** What {@link sensitivity} is asked for. */
export interface SensitivityRequest extends LayerChoice, RunOptions {
  /** Shares of zeros, each tried in each layer. */
  readonly sparsities?: readonly number[];
  /** Measures a model, on rows with labels or targets. */
  readonly judge: (model: Model) => Promise<Pick<Evaluation, 'loss' | 'accuracy'>>;
}

/** Defaults of {@link sensitivity}. */
export const SENSITIVITY_DEFAULTS = { sparsities: [0.5, 0.7, 0.8, 0.9, 0.95] } as const;

/** What pruning one layer alone does. */
export interface LayerSensitivity {
  readonly name: string;
  readonly node: string;
  readonly op: string;
  readonly weights: number;
  readonly points: readonly SensitivityPoint[];
}

/** The whole model's figures with one layer at one sparsity. */
export interface SensitivityPoint {
  readonly sparsity: number;
  readonly loss: number | null;
  readonly accuracy: number | null;
}

/** What {@link sensitivity} gives back. */
export interface Sensitivity {
  readonly dense: Pick<SensitivityPoint, 'loss' | 'accuracy'>;
  readonly layers: readonly LayerSensitivity[];
}

/**
 * Prunes one layer at a time by magnitude, all others dense, and measures the whole model: which layers bear pruning.
 * Layers are taken alone, so effects of pruning several at once are not seen.
 *
 * @throws OptionError if there is no sparsity, or one is out of range
 * Cost: one pass over the rows for each layer and sparsity, and one for the dense model.
 */
export async function sensitivity(model: Model, request: SensitivityRequest): Promise<Sensitivity> {
  const { sparsities = SENSITIVITY_DEFAULTS.sparsities, judge, onProgress, signal } = request;
  if (sparsities.length === 0) throw new OptionError('Cannot measure sensitivity: wanted at least one sparsity');
  for (const share of sparsities) sparsityBudget(share);
  const { layers } = chooseLayers(model, request);
  const dense = await judge(model);
  const total = layers.length * sparsities.length;
  let done = 0;
  const result: LayerSensitivity[] = [];
  for (const layer of layers) {
    const w = readWeightsNarrow(model, [layer]);
    const points: SensitivityPoint[] = [];
    for (const share of sparsities) {
      signal?.throwIfAborted();
      const support = projection(cardinality(layer.size, keptOf(layer.size, share)), w);
      const pruned = w.slice();
      for (let i = 0; i < pruned.length; i++) if (support[i] === 0) pruned[i] = 0;
      const { loss, accuracy } = await judge(writeWeights(model, [layer], pruned));
      points.push({ sparsity: share, loss, accuracy });
      onProgress?.({ step: 'sensitivity', done: ++done, total, unit: 'models' });
    }
    result.push({ name: layer.name, node: layer.node, op: layer.op, weights: layer.size, points });
  }
  return { dense: { loss: dense.loss, accuracy: dense.accuracy }, layers: result };
}
