import type { DataFacts, MethodFacts, Settings } from './protocol.ts';

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

/** A method's own settings, with no more samples than the data has. */
export function fittingSettings(
  settings: Form,
  { method, data, split }: { method: MethodFacts; data: DataFacts | null; split: boolean },
): Form {
  const rows = data === null ? Number.POSITIVE_INFINITY : rowsToLearnFrom(data.count, split);
  const batch = Math.min(method.batch, Math.max(1, rows));
  const samples = Math.max(1, Math.min(method.samples, Math.floor(rows / batch)));
  return { ...settings, samples, batch, lambda: method.lambda };
}

/** Bytes that gradient rows take: four a weight and row. */
export function gradientBytes({ samples }: Settings, prunable: number): number {
  return 4 * samples * prunable;
}
