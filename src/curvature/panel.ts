import type { OuterFactors } from './outer-products.ts';

/** The gradient rows of one layer, or of some of its columns: [n, width], row-major f32. */
export interface Panel {
  /** First column of the panel among the p prunable weights. */
  readonly start: number;
  readonly width: number;
  /** Number of the layer; absent where each layer has one panel. */
  readonly layer?: number;
  /** The elements, or what brings them: see {@link elementsOf}. */
  readonly data: Float32Array | (() => Promise<Float32Array>);
  /** What the elements are products of, where they are outer products in each row. */
  readonly factors?: OuterFactors;
  /** Factors of the columns, [width]: the panel stands for data * scale. Absent = ones. */
  readonly scale?: Float64Array;
}

/**
 * The elements of a panel. Those of a panel that is not kept in memory stay as they are until the next panel of the same rows
 * is brought: finish with one before asking for another.
 */
export async function elementsOf({ data }: Panel): Promise<Float32Array> {
  return typeof data === 'function' ? data() : data;
}

/** Weights of each layer, whose panels may be several. */
export function layerSizes({ panels }: { readonly panels: readonly Panel[] }): number[] {
  const sizes: number[] = [];
  panels.forEach(({ width, layer = sizes.length }) => {
    sizes[layer] = (sizes[layer] ?? 0) + width;
  });
  return sizes;
}
