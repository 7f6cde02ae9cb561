import { countKept } from '../apply/weights.ts';
import type { WeightLayer } from '../graph/weights.ts';
import type { Model } from '../ir/model.ts';
import { inspect } from '../pipeline/inspect.ts';
import type { Shapes } from '../pruning/shapes.ts';

/** What is counted of a layer. */
export interface LayerCount {
  readonly layer: WeightLayer;
  readonly kept: number;
  /** Multiply-accumulates of one sample, of all weights and of the nonzero ones; null where shapes are not known. */
  readonly macs: { readonly before: number | null; readonly after: number | null };
}

/** Counts nonzeros and multiply-accumulates of a model's layers. */
export function countLayers(layers: readonly WeightLayer[], model: Model): LayerCount[] {
  const counts = countKept(model, layers);
  return layers.map((layer, i) => {
    const kept = counts[i] as number;
    const each = layer.macsPerWeight;
    return {
      layer,
      kept,
      macs: {
        before: each === null ? null : Math.round(each * layer.size),
        after: each === null ? null : Math.round(each * kept),
      },
    };
  });
}

/** Counts of all prunable layers of a model together. */
export interface ModelCount {
  readonly prunable: number;
  readonly nonzeros: number;
  readonly macs: { readonly dense: number | null; readonly nonzero: number | null };
}

/** Counts a whole model; the shapes give the multiply-accumulates. */
export function countModel(model: Model, shapes?: Shapes): ModelCount {
  const { prunable, totals } = inspect(model, shapes);
  const nonzero = prunable.map(({ macs, weights, zeros }) =>
    macs === null ? null : Math.round((macs * (weights - zeros)) / Math.max(weights, 1)),
  );
  return {
    prunable: totals.prunable,
    nonzeros: totals.nonzeros,
    macs: { dense: totals.macs, nonzero: total(nonzero) },
  };
}

/** The sum; null where a part is not known. */
export function total(parts: readonly (number | null)[]): number | null {
  return parts.reduce((sum: number | null, part) => (sum === null || part === null ? null : sum + part), 0);
}
