import { expect, it } from 'vitest';
import { sparsity } from '../budget/budget.ts';
import { type FeedSource, randomFeeds } from '../data/feeds.ts';
import { onnxruntimeNode as engine } from '../engine/onnxruntime.node.ts';
import { parseModelText } from '../onnx/text.ts';
import { random } from '../tensor/random.ts';
import { prune } from './prune.ts';

const DOUBLE = parseModelText(`
  opset 17
  input x: float64[N, 6]
  const w: float64[6, 8] = random(1)
  const v: float64[8, 3] = random(2)
  h = MatMul(x, w)
  n = Relu(h)
  y = MatMul(n, v)
  output y
`);
const rng = random(3);
const source: FeedSource = {
  count: 40,
  labelled: false,
  hasTargets: false,
  fixedBatch: null,
  feeds: async ({ length }) => ({
    inputs: new Map([
      [
        'x',
        { type: 'float64', dims: [length, 6], data: Float64Array.from({ length: length * 6 }, () => rng.normal()) },
      ],
    ]),
  }),
};

it('prunes by magnitude where the layers have nothing else, and says so', async () => {
  const options = { engine, source, budget: sparsity(0.5) };
  const { w, stages, chosen } = await prune(DOUBLE, { ...options, method: 'auto', gradients: 96 });
  expect(w).toEqual((await prune(DOUBLE, { ...options, method: 'magnitude' })).w);
  expect(w.filter((x) => x === 0)).toHaveLength(36);
  expect(chosen.layers.map(({ name }) => name)).toEqual(['w', 'v']);
  expect(stages[0]?.message).toMatch(/^the largest weights were kept.*"w": its elements are float64/);
  for (const method of ['reconstruct', 'chita'] as const) {
    const other = await prune(DOUBLE, { ...options, method });
    expect(other.w).toEqual(w);
    expect(other.stages[0]?.instead).toMatch(/^the largest weights were kept/);
  }
});

const CLASSES = parseModelText(`
  opset 17
  input x: float32[N, 6]
  const w: float32[6, 8] = random(1)
  const v: float32[8, 4] = random(2)
  h = MatMul(x, w)
  n = Relu(h)
  z = MatMul(n, v)
  y = ArgMax(z) { axis: 1, keepdims: 0 }
  output y
`);

it.each(['auto', 'reconstruct'] as const)('%s prunes a model whose outputs are classes alone', async (method) => {
  const samples = randomFeeds(CLASSES, { rng: random(5), count: 60 });
  const { w, stages } = await prune(CLASSES, { engine, source: samples, budget: sparsity(0.5), method });
  expect(w.filter((x) => x === 0)).toHaveLength(40);
  expect(stages[0]?.message).toMatch(
    method === 'auto' ? /of the outputs different on 60 samples in turn/ : /^layers solved/,
  );
});

const LINEAR = parseModelText(`
  opset 17
  input x: float32[N, 6]
  const w: float32[6, 8] = random(1)
  const v: float32[8, 3] = random(2)
  h = MatMul(x, w)
  n = Relu(h)
  y = MatMul(n, v)
  output y
`);
const seenRows = Float32Array.from({ length: 60 * 6 }, () => rng.normal());
const rowsOfSix: FeedSource = {
  count: 60,
  labelled: false,
  hasTargets: false,
  fixedBatch: null,
  feeds: async (indices) => ({
    inputs: new Map([
      [
        'x',
        {
          type: 'float32',
          dims: [indices.length, 6],
          data: Float32Array.from(Array.from(indices).flatMap((i) => [...seenRows.subarray(6 * i, 6 * i + 6)])),
        },
      ],
    ]),
  }),
};

it('takes smaller batches where there would be few steps, and those that were asked for', async () => {
  const asked = { engine, source: rowsOfSix, budget: sparsity(0.5), method: 'auto' as const };
  const settled = async (more: object) => (await prune(LINEAR, { ...asked, ...more })).options;
  expect(await settled({ gradients: 96 })).toMatchObject({ batch: 8, samples: 12 });
  expect(await settled({ gradients: 5 })).toMatchObject({ batch: 5, samples: 1 });
  expect(await settled({ gradients: 96, batch: 32 })).toMatchObject({ batch: 32, samples: 3 });
  expect(await settled({ gradients: 700 })).toMatchObject({ batch: 10, samples: 70 });
});

it('solves layers on all of a few samples, which judge what is solved without them', async () => {
  const asked = { engine, source: rowsOfSix, budget: sparsity(0.5), method: 'auto' as const };
  const { stages, options } = await prune(LINEAR, asked);
  expect(stages[0]?.message).toMatch(
    /layers solved on 60 samples.*kept: solved layers.*on 60 samples in turn, solved without those that judge/,
  );
  expect(options.samples).toBe(60);
});
