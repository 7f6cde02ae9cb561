import type { Method } from '../methods/list.ts';
import type { SweepCell } from './sweep.ts';

/** Accuracy over the seeds of one method at one budget. */
export interface SweepSummary {
  readonly method: Method;
  readonly sparsity: number | null;
  readonly flops: number | null;
  readonly seeds: number;
  readonly accuracy: Spread | null;
  readonly recalibrated: Spread | null;
  /** Mean shares of nonzeros and of MACs that are left. */
  readonly nonzeros: number;
  readonly macs: number | null;
  /** Whether no other entry is at least as accurate and as small in both shares, and better in one. */
  readonly pareto: boolean;
}

/** Mean, and the standard deviation of a sample (n - 1); null for a single one. */
export interface Spread {
  readonly mean: number;
  readonly sd: number | null;
}

/** Sums up the cells over their seeds, in the order of the cells. */
export function summarizeSweep(cells: readonly SweepCell[]): SweepSummary[] {
  const firsts = cells.filter((cell, i) => cells.findIndex((other) => isSame(cell, other)) === i);
  const entries = firsts.map((first) => {
    const { method, sparsity, flops } = first;
    const group = cells.filter((cell) => isSame(cell, first));
    return {
      method,
      sparsity,
      flops,
      seeds: group.length,
      accuracy: spread(group.map((c) => c.accuracy)),
      recalibrated: spread(group.map((c) => c.recalibrated?.accuracy ?? null)),
      nonzeros: mean(group.map((c) => c.nonzeros / c.prunable)),
      macs: group.some((c) => c.macs === null) ? null : mean(group.map((c) => c.macs as number)),
    };
  });
  return entries.map((entry) => ({ ...entry, pareto: !entries.some((other) => dominates(other, entry)) }));
}

function isSame(a: SweepCell, b: SweepCell): boolean {
  return a.method === b.method && a.sparsity === b.sparsity && a.flops === b.flops;
}

type Entry = Omit<SweepSummary, 'pareto'>;

/** Recalibrated where it was asked for; unknown accuracy is the worst, unknown MACs are taken as all of them. */
function dominates(a: Entry, b: Entry): boolean {
  const marks = ({ accuracy, recalibrated, nonzeros, macs }: Entry): number[] => [
    (recalibrated ?? accuracy)?.mean ?? -1,
    -nonzeros,
    -(macs ?? 1),
  ];
  const [own, others] = [marks(a), marks(b)];
  return own.every((x, i) => x >= (others[i] as number)) && own.some((x, i) => x > (others[i] as number));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, x) => sum + x, 0) / values.length;
}

function spread(values: readonly (number | null)[]): Spread | null {
  const known = values.filter((x) => x !== null);
  if (known.length === 0) return null;
  const average = mean(known);
  const squares = known.reduce((sum, x) => sum + (x - average) ** 2, 0);
  return { mean: average, sd: known.length < 2 ? null : Math.sqrt(squares / (known.length - 1)) };
}
