import type { Preview } from '../../src/cli/studio/schema.ts';
import type { LayerReport } from '../../src/report/report.ts';

/** What a budget would leave: between two levels that were worked out, in proportion. */
export interface Plan {
  readonly layers: readonly LayerReport[];
  readonly kept: number;
  readonly weights: number;
  readonly macs: { readonly before: number; readonly after: number } | null;
  /** Predicted change; null where it is not known (yet). */
  readonly loss: number | null;
}

/** The plan at a budget. Cost: linear in the layers. */
export function planAt({ layers, levels }: Preview, budget: number, losses: Preview['levels']): Plan {
  const kept = layers.map((layer, i) => Math.round(between(levels, budget, (level) => level.kept[i] ?? layer.weights)));
  const facts = layers.map(({ name, weights, macs }, i): LayerReport => {
    const left = Math.min(weights, kept[i] as number);
    return {
      name,
      op: '',
      shape: [],
      weights,
      kept: left,
      pattern: null,
      removed: weights - left,
      sparsity: weights === 0 ? 0 : 1 - left / weights,
      macs: { before: macs, after: macs === null ? null : Math.round((macs * left) / weights) },
      sensitivity: null,
    };
  });
  const sum = (of: (layer: LayerReport) => number): number => facts.reduce((total, layer) => total + of(layer), 0);
  const hasMacs = facts.every(({ macs }) => macs.before !== null);
  const known = losses.filter(({ loss }) => loss !== null);
  return {
    layers: facts,
    kept: sum((layer) => layer.kept),
    weights: sum((layer) => layer.weights),
    macs: hasMacs ? { before: sum(({ macs }) => macs.before ?? 0), after: sum(({ macs }) => macs.after ?? 0) } : null,
    loss: known.length < 2 ? null : between(known, budget, ({ loss }) => loss as number),
  };
}

type Level = Preview['levels'][number];

/** Linear between levels; at their ends as there. */
function between(levels: readonly Level[], budget: number, of: (level: Level) => number): number {
  const first = levels[0];
  if (first === undefined) return 0;
  let below = first;
  for (const level of levels) {
    if (level.budget >= budget) {
      const width = level.budget - below.budget;
      const share = width <= 0 ? 1 : Math.max(0, (budget - below.budget) / width);
      return of(below) + share * (of(level) - of(below));
    }
    below = level;
  }
  return of(below);
}
