import type { Method } from './methods.ts';
import type { SweepCell } from './sweep.ts';

/** Accuracy over the seeds of one method at one sparsity. */
export interface SweepSummary {
  readonly method: Method;
  readonly sparsity: number;
  readonly seeds: number;
  readonly accuracy: Spread | null;
  readonly recalibrated: Spread | null;
}

/** Mean, and the standard deviation of a sample (n - 1); null for a single one. */
export interface Spread {
  readonly mean: number;
  readonly sd: number | null;
}

/** Sums up the cells over their seeds, in the order of the cells. */
export function summarizeSweep(cells: readonly SweepCell[]): SweepSummary[] {
  const firsts = cells.filter((cell, i) => cells.findIndex((other) => isSame(cell, other)) === i);
  return firsts.map((first) => {
    const { method, sparsity } = first;
    const group = cells.filter((cell) => isSame(cell, first));
    return {
      method,
      sparsity,
      seeds: group.length,
      accuracy: spread(group.map((c) => c.accuracy)),
      recalibrated: spread(group.map((c) => c.recalibrated?.accuracy ?? null)),
    };
  });
}

function isSame(a: SweepCell, b: SweepCell): boolean {
  return a.method === b.method && a.sparsity === b.sparsity;
}

function spread(values: readonly (number | null)[]): Spread | null {
  const known = values.filter((x) => x !== null);
  if (known.length === 0) return null;
  const mean = known.reduce((sum, x) => sum + x, 0) / known.length;
  const squares = known.reduce((sum, x) => sum + (x - mean) ** 2, 0);
  return { mean, sd: known.length < 2 ? null : Math.sqrt(squares / (known.length - 1)) };
}
