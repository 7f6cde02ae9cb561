import { describe, expect, it } from 'vitest';
import { unfold } from '../src/apply/unfold.ts';
import { feedsFromDataset } from '../src/data/dataset-feeds.ts';
import { onnxruntimeNode as engine } from '../src/engine/onnxruntime.node.ts';
import { finetune } from '../src/finetune/finetune.ts';
import { tensorOf } from '../src/ir/access.ts';
import type { Constant, Model } from '../src/ir/model.ts';
import { encodeModel } from '../src/onnx/encode.ts';
import { parseModelText } from '../src/onnx/text.ts';
import { tinyData } from './tiny-data.ts';

const DATA = tinyData({ count: 64, sampleDims: [2, 6, 6], classes: 3 });

/** A convolution with a bias, one without, a depthwise and a transposed one; two share a bias, the last has one cell a channel. */
const FOLDED = parseModelText(`
  opset 17
  input x: float32[N, 2, 6, 6]
  const w1: float32[4, 2, 3, 3] = random(1, 3)
  const w2: float32[4, 4, 1, 1] = random(2, 0.1)
  const w3: float32[4, 1, 3, 3] = random(3)
  const w4: float32[4, 4, 1, 1] = random(4)
  const w5: float32[3, 4, 1, 1] = random(5)
  const b: float32[4] = [0.0, 0.5, -0.5, 1.0]
  c1 = Conv(x, w1, b) { pads: [1, 1, 1, 1] }
  r1 = Relu(c1)
  c2 = Conv(r1, w2)
  r2 = Relu(c2)
  c3 = Conv(r2, w3, b) { group: 4, pads: [1, 1, 1, 1] }
  c4 = ConvTranspose(c3, w4)
  g = GlobalAveragePool(c4)
  c5 = Conv(g, w5)
  y = Flatten(c5)
  output y: float32[N, 3]
`);

const source = feedsFromDataset(FOLDED, DATA);

async function outputsOf(model: Model): Promise<Float32Array> {
  const session = await engine.createSession(model);
  const { inputs } = await source.feeds(Int32Array.from({ length: 64 }, (_, i) => i));
  const data = (await session.run(inputs)).get('y')?.data as Float32Array;
  await session.release();
  return data;
}

function values(model: Model, name: string): Float32Array {
  return tensorOf(model.graph.constants.get(name) as Constant).data as Float32Array;
}

function farthest(a: Float32Array, b: Float32Array): number {
  return a.reduce((most, x, i) => Math.max(most, Math.abs(x - (b[i] as number))), 0);
}

