import type { BarChart, BarTint } from '../charts/chart.ts';
import type { LayerReport } from '../report.ts';

/** What the layers' bars measure. */
export type LayerMeasure = 'weights' | 'macs' | 'share';

/** A bar a layer: kept and removed weights, multiply-accumulates, or shares; tinted by sensitivity where it is known. */
export function layerChart(layers: readonly LayerReport[], measure: LayerMeasure): BarChart {
  const part = PARTS[measure];
  const tint = tintOf(layers);
  return {
    kind: 'bars',
    id: `layers-${measure}`,
    title: part.title,
    categories: layers.map(({ name }) => name),
    categoryLabel: 'Layer',
    value: { label: part.label, quantity: part.quantity, fromZero: true },
    stacks: [
      { name: 'Kept', look: 'kept', values: layers.map((layer) => part.of(layer)?.[0] ?? null) },
      { name: 'Removed', look: 'removed', values: layers.map((layer) => part.of(layer)?.[1] ?? null) },
    ],
    ...(tint && { tint }),
  };
}

/** Whether the layers' multiply-accumulates are known. */
export function hasMacs(layers: readonly LayerReport[]): boolean {
  return layers.some(({ macs }) => macs.before !== null && macs.after !== null);
}

interface Part {
  readonly title: string;
  readonly label: string;
  readonly quantity: 'count' | 'share';
  /** Kept and removed; null where not known. */
  of(layer: LayerReport): [number, number] | null;
}

const PARTS: Readonly<Record<LayerMeasure, Part>> = {
  weights: {
    title: 'Weights of each layer',
    label: 'Weights',
    quantity: 'count',
    of: ({ kept, removed }) => [kept, removed],
  },
  macs: {
    title: 'Multiply-accumulates of each layer',
    label: 'MACs of one sample',
    quantity: 'count',
    of: ({ macs: { before, after } }) => (before === null || after === null ? null : [after, before - after]),
  },
  share: {
    title: 'Share of each layer that is kept',
    label: 'Share of the layer',
    quantity: 'share',
    of: ({ sparsity }) => [1 - sparsity, sparsity],
  },
};

function tintOf(layers: readonly LayerReport[]): BarTint | null {
  const values = layers.map(({ sensitivity }) => sensitivity ?? null);
  if (values.every((x) => x === null)) return null;
  return { label: 'sensitivity', quantity: 'number', values };
}
