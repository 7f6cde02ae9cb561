import { describe, expect, it } from 'vitest';
import { SAMPLE_SWEEP } from '../../../test/report/sample-sweep.ts';
import { bestPoint, frontChart, measuresOf, predictionChart } from './sweep-charts.ts';
import { commandAt, layersAt, sweepPoints } from './sweep-points.ts';

describe('the points of a sweep', () => {
  const points = sweepPoints(SAMPLE_SWEEP);

  it('are means over seeds, of recalibrated models where there are any', () => {
    expect(points.map(({ key }) => key).slice(0, 2)).toEqual(['magnitude at 50 % zeros', 'magnitude at 90 % zeros']);
    const chita = points.find(({ key }) => key === 'chita at 90 % zeros');
    expect(chita?.accuracy).toBeCloseTo(0.855);
    expect(chita?.range).toBeCloseTo(0.01);
    expect(chita?.macs).toBe(1_000_000);
  });

  it('know their layers, and the command of their first seed', () => {
    const chita = points.find(({ key }) => key === 'chita at 90 % zeros');
    if (chita === undefined) throw new Error('not there');
    expect(layersAt(SAMPLE_SWEEP, chita).map(({ kept, removed, macs }) => [kept, removed, macs.after])).toEqual([
      [40, 60, 400_000],
      [60, 840, 600_000],
    ]);
    expect(commandAt(SAMPLE_SWEEP, chita)?.join(' ')).toBe(
      'coppice prune net.onnx --data d --eval e --recalibrate --method chita --sparsity 0.9 --seed 1',
    );
  });
});

describe('the Pareto front', () => {
  it('has what no other point beats, by the measure of the chart', () => {
    const strong = (measure: 'sparsity' | 'bytes') =>
      frontChart(SAMPLE_SWEEP, measure)
        .series.flatMap(({ points }) => points)
        .filter((point) => point.strong && point.key)
        .map(({ key }) => key);
    expect(strong('sparsity').sort()).toEqual(['chita at 50 % zeros', 'chita at 90 % zeros']);
    expect(strong('bytes').sort()).toEqual(['chita at 50 % zeros', 'chita at 90 % zeros', 'magnitude at 90 % zeros']);
  });

  it('is shown for what is known alone', () => {
    expect(measuresOf(SAMPLE_SWEEP)).toEqual(['sparsity', 'macs', 'bytes']);
  });

  it('begins with the sparsest point that loses little', () => {
    expect(bestPoint(SAMPLE_SWEEP)?.key).toBe('chita at 50 % zeros');
  });
});

describe('predictionChart', () => {
  it('has methods that predict', () => {
    expect(predictionChart(SAMPLE_SWEEP)?.series.map(({ name, points }) => [name, points.length])).toEqual([
      ['chita', 2],
    ]);
  });
});
