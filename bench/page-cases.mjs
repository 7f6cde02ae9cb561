// Large content for pages: a residual network of any depth as a model and as a report, a sweep of any size. All of it is invented.
import { parseModelText } from '../dist/onnx/text.js';
import { weightDetails } from '../dist/pipeline/details/weight-details.js';
import { makeReport } from '../dist/report/make-report.js';

const WIDE = 16;

/** A residual network of so many convolutions in the text notation of models. */
function bigText(layers) {
  const lines = [`input x: float32[N,${WIDE},8,8]`];
  let at = 'x';
  for (let i = 0; i + 1 < layers; i += 2) {
    for (const j of [i, i + 1])
      lines.push(
        `const stage${j >> 4}.block${j >> 1}.conv${j % 2}.weight: float32[${WIDE},${WIDE},3,3] = random(${j})`,
      );
    const [a, b] = [i, i + 1].map((j) => `stage${j >> 4}.block${j >> 1}.conv${j % 2}.weight`);
    const conv = (y, x, w) =>
      lines.push(`${y} = Conv(${x}, ${w}) { pads: [1,1,1,1], kernel_shape: [3,3] } @${w.replace('.weight', '')}`);
    conv(`c${i}`, at, a);
    lines.push(`r${i} = Relu(c${i}) @relu${i}`);
    conv(`c${i + 1}`, `r${i}`, b);
    lines.push(`s${i} = Add(c${i + 1}, ${at}) @add${i}`, `y${i} = Relu(s${i}) @out${i}`);
    at = `y${i}`;
  }
  lines.push(
    `g = GlobalAveragePool(${at}) @pool`,
    'f = Flatten(g) @flat',
    `const fc.weight: float32[10,${WIDE}] = random(999)`,
  );
  lines.push('y = Gemm(f, fc.weight) { transB: 1 } @fc', 'output y: float32[N,10]');
  return lines.join('\n');
}

/** The network as a model. */
export function bigModel(layers) {
  return parseModelText(bigText(layers));
}

/** The network's graph as a report holds it. */
export function bigGraph(layers) {
  const { graph } = bigModel(layers);
  const nodes = [
    { op: 'input', name: 'x', layer: null, change: 'same', shape: [1, WIDE, 8, 8] },
    ...graph.nodes.map(({ op, name, inputs }) => ({
      op,
      name,
      layer: op === 'Conv' || op === 'Gemm' ? inputs[1] : null,
      change: op === 'Conv' ? 'sparser' : 'same',
      shape: [1, WIDE, 8, 8],
    })),
    { op: 'output', name: 'y', layer: null, change: 'same', shape: [1, 10] },
  ];
  const makers = new Map([
    ['x', 0],
    ...graph.nodes.flatMap(({ outputs }, i) => outputs.map((value) => [value, i + 1])),
  ]);
  const edges = graph.nodes.flatMap(({ inputs }, i) =>
    inputs.flatMap((value) => (makers.has(value) ? [[makers.get(value), i + 1]] : [])),
  );
  return { nodes, edges: [...edges, [nodes.length - 2, nodes.length - 1]] };
}

const FACTS = {
  tool: { name: 'coppice', version: '0' },
  runtime: { name: 'onnxruntime-node', version: '0', threads: 1 },
  platform: { node: '20', os: 'any', cpu: null },
  command: ['coppice', 'prune', 'big.onnx', '--sparsity', '0.9'],
  seed: 1,
  model: { name: 'big.onnx', sha256: null, bytes: 4e6 },
  output: null,
  data: null,
  eval: { address: 'npz:test.npz', sha256: null, rows: 1000 },
  untouched: [],
  peakRssMB: null,
  warnings: [],
};

/** A report of the network at 90 % zeros with everything that a page shows. */
export function bigReport(layers) {
  const graph = bigGraph(layers);
  const named = graph.nodes.filter(({ op }) => op === 'Conv').map(({ layer }) => layer);
  const size = 9 * WIDE * WIDE;
  const wave = (j) => Math.sin(j * 12.9898) * (1 + Math.cos(j / size));
  const before = Float64Array.from({ length: size * named.length }, (_, j) => wave(j));
  const after = before.map((x) => (Math.abs(x) > 1.2 ? x : 0));
  const cut = named.map((name) => ({ name, dims: [WIDE, WIDE, 3, 3], size, order: 'stored' }));
  return makeReport({
    ...FACTS,
    asked: { method: 'chita', sparsity: 0.9, flops: null, params: null, options: {} },
    status: null,
    predicted: { objective: { before: 3, after: 2 }, lossChange: 0.2 },
    layers: named.map((name, i) => {
      const kept = Math.round((size * (1 + (i % 9))) / 20);
      return {
        name,
        op: 'Conv',
        shape: [WIDE, WIDE, 3, 3],
        weights: size,
        kept,
        macs: { before: 64 * size, after: 64 * kept },
        sensitivity: ((i * 37) % 101) / 1e4,
      };
    }),
    accuracy: { before: 0.9, after: 0.8 },
    loss: { before: 0.3, after: 0.6 },
    recalibrated: null,
    macs: { before: 1e8, after: 2e7 },
    bytes: { before: { raw: 4e6, gzip: 4e6, brotli: 4e6 }, after: { raw: 4e6, gzip: 8e5, brotli: 7e5 } },
    latency: null,
    seconds: { solve: 10 },
    details: { weights: weightDetails(cut, before, after), graph, flips: null },
  });
}

/** A sweep of so many points: five methods, sparsities in even steps, all four measures known. */
export function bigSweep(points) {
  const methods = ['magnitude', 'woodfisher', 'chita', 'chita++', 'falcon'];
  const steps = Math.ceil(points / methods.length);
  const { tool, runtime, platform, model, data, eval: evaluation, peakRssMB, warnings } = FACTS;
  const layers = Array.from({ length: 20 }, (_, i) => ({
    name: `stage.block${i}.conv.weight`,
    op: 'Conv',
    shape: [WIDE, WIDE, 3, 3],
    weights: 2304,
    macs: 147_456,
  }));
  const cells = methods.flatMap((method, m) =>
    Array.from({ length: steps }, (_, i) => {
      const sparsity = (i + 1) / (steps + 1);
      const accuracy = 0.91 - (0.5 - m / 12) * sparsity ** (4 + m);
      const kept = layers.map(({ weights }, j) => Math.round(weights * (1 - sparsity) * (0.8 + (j % 5) / 10)));
      const nonzeros = kept.reduce((a, b) => a + b);
      return {
        ...{
          method,
          sparsity,
          flops: null,
          seed: 1,
          accuracy,
          loss: 1 - accuracy,
          recalibrated: null,
          nonzeros,
          prunable: 46_080,
        },
        ...{ macs: nonzeros / 46_080, objective: null, predictedLossChange: sparsity ** 2 / (m + 1), kept },
        ...{ bytes: 4 * nonzeros + 9000 + 200 * m, latency: 1.3 + (m + sparsity) / 50, seconds: 1 },
      };
    }),
  );
  return {
    ...{ schema: 'coppice/sweep@1', tool, runtime, platform, model, data, eval: evaluation, peakRssMB, warnings },
    command: ['coppice', 'sweep', 'big.onnx', '--methods', methods.join(','), '--sparsity', '0.02..0.98:0.02'],
    dense: { accuracy: 0.914, loss: 0.3, bytes: 200_000, latency: 1.31, macs: 2_949_120 },
    ...{ methods, sparsities: null, flops: null, seeds: [1], layers, cells, seconds: { sweep: 100 } },
  };
}
