import { describe, expect, it } from 'vitest';
import { SAMPLE_FACTS } from '../../../test/report/sample-facts.ts';
import { makeReport, type ReportFacts } from '../make-report.ts';
import { runPredictionChart, standingCharts, whyNoPrediction } from './run-charts.ts';
import { stageCharts } from './stage-charts.ts';

const report = (more: Partial<ReportFacts> = {}) => makeReport({ ...SAMPLE_FACTS, ...more });

const stage = (sparsity: number, loss: number, predictedLossChange: number) => ({
  sparsity,
  loss,
  accuracy: 1 - sparsity / 2,
  accuracyRows: 100,
  objective: { before: null, after: null },
  predictedLossChange,
  seconds: { gradients: 1, solve: 1 },
});
const STAGES = [stage(0.3, 0.2, 0.05), stage(0.6, 0.26, 0.1), stage(0.9, 0.5, 0.3)];

describe('where a run stands', () => {
  it('has the dense and the pruned model by each measure that is known', () => {
    const charts = standingCharts(report());
    expect(charts.map(({ id }) => id)).toEqual([
      'standing-sparsity',
      'standing-macs',
      'standing-bytes',
      'standing-latency',
    ]);
    const macs = charts[1]?.series.map(({ name, points }) => [name, points[0]?.x, points[0]?.y]);
    expect(macs).toEqual([
      ['Dense', 30_812_160, 0.9144],
      ['Pruned', 3_402_880, 0.8312],
      ['Pruned and recalibrated', 3_402_880, 0.8745],
    ]);
  });

  it('has the stages on the way, by sparsity', () => {
    const [sparsity, macs] = standingCharts(report({ stages: STAGES }));
    expect(sparsity?.series.at(-1)).toMatchObject({ name: 'Stages, on 100 rows', form: 'line' });
    expect(sparsity?.series.at(-1)?.points.map(({ x, y }) => [x, y])).toEqual([
      [0.3, 0.85],
      [0.6, 0.7],
      [0.9, 0.55],
    ]);
    expect(macs?.series.map(({ name }) => name)).not.toContain('Stages, on 100 rows');
  });

  it('is not shown where no accuracy is known', () => {
    const none = { before: null, after: null };
    expect(standingCharts(report({ accuracy: none, recalibrated: null }))).toEqual([]);
  });
});

describe('the ridges of a run in stages', () => {
  it('are shown where the data chose them', () => {
    const chosen = STAGES.map((each, i) => ({ ...each, lambda: i === 1 ? 1e-3 : 1e-2 }));
    const ridges = stageCharts(report({ stages: chosen })).find(({ id }) => id === 'stages-lambda');
    expect(ridges?.series[0]?.points).toEqual([1e-2, 1e-3, 1e-2].map((y, i) => ({ x: i + 1, y })));
    expect(stageCharts(report({ stages: STAGES })).map(({ id }) => id)).not.toContain('stages-lambda');
  });
});

describe('what was predicted of a run', () => {
  it('stands against what was achieved: of the run, and of each stage that another one follows', () => {
    const chart = runPredictionChart(report({ stages: STAGES }));
    expect(chart?.series.map(({ points }) => points.map(({ x, y }) => [x, Number(y.toFixed(4))]))).toEqual([
      [[0.2113, 0.2541]],
      [
        [0.05, 0.06],
        [0.1, 0.24],
      ],
    ]);
    expect(whyNoPrediction(report())).toBeNull();
  });

  it('has no stages where something was trained in between', () => {
    const options = { ...SAMPLE_FACTS.asked.options, training: { epochs: [] } };
    const chart = runPredictionChart(report({ stages: STAGES, asked: { ...SAMPLE_FACTS.asked, options } }));
    expect(chart?.series.map(({ name }) => name)).toEqual(['The run, on evaluation rows']);
  });

  it('is said to be missing, and why', () => {
    expect(whyNoPrediction(report({ predicted: null }))).toContain('chita++ predicts no change');
    expect(whyNoPrediction(report({ loss: { before: null, after: null } }))).toContain('no loss was measured');
  });
});
