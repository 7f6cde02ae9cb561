import type { ChartPoint, XyChart } from '../charts/chart.ts';
import { percent } from '../figures.ts';
import type { SweepReport } from '../sweep-report.ts';
import { FRONT_MEASURES, type FrontMeasure } from './front-measures.ts';
import { predictionChartOf } from './prediction-chart.ts';
import { type SweepPoint, sweepPoints } from './sweep-points.ts';

interface Against {
  /** Whether less is better. */
  readonly less: boolean;
  of(point: SweepPoint): number | null;
  dense(sweep: SweepReport): number | null;
  /** The accuracy that belongs to it. */
  accuracy?(point: SweepPoint): number | null;
}

const compiledAccuracy = ({ compiled }: SweepPoint): number | null => compiled.accuracy;

const AGAINST: Readonly<Record<FrontMeasure, Against>> = {
  sparsity: { less: false, of: ({ sparsity }) => sparsity, dense: () => 0 },
  macs: { less: true, of: ({ macs }) => macs, dense: ({ dense }) => dense.macs },
  bytes: { less: true, of: ({ bytes }) => bytes, dense: ({ dense }) => dense.bytes },
  latency: { less: true, of: ({ latency }) => latency, dense: ({ dense }) => dense.latency },
  compiledBytes: {
    less: true,
    of: ({ compiled }) => compiled.bytes,
    dense: ({ dense }) => dense.compiled?.bytes ?? null,
    accuracy: compiledAccuracy,
  },
  compiledLatency: {
    less: true,
    of: ({ compiled }) => compiled.latency,
    dense: ({ dense }) => dense.compiled?.latency ?? null,
    accuracy: compiledAccuracy,
  },
};

/** The measures of which a sweep knows something, in the order of the page. */
export function measuresOf(sweep: SweepReport): FrontMeasure[] {
  const points = sweepPoints(sweep).filter(({ accuracy }) => accuracy !== null);
  return (Object.keys(AGAINST) as FrontMeasure[]).filter((measure) =>
    points.some((point) => AGAINST[measure].of(point) !== null),
  );
}

/** Accuracy against a measure, a series a method; filled markers are on the Pareto front, the dense model is a line. */
export function frontChart(sweep: SweepReport, measure: FrontMeasure): XyChart {
  const { less, of, dense, accuracy: accuracyOf = ({ accuracy }) => accuracy } = AGAINST[measure];
  const { axis, name } = FRONT_MEASURES[measure];
  const known = sweepPoints(sweep).flatMap((point) => {
    const [x, y] = [of(point), accuracyOf(point)];
    return x === null || y === null ? [] : [{ point, x, y }];
  });
  const front = frontOf(known, less);
  const series = sweep.methods.map((method) => ({
    name: method,
    // times are noisy: a line through them would be a scribble
    form: measure === 'latency' || measure === 'compiledLatency' ? ('points' as const) : ('line' as const),
    points: known
      .filter(({ point }) => point.method === method)
      .sort((a, b) => a.x - b.x)
      .map((one): ChartPoint => {
        const { key, budget, range } = one.point;
        const note = range === null ? budget : `${budget}, seeds differ by ${percent(range)}`;
        return { x: one.x, y: one.y, key, note, strong: front.has(key) };
      }),
  }));
  const at = dense(sweep);
  return {
    kind: 'xy',
    id: `front-${measure}`,
    title: `Accuracy against ${name}`,
    x: axis,
    y: { label: 'Accuracy', quantity: 'share' },
    series: [
      ...series.filter(({ points }) => points.length > 0),
      ...(at === null || sweep.dense.accuracy === null
        ? []
        : [{ name: 'Dense', form: 'points' as const, points: [{ x: at, y: sweep.dense.accuracy, strong: true }] }]),
    ],
    ...(sweep.dense.accuracy !== null && {
      lines: [{ axis: 'y' as const, value: sweep.dense.accuracy, label: 'Accuracy of the dense model' }],
    }),
  };
}

/** Keys of the points that no other beats in accuracy without being worse in the measure. */
export function frontOf(
  points: readonly { readonly point: SweepPoint; readonly x: number; readonly y: number }[],
  less: boolean,
): Set<string> {
  const sign = less ? -1 : 1;
  const sorted = [...points].sort((a, b) => sign * (b.x - a.x) || b.y - a.y);
  const front = new Set<string>();
  let best = Number.NEGATIVE_INFINITY;
  for (const { point, y } of sorted) {
    if (y <= best) continue;
    best = y;
    front.add(point.key);
  }
  return front;
}

/** Points of which accuracy falls by at most this are taken for as good as the dense model. */
const GOOD = 0.01;

/** The point that a page shows first: the sparsest of those that lose at most one point, else the most accurate. */
export function bestPoint(sweep: SweepReport): SweepPoint | null {
  const points = sweepPoints(sweep).filter(({ accuracy }) => accuracy !== null);
  const dense = sweep.dense.accuracy;
  const good = dense === null ? [] : points.filter(({ accuracy }) => dense - (accuracy as number) <= GOOD);
  if (good.length > 0) return good.reduce((a, b) => (b.sparsity > a.sparsity ? b : a));
  return points.length === 0
    ? null
    : points.reduce((a, b) => ((b.accuracy as number) > (a.accuracy as number) ? b : a));
}

/** Predicted against achieved change of the loss; null where no method predicts. */
export function predictionChart(sweep: SweepReport): XyChart | null {
  const { loss: dense } = sweep.dense;
  if (dense === null) return null;
  const series = sweep.methods.map((method) => ({
    name: method,
    form: 'points' as const,
    points: sweepPoints(sweep)
      .filter((point) => point.method === method)
      .flatMap(({ key, budget, predicted, cells }): ChartPoint[] => {
        const losses = cells.map(({ loss }) => loss);
        if (predicted === null || losses.some((loss) => loss === null)) return [];
        const achieved = losses.reduce((sum: number, loss) => sum + (loss as number), 0) / losses.length - dense;
        return [{ x: predicted, y: achieved, key, note: budget, strong: true }];
      }),
  }));
  return predictionChartOf('prediction', series);
}
