import type { Series, XyChart } from '../charts/chart.ts';

/** Predicted against achieved changes of the loss, in nats; series without points are left out. Null where all are. */
export function predictionChartOf(id: string, all: readonly Series[]): XyChart | null {
  const series = all.filter(({ points }) => points.length > 0);
  if (series.length === 0) return null;
  return {
    kind: 'xy',
    id,
    title: 'Change of the loss, predicted and achieved',
    x: { label: 'Predicted by the quadratic model, nats', quantity: 'number' },
    y: { label: 'Achieved, nats', quantity: 'number' },
    series,
    diagonal: 'As predicted',
  };
}
