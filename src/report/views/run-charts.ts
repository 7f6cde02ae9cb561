import type { ChartPoint, Series, XyChart } from '../charts/chart.ts';
import { percent } from '../figures.ts';
import type { Report } from '../report.ts';
import { FRONT_MEASURES, type FrontMeasure } from './front-measures.ts';
import { predictionChartOf } from './prediction-chart.ts';

/**
 * Accuracy against each measure that is known: the dense model, the pruned one, and by sparsity the stages on the way. One run has no
 * Pareto front; these are the points that a sweep would set it by.
 */
export function standingCharts(report: Report): XyChart[] {
  return (Object.keys(FRONT_MEASURES) as FrontMeasure[]).flatMap((measure) => standing(report, measure) ?? []);
}

interface Stand {
  readonly name: string;
  readonly x: number | null;
  readonly y: number | null;
}

function standing(report: Report, measure: FrontMeasure): XyChart | null {
  const { accuracy, recalibrated } = report;
  const [before, after] = measured(report, measure);
  const stands: Stand[] = [
    { name: 'Dense', x: before, y: accuracy.before },
    { name: 'Pruned', x: after, y: accuracy.after },
    ...(recalibrated === null ? [] : [{ name: 'Pruned and recalibrated', x: after, y: recalibrated.accuracy }]),
  ];
  const series = stands.flatMap(({ name, x, y }): Series[] =>
    x === null || y === null ? [] : [{ name, form: 'points', points: [{ x, y, strong: true }] }],
  );
  if (!series.some(({ name }) => name !== 'Dense')) return null;
  const { axis, name } = FRONT_MEASURES[measure];
  return {
    kind: 'xy',
    id: `standing-${measure}`,
    title: `Accuracy against ${name}`,
    x: { ...axis, fromZero: true },
    y: { label: 'Accuracy', quantity: 'share' },
    series: [...series, ...(measure === 'sparsity' ? way(report) : [])],
    ...(accuracy.before !== null && {
      lines: [{ axis: 'y' as const, value: accuracy.before, label: 'Accuracy of the dense model' }],
    }),
  };
}

/** Before and after; null where not known. */
function measured({ macs, bytes, latency, sparsity }: Report, measure: FrontMeasure): [number | null, number | null] {
  if (measure === 'sparsity') return [0, sparsity];
  if (measure === 'macs') return [macs.before, macs.after];
  if (measure === 'bytes') return [bytes.before?.brotli ?? null, bytes.after?.brotli ?? null];
  if (measure !== 'latency') return [null, null]; // a compiled model has no side before
  const one = latency?.find(({ batch }) => batch === 1);
  return [one?.before?.median ?? null, one?.after?.median ?? null];
}

function way({ stages }: Report): Series[] {
  const judged = stages.flatMap(({ sparsity, accuracy }, i): ChartPoint[] =>
    accuracy === null ? [] : [{ x: sparsity, y: accuracy, note: `stage ${i + 1}`, strong: false }],
  );
  const rows = stages[0]?.accuracyRows ?? 0;
  return judged.length < 2 ? [] : [{ name: `Stages, on ${rows} rows`, form: 'line', points: judged }];
}

/**
 * Predicted against achieved change of the loss: of each stage on gradient samples, of the run on the evaluation rows. A stage's change
 * is known where the next one computed its loss and nothing was trained in between. Null where nothing was predicted, or nothing measured.
 */
export function runPredictionChart(report: Report): XyChart | null {
  const { predicted, loss } = report;
  const whole =
    predicted?.lossChange == null || loss.before === null || loss.after === null
      ? []
      : [
          {
            x: predicted.lossChange,
            y: loss.after - loss.before,
            note: `at ${percent(report.sparsity)} zeros`,
            strong: true,
          },
        ];
  return predictionChartOf('run-prediction', [
    { name: 'The run, on evaluation rows', form: 'points', points: whole },
    { name: 'Each stage, on gradient samples', form: 'points', points: stageChanges(report) },
  ]);
}

function stageChanges({ stages, asked }: Report): ChartPoint[] {
  if (asked.options.training != null) return [];
  return stages.flatMap(({ loss, predictedLossChange }, i): ChartPoint[] => {
    const next = stages[i + 1]?.loss ?? null;
    if (loss === null || next === null || predictedLossChange === null) return [];
    return [{ x: predictedLossChange, y: next - loss, note: `stage ${i + 1}`, strong: true }];
  });
}

/** Why a report has no chart of predictions, in a sentence; null where it has one. */
export function whyNoPrediction(report: Report): string | null {
  if (runPredictionChart(report) !== null) return null;
  const { predicted, asked } = report;
  if (predicted === null || predicted.lossChange === null)
    return `Predicted against achieved loss is not shown: method ${asked.method} predicts no change of the loss.`;
  return 'Predicted against achieved loss is not shown: no loss was measured, since there were no evaluation rows.';
}