describe('unfold', () => {
  it('puts a batch normalisation behind each convolution but the last, and keeps the function', async () => {
    const { model, normalizations } = await unfold(FOLDED, { engine, source });
    expect(normalizations).toBe(4);
    expect(model.graph.nodes.filter(({ op }) => op === 'BatchNormalization')).toHaveLength(4);
    expect(farthest(await outputsOf(model), await outputsOf(FOLDED))).toBeLessThan(1e-4);
  });

  it('scales the weights of a layer to mean square 1 / fan-in, its filters by the root of their deviation', async () => {
    const { model } = await unfold(FOLDED, { engine, source, samples: 64, batch: 64 });
    const scaled = values(model, 'w2');
    expect(scaled.reduce((sum, x) => sum + x * x, 0) / scaled.length).toBeCloseTo(1 / 4, 5);
    const session = await engine.createSession({
      ...FOLDED,
      graph: { ...FOLDED.graph, outputs: [{ name: 'c2', type: null, shape: null }] },
    });
    const { inputs } = await source.feeds(Int32Array.from({ length: 64 }, (_, i) => i));
    const c2 = (await session.run(inputs)).get('c2')?.data as Float32Array;
    await session.release();
    const roots = [0, 1, 2, 3].map((channel) => {
      const own = [...c2].filter((_, i) => Math.floor(i / 36) % 4 === channel);
      const mean = own.reduce((a, b) => a + b, 0) / own.length;
      return (own.reduce((sum, x) => sum + (x - mean) ** 2, 0) / own.length) ** 0.25;
    });
    const divisor = (channel: number): number =>
      (values(FOLDED, 'w2')[4 * channel] as number) / (scaled[4 * channel] as number);
    for (const channel of [1, 2, 3])
      expect(divisor(channel) / divisor(0)).toBeCloseTo((roots[channel] as number) / (roots[0] as number), 3);
  });

  it('folds back into the same nodes and nearly the same weights', async () => {
    const { model, fold } = await unfold(FOLDED, { engine, source });
    const again = fold(model);
    expect(again.graph.nodes.map(({ op }) => op)).toEqual(FOLDED.graph.nodes.map(({ op }) => op));
    expect(farthest(values(again, 'w1'), values(FOLDED, 'w1'))).toBeLessThan(1e-5);
    expect(farthest(await outputsOf(again), await outputsOf(FOLDED))).toBeLessThan(1e-4);
    expect([...again.graph.constants.keys()].filter((name) => /~(scale|shift|mean|variance)$/.test(name))).toEqual([]);
    expect(encodeModel(again).length).toBeGreaterThan(0);
  });

  it('folds what was trained: the same function, and zeros stay zeros', async () => {
    const { model, fold } = await unfold(FOLDED, { engine, source });
    const kept = Uint8Array.from({ length: 72 }, (_, i) => i % 2);
    const trained = await finetune(model, {
      engine,
      source,
      steps: 6,
      batch: 16,
      rate: 0.05,
      masked: 'none',
      supports: (step) => (step === 0 ? new Map([['w1', kept]]) : undefined),
    });
    const again = fold(trained.model);
    expect(farthest(await outputsOf(again), await outputsOf(trained.model))).toBeLessThan(1e-4);
    expect(farthest(await outputsOf(again), await outputsOf(FOLDED))).toBeGreaterThan(1e-2);
    expect([...values(again, 'w1')].every((x, i) => (x !== 0) === (kept[i] === 1))).toBe(true);
  });

  it('leaves the last layer as it is, whatever comes behind it', async () => {
    const pictures = parseModelText(`
      opset 17
      input x: float32[N, 2, 6, 6]
      const w: float32[4, 2, 3, 3] = random(1)
      const v: float32[2, 4, 3, 3] = random(2)
      c = Conv(x, w) { pads: [1, 1, 1, 1] }
      r = Relu(c)
      d = Conv(r, v) { pads: [1, 1, 1, 1] }
      y = Sigmoid(d)
      output y: float32[N, 2, 6, 6]
    `);
    const { model } = await unfold(pictures, { engine, source });
    expect(model.graph.nodes.map(({ op }) => op)).toEqual(['Conv', 'BatchNormalization', 'Relu', 'Conv', 'Sigmoid']);
  });

  it('leaves a channel that is always zero, shared weights and models that are normalised as they are', async () => {
    const shared = parseModelText(`
      opset 17
      input x: float32[N, 2, 6, 6]
      const w: float32[2, 2, 1, 1] = random(1)
      const dead: float32[2, 2, 1, 1] = [1.0, 2.0, 0.0, 0.0]
      const one: float32[2] = [1.0, 1.0]
      const nought: float32[2] = [0.0, 0.0]
      a = Conv(x, w)
      b = Conv(a, w)
      n = BatchNormalization(b, one, nought, nought, one)
      d = Conv(n, dead)
      r = Relu(d)
      const last: float32[72, 3] = random(3)
      f = Flatten(r)
      y = MatMul(f, last)
      output y: float32[N, 3]
    `);
    const { model, normalizations, fold } = await unfold(shared, { engine, source });
    expect(normalizations).toBe(1);
    expect([...values(fold(model), 'dead').subarray(2)]).toEqual([0, 0]);
    expect(values(fold(model), 'dead')[1]).toBeCloseTo(2, 5);
    const normal = parseModelText(`
      input x: float32[N, 4]
      const w: float32[4, 4] = random(1)
      y = MatMul(x, w)
      output y
    `);
    expect((await unfold(normal, { engine, source })).model).toBe(normal);
  });
});
