import { describe, expect, it } from 'vitest';
import { SAMPLE_FACTS } from '../../test/report/sample-facts.ts';
import { makeReport } from './make-report.ts';
import type { Report } from './report.ts';
import { summaryRows } from './summary.ts';

const sample = makeReport(SAMPLE_FACTS);

function latencyRow(before: number | null, after: number | null): string | undefined {
  const figures = (ms: number | null) => (ms === null ? null : { median: ms, p10: ms, p90: ms, runs: 5 });
  const report: Report = { ...sample, latency: [{ batch: 4, before: figures(before), after: figures(after) }] };
  return summaryRows(report).find((row) => row.label === 'Latency, batch 4')?.change;
}

describe('summaryRows', () => {
  it('shows recalibrated figures in rows of their own, against the dense model', () => {
    const rows = summaryRows(sample);
    expect(rows[0]).toEqual({ label: 'Accuracy', before: '91.44 %', after: '83.12 %', change: '-8.32 points' });
    expect(rows[1]).toEqual({
      label: 'Accuracy after recalibration',
      before: '91.44 %',
      after: '87.45 %',
      change: '-3.99 points',
    });
  });

  it('leaves out figures of which neither side is known', () => {
    const none = { before: null, after: null };
    const labels = summaryRows({
      ...sample,
      accuracy: none,
      loss: none,
      recalibrated: null,
      bytes: none,
      latency: null,
    }).map((row) => row.label);
    expect(labels).toEqual(['Nonzero prunable weights', 'MACs of one sample']);
  });

  it.each([
    [10, 10.4, 'unchanged'],
    [10, 9.7, 'unchanged'],
    [30, 10, '3.00x faster'],
    [10, 12, '1.20x slower'],
    [10, null, ''],
  ])('calls %s ms to %s ms "%s"', (before, after, change) => {
    expect(latencyRow(before, after)).toBe(change);
  });
});
