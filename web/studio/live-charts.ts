import type { Axis, ChartPoint, XyChart } from '../../src/report/charts/chart.ts';
import type { Live } from './live.ts';

const SHARE: Axis = { label: 'Accuracy', quantity: 'share' };
const LOSS: Axis = { label: 'Loss, nats', quantity: 'number' };

/** The charts of a run that goes on: what its events know up to now. */
export function liveCharts({ stages, epochs, cells }: Live): XyChart[] {
  const judged = stages.flatMap(({ stage, accuracy }) => (accuracy === null ? [] : [{ x: stage, y: accuracy }]));
  const lost = epochs.map(({ epoch, loss }) => ({ x: epoch, y: loss }));
  return [
    ...(stages.length > 0 ? [over('live-accuracy', 'Accuracy after each stage', 'Stage', SHARE, judged)] : []),
    ...(epochs.length > 0 ? [over('live-loss', 'Training loss', 'Epoch', LOSS, lost)] : []),
    ...sweepChart(cells),
  ];
}

function over(id: string, title: string, x: string, y: Axis, points: readonly ChartPoint[]): XyChart {
  return {
    kind: 'xy',
    id,
    title,
    x: { label: x, quantity: 'number', whole: true },
    y,
    series: [{ name: y.label, form: 'line', points }],
  };
}

/** Accuracy against the budget that was asked for, a series a method. */
function sweepChart(cells: Live['cells']): XyChart[] {
  const isMacs = cells.some(({ flops, sparsity }) => flops !== null && sparsity === null);
  const methods = [...new Set(cells.map(({ method }) => method))];
  if (methods.length === 0) return [];
  const series = methods.map((name) => ({
    name,
    form: 'line' as const,
    points: cells
      .flatMap(({ method, sparsity, flops, accuracy }): ChartPoint[] => {
        const x = isMacs ? flops : sparsity;
        return method !== name || x === null || accuracy === null ? [] : [{ x, y: accuracy }];
      })
      .sort((a, b) => a.x - b.x),
  }));
  const x: Axis = { label: isMacs ? 'MACs that are left' : 'Sparsity', quantity: 'share' };
  return [{ kind: 'xy', id: 'live-sweep', title: 'Accuracy of each run', x, y: SHARE, series }];
}
