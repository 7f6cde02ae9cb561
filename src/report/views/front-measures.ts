import type { Axis } from '../charts/chart.ts';

/** What accuracy is set against. */
export type FrontMeasure = 'sparsity' | 'macs' | 'bytes' | 'latency' | 'compiledBytes' | 'compiledLatency';

/** The axis of each measure, and how titles name it. */
export const FRONT_MEASURES: Readonly<Record<FrontMeasure, { readonly axis: Axis; readonly name: string }>> = {
  sparsity: { axis: { label: 'Sparsity', quantity: 'share' }, name: 'sparsity' },
  macs: { axis: { label: 'MACs of one sample', quantity: 'count' }, name: 'multiply-accumulates' },
  bytes: { axis: { label: 'Model file by brotli', quantity: 'bytes' }, name: 'compressed size' },
  latency: { axis: { label: 'Latency, batch 1', quantity: 'milliseconds' }, name: 'latency' },
  compiledBytes: { axis: { label: 'Compiled model by brotli', quantity: 'bytes' }, name: 'compiled size' },
  compiledLatency: {
    axis: { label: 'Latency of the compiled model', quantity: 'milliseconds' },
    name: 'compiled latency',
  },
};
