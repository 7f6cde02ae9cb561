import type { SweepCellReport, SweepReport } from '../../src/report/sweep-report.ts';
import { SAMPLE_FACTS } from './sample-facts.ts';

type Figures = [method: string, sparsity: number, seed: number, accuracy: number, again: number, bytes: number];

const CELLS: readonly Figures[] = [
  ['magnitude', 0.5, 1, 0.8, 0.88, 300_000],
  ['magnitude', 0.9, 1, 0.4, 0.7, 90_000],
  ['chita', 0.5, 1, 0.9, 0.91, 290_000],
  ['chita', 0.5, 2, 0.9, 0.91, 290_000],
  ['chita', 0.9, 1, 0.7, 0.85, 100_000],
  ['chita', 0.9, 2, 0.7, 0.86, 100_000],
];

function cell([method, sparsity, seed, accuracy, again, bytes]: Figures): SweepCellReport {
  const nonzeros = Math.round(1000 * (1 - sparsity));
  return {
    method,
    sparsity,
    flops: null,
    seed,
    accuracy,
    loss: 1 - accuracy,
    recalibrated: { accuracy: again, loss: 1 - again },
    nonzeros,
    prunable: 1000,
    macs: nonzeros / 1000,
    objective: null,
    predictedLossChange: method === 'magnitude' ? null : sparsity / 10,
    kept: [Math.round(nonzeros * 0.4), nonzeros - Math.round(nonzeros * 0.4)],
    bytes,
    latency: null,
    compiled: null,
    seconds: 1,
  };
}

/** An invented sweep: two methods, two sparsities, two seeds. */
export const SAMPLE_SWEEP: SweepReport = {
  schema: 'coppice/sweep@1',
  tool: SAMPLE_FACTS.tool,
  runtime: SAMPLE_FACTS.runtime,
  platform: SAMPLE_FACTS.platform,
  command: [
    'coppice',
    'sweep',
    'net.onnx',
    '--methods',
    'magnitude,chita',
    '--sparsity',
    '0.5,0.9',
    '--seeds',
    '1,2',
  ].concat(['--data', 'd', '--eval', 'e', '--recalibrate', '--report', 'r', '--json']),
  model: SAMPLE_FACTS.model,
  data: SAMPLE_FACTS.data,
  eval: SAMPLE_FACTS.eval,
  dense: { accuracy: 0.914, loss: 0.3, bytes: 468_000, latency: null, compiled: null, macs: 10_000_000 },
  methods: ['magnitude', 'chita'],
  sparsities: [0.5, 0.9],
  flops: null,
  seeds: [1, 2],
  layers: [
    { name: 'conv1', op: 'Conv', shape: [10, 10], weights: 100, macs: 1_000_000 },
    { name: 'conv2', op: 'Conv', shape: [30, 30], weights: 900, macs: 9_000_000 },
  ],
  cells: CELLS.map(cell),
  seconds: { sweep: 10 },
  peakRssMB: 100,
  warnings: [],
};
