import type { DataFacts, Settings } from './protocol.ts';

/** Settings that a form may change. */
export type Form = { -readonly [Name in keyof Settings]: Settings[Name] };

/** The settings as the form begins; those of gradients are the method's own as soon as it is known. */
export function initialSettings(): Form {
  return {
    method: 'chita',
    sparsity: 0.9,
    scope: 'global',
    samples: 1000,
    batch: 1,
    lambda: 1e-3,
    seed: 1,
    recalibrate: false,
    labels: 'data',
    latency: true,
  };
}

/** Rows that are left for gradients where a fifth, at most 2000, is held out. */
function rowsToLearnFrom(count: number, split: boolean): number {
  return split ? count - Math.min(2000, Math.floor(count / 5)) : count;
}

/** The settings with no more samples than the data has. */
export function fittingRows(settings: Form, { data, split }: { data: DataFacts | null; split: boolean }): Form {
  if (data === null) return settings;
  const rows = Math.max(1, rowsToLearnFrom(data.count, split));
  const batch = Math.min(settings.batch, rows);
  return { ...settings, batch, samples: Math.max(1, Math.min(settings.samples, Math.floor(rows / batch))) };
}

/** Bytes that gradient rows take: four a weight and row. */
export function gradientBytes({ samples }: Settings, prunable: number): number {
  return 4 * samples * prunable;
}
