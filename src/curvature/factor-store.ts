import { allocate } from '../engine/kernels/arena.ts';
import { multiplyOut, type OuterFactors } from './outer-products.ts';
import type { Panel } from './panel.ts';
import { columnParts, type FactorSizes, type MakeStore, type OuterRows } from './row-store.ts';

/** The factors of a layer. */
interface Kept extends OuterRows {
  readonly sizes: FactorSizes;
}

/**
 * Rows that are outer products, kept as their factors: n (a + b) numbers of a layer [a, b] in the place of n a b. Columns are
 * picked from the factors; who asks for the elements gets them multiplied out, to the same bits as those of rows that came whole.
 *
 * @param base        keeps the layers that are no such products
 * @param blockBytes  of a panel that is multiplied out
 * Cost: n a b multiplications each time a layer is gone through.
 */
export function asFactors(base: MakeStore, blockBytes: number): MakeStore {
  return (n, sizes, factors = []) => {
    const isWhole = (layer: number): boolean => (factors[layer] ?? null) === null;
    const whole = sizes.flatMap((_, layer) => (isWhole(layer) ? [layer] : []));
    const rest = base(
      n,
      whole.map((layer) => sizes[layer] as number),
    );
    const kept = new Map<number, Kept>();
    factors.forEach((lengths, layer) => {
      if (lengths === null) return;
      const [a, b] = lengths;
      const [left, right] = allocate([n * a, n * b]) as [Float32Array, Float32Array];
      kept.set(layer, { left, right, sizes: lengths });
    });
    return {
      put(layer, at, rows) {
        const factor = kept.get(layer);
        if (factor === undefined) return rest.put(whole.indexOf(layer), at, rows);
        const [a, b] = factor.sizes;
        const { left, right } = rows as OuterRows;
        factor.left.set(left.subarray(0, at.count * a), at.first * a);
        factor.right.set(right.subarray(0, at.count * b), at.first * b);
      },
      panels: () => {
        const starts = sizes.map((_, i) => sizes.slice(0, i).reduce((sum, size) => sum + size, 0));
        const layers = rest.panels().map((panel, i) => {
          const own = panel.layer ?? i;
          const [layer, before] = [whole[own] as number, startOf(whole, sizes, own)];
          return { ...panel, layer, start: panel.start - before + (starts[layer] as number) };
        });
        const bring = multiplier(n, blockBytes);
        const outer = [...kept].flatMap(([layer, factor]) =>
          bring(factor).map((part): Panel => ({ ...part, layer, start: (starts[layer] as number) + part.start })),
        );
        return [...layers, ...outer].sort((one, two) => one.start - two.start);
      },
      release: () => rest.release(),
    };
  };
}

/** Where a layer of the rest begins among the rest. */
function startOf(whole: readonly number[], sizes: readonly number[], own: number): number {
  return whole.slice(0, own).reduce((sum, layer) => sum + (sizes[layer] as number), 0);
}

/** Parts a layer into panels of at most so many bytes, all multiplied out, where that is asked for, into one buffer. */
function multiplier(n: number, blockBytes: number): (kept: Kept) => Panel[] {
  let buffer: Float32Array = new Float32Array(0);
  let inside: OuterFactors | null = null;
  return ({ left, right, sizes: [a, b] }) => {
    return columnParts(n, a * b, blockBytes).map(({ from, width }): Panel => {
      const factors: OuterFactors = { left, right, a, b, from, to: from + width };
      return {
        start: from,
        width,
        factors,
        data: async () => {
          if (buffer.length < n * width) [buffer, inside] = [allocate([n * width])[0] as Float32Array, null];
          const out = buffer.subarray(0, n * width);
          if (inside !== factors) multiplyOut(factors, out);
          inside = factors;
          return out;
        },
      };
    });
  };
}
