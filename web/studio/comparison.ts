import type { RunSummary } from '../../src/cli/studio/schema.ts';
import type { ReferenceLine, XyChart } from '../../src/report/charts/chart.ts';
import type { SweepReport } from '../../src/report/sweep-report.ts';
import { sweepPoints } from '../../src/report/views/sweep-points.ts';

/** A run, or a point of a sweep, as it is compared; what is not known is null. */
export interface Compared
  extends Pick<RunSummary, 'id' | 'name' | 'model' | 'sparsity' | 'before' | 'after' | 'macs' | 'bytes' | 'latency'> {
  readonly method: string;
  /** What it belongs to among the series of the chart. */
  readonly series: string;
}

/** What a run is compared by: a sweep by its points, as soon as they are there. */
export function comparedOf(run: RunSummary, sweep: SweepReport | undefined): Compared[] {
  const method = run.method ?? '';
  if (run.kind === 'run') return [{ ...run, method, series: method }];
  if (sweep === undefined) return [];
  const { dense } = sweep;
  return sweepPoints(sweep).map((point) => ({
    id: run.id,
    name: `${run.name}, ${point.budget}`,
    model: run.model,
    method: point.method,
    series: `${run.name}: ${point.method}`,
    sparsity: point.sparsity,
    before: dense.accuracy,
    after: point.accuracy,
    macs: point.macs === null || !dense.macs ? null : point.macs / dense.macs,
    bytes: point.bytes,
    latency: point.latency,
  }));
}

/** Accuracy against sparsity: a series a method of single runs, and a line a method of each sweep. */
export function comparisonChart(entries: readonly Compared[]): XyChart {
  const known = entries.filter(({ sparsity, after }) => sparsity !== null && after !== null);
  const dense = denseLines(known);
  const names = [...new Set(known.map(({ series }) => series))];
  return {
    kind: 'xy',
    id: 'compared-runs',
    title: 'Accuracy against sparsity',
    x: { label: 'Sparsity', quantity: 'share' },
    y: { label: 'Accuracy', quantity: 'share' },
    series: names.map((name) => {
      const own = known.filter(({ series }) => series === name);
      return {
        name,
        form: own.some(({ method }) => method !== name) ? 'line' : 'points',
        points: own
          .map((one) => ({
            x: one.sparsity as number,
            y: one.after as number,
            note: one.name,
            key: one.id,
            strong: true,
          }))
          .sort((a, b) => a.x - b.x),
      };
    }),
    lines: dense,
  };
}

/** A line for each model; evaluated on the same rows its accuracy is the same in all runs. */
function denseLines(entries: readonly Compared[]): ReferenceLine[] {
  const lines = new Map<string, ReferenceLine>();
  for (const { model, before } of entries) {
    const key = `${model} ${before}`;
    if (before !== null && !lines.has(key))
      lines.set(key, { axis: 'y', value: before, label: `Dense ${model ?? 'model'}` });
  }
  return [...lines.values()];
}
