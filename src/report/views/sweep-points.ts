import type { LayerReport } from '../report.ts';
import type { SweepCellReport, SweepReport } from '../sweep-report.ts';

/** One method at one budget, the mean over its seeds; what is not known is null. */
export interface SweepPoint {
  /** Unique in a sweep. */
  readonly key: string;
  readonly method: string;
  readonly budget: string;
  readonly cells: readonly SweepCellReport[];
  /** Recalibrated where that was asked for. */
  readonly accuracy: number | null;
  readonly loss: number | null;
  /** Largest minus smallest accuracy of the seeds; null for one. */
  readonly range: number | null;
  readonly sparsity: number;
  /** Multiply-accumulates of one sample that are left. */
  readonly macs: number | null;
  readonly bytes: number | null;
  readonly latency: number | null;
  /** Of the compiled models. */
  readonly compiled: { readonly [figure in 'accuracy' | 'bytes' | 'latency']: number | null };
  readonly predicted: number | null;
}

/** The points of a sweep, in the order of its cells. */
export function sweepPoints({ cells, dense }: SweepReport): SweepPoint[] {
  const groups = new Map<string, SweepCellReport[]>();
  for (const cell of cells) {
    const key = `${cell.method} at ${budgetOf(cell)}`;
    groups.set(key, [...(groups.get(key) ?? []), cell]);
  }
  return [...groups].map(([key, group]): SweepPoint => {
    const first = group[0] as SweepCellReport;
    const accuracies = group.flatMap((cell) => accuracyOf(cell) ?? []);
    const macs = mean(group, (cell) => cell.macs);
    return {
      key,
      method: first.method,
      budget: budgetOf(first),
      cells: group,
      accuracy: mean(group, accuracyOf),
      loss: mean(group, ({ loss, recalibrated }) => (recalibrated === null ? loss : recalibrated.loss)),
      range: accuracies.length < 2 ? null : Math.max(...accuracies) - Math.min(...accuracies),
      sparsity: mean(group, ({ nonzeros, prunable }) => 1 - nonzeros / prunable) ?? 0,
      macs: macs === null || dense.macs === null ? null : macs * dense.macs,
      bytes: mean(group, (cell) => cell.bytes),
      latency: mean(group, (cell) => cell.latency),
      compiled: {
        accuracy: mean(group, (cell) => cell.compiled?.accuracy ?? null),
        bytes: mean(group, (cell) => cell.compiled?.bytes ?? null),
        latency: mean(group, (cell) => cell.compiled?.latency ?? null),
      },
      predicted: mean(group, (cell) => cell.predictedLossChange),
    };
  });
}

/** A budget in words: `90 % zeros`, `30 % of the MACs`. */
function budgetOf({ sparsity, flops }: Pick<SweepCellReport, 'sparsity' | 'flops'>): string {
  const share = (x: number): string => `${Number((100 * x).toFixed(2))} %`;
  const parts = [
    ...(sparsity === null ? [] : [`${share(sparsity)} zeros`]),
    ...(flops === null ? [] : [`${share(flops)} of the MACs`]),
  ];
  return parts.join(' and ');
}

function accuracyOf({ accuracy, recalibrated }: SweepCellReport): number | null {
  return recalibrated === null ? accuracy : recalibrated.accuracy;
}

/** Null where one is not known: a mean of the rest would mislead. */
function mean(cells: readonly SweepCellReport[], of: (cell: SweepCellReport) => number | null): number | null {
  let sum = 0;
  for (const cell of cells) {
    const value = of(cell);
    if (value === null) return null;
    sum += value;
  }
  return cells.length === 0 ? null : sum / cells.length;
}

/** The layers of a point as those of a single run; of several seeds the mean of what was kept. */
export function layersAt({ layers }: SweepReport, { cells }: SweepPoint): LayerReport[] {
  return layers.map(({ name, op, shape, weights, macs }, i) => {
    const kept = Math.round(cells.reduce((sum, cell) => sum + (cell.kept[i] ?? 0), 0) / cells.length);
    const after = macs === null || weights === 0 ? null : Math.round((macs * kept) / weights);
    return {
      name,
      op,
      shape,
      weights,
      kept,
      removed: weights - kept,
      sparsity: weights === 0 ? 0 : 1 - kept / weights,
      macs: { before: macs, after },
      sensitivity: null,
      pattern: null,
    };
  });
}

/** Flags of a sweep that a single run has not, or has in another form; those that take a value. */
const VALUED = ['--methods', '--sparsity', '--flops', '--seeds', '-o', '--output', '--report'];
const BARE = ['--csv', '--json', '--latency'];

/** The command of the single run behind a point, of its first seed; null where the sweep's own is not known. */
export function commandAt({ command }: SweepReport, { cells }: SweepPoint): string[] | null {
  const first = cells[0];
  if (command === null || first === undefined) return null;
  const rest: string[] = [];
  for (let i = 2; i < command.length; i++) {
    const word = command[i] as string;
    if (VALUED.includes(word)) i += 1;
    else if (!BARE.includes(word) && !VALUED.some((flag) => word.startsWith(`${flag}=`))) rest.push(word);
  }
  const { method, sparsity, flops, seed } = first;
  return [
    command[0] as string,
    'prune',
    ...rest,
    '--method',
    method,
    ...(sparsity === null ? [] : ['--sparsity', String(sparsity)]),
    ...(flops === null ? [] : ['--flops', String(flops)]),
    '--seed',
    String(seed),
  ];
}
