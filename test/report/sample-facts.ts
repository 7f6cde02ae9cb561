import type { LayerFacts, ReportFacts } from '../../src/report/make-report.ts';

/** Output channels, input channels, kernel, output pixels and nonzeros of the sample's layers. */
const LAYERS: readonly (readonly [string, number, number, number, number, number])[] = [
  ['conv1.weight', 16, 3, 3, 1024, 311],
  ['layer1.0.conv1.weight', 16, 16, 3, 1024, 802],
  ['layer1.0.conv2.weight', 16, 16, 3, 1024, 745],
  ['layer2.0.conv1.weight', 32, 16, 3, 256, 1212],
  ['layer2.0.conv2.weight', 32, 32, 3, 256, 1530],
  ['layer3.0.conv1.weight', 64, 32, 3, 64, 1904],
  ['layer3.0.conv2.weight', 64, 64, 3, 64, 0],
  ['layer3.1.conv1.weight', 64, 64, 3, 64, 1577],
];

function layer([name, out, inputs, kernel, pixels, kept]: (typeof LAYERS)[number]): LayerFacts {
  const weights = out * inputs * kernel * kernel;
  const macs = { before: weights * pixels, after: kept * pixels };
  return { name, op: 'Conv', shape: [out, inputs, kernel, kernel], weights, kept, macs };
}

/** Facts of an invented run, with every field filled in. */
export const SAMPLE_FACTS: ReportFacts = {
  tool: { name: 'coppice', version: '0.1.0' },
  runtime: { name: 'onnxruntime-node', version: '1.30.0', threads: 2 },
  platform: { node: '20.20.2', os: 'linux x64', cpu: 'A processor with two cores' },
  command: ['coppice', 'prune', 'models/small net.onnx', '--data', 'cifar10:train.bin[0:1000]', '--sparsity', '0.9'],
  seed: 1,
  model: { name: 'small net.onnx', sha256: 'a3f1'.repeat(16), bytes: 512_340 },
  output: { name: 'small-90.onnx', sha256: '07be'.repeat(16), bytes: 512_340 },
  data: { address: 'cifar10:train.bin[0:1000]', sha256: '5c0d'.repeat(16), rows: 1000 },
  eval: { address: 'cifar10:test_batch.bin', sha256: '19e8'.repeat(16), rows: 10_000 },
  asked: {
    method: 'chita++',
    sparsity: 0.9,
    flops: null,
    params: null,
    pattern: null,
    options: { samples: 1000, batch: 16, lambda: 1e-5, schedule: 'exp', stages: 20, recalibrate: true, layers: ['*'] },
  },
  status: { code: 'converged', message: 'The support did not change for 20 steps.' },
  predicted: { objective: { before: 10.7616, after: 4.8352 }, lossChange: 0.2113 },
  layers: LAYERS.map(layer),
  untouched: [
    { name: 'fc.bias', op: 'Gemm', weights: 10, reason: 'a bias: one value per output is not worth an index' },
    { name: 'bn1.weight', op: 'BatchNormalization', weights: 16, reason: 'a scale of normalisation' },
  ],
  accuracy: { before: 0.9144, after: 0.8312 },
  loss: { before: 0.3021, after: 0.5562 },
  recalibrated: { accuracy: 0.8745, loss: 0.4127, rows: 1000 },
  macs: { before: 30_812_160, after: 3_402_880 },
  bytes: {
    before: { raw: 512_340, gzip: 474_022, brotli: 468_310 },
    after: { raw: 512_340, gzip: 71_240, brotli: 66_105 },
  },
  latency: [
    {
      batch: 1,
      before: { median: 1.232, p10: 1.18, p90: 1.51, runs: 50 },
      after: { median: 1.219, p10: 1.17, p90: 1.44, runs: 50 },
    },
    { batch: 32, before: { median: 28.1, p10: 27.2, p90: 31.9, runs: 40 }, after: null },
  ],
  gradientRows: null,
  seconds: { read: 0.021, gradients: 9.71, solve: 41.2, apply: 0.11, evaluate: 12.6, latency: 3.4 },
  peakRssMB: 1120.4,
  warnings: ['Latency of the pruned model is unchanged: onnxruntime multiplies by zeros as by any other number.'],
};
