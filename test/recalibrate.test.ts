import { describe, expect, it } from 'vitest';
import { recalibrate } from '../src/apply/recalibrate.ts';
import { readWeights, writeWeights } from '../src/apply/weights.ts';
import { feedsFromDataset } from '../src/data/dataset-feeds.ts';
import { onnxruntimeNode as engine } from '../src/engine/onnxruntime.node.ts';
import { findWeights } from '../src/graph/weights.ts';
import { tensorOf } from '../src/ir/access.ts';
import type { Constant, Model } from '../src/ir/model.ts';
import { parseModelText } from '../src/onnx/text.ts';
import { tinyData } from './tiny-data.ts';

const DATA = tinyData({ count: 64, sampleDims: [2, 5, 5], classes: 3 });
const ALL = { samples: 64, batch: 64 };

const NORMED = parseModelText(`
  input x: float32[N, 2, 5, 5]
  const w: float32[4, 2, 3, 3] = random(1)
  const gamma: float32[4] = [1.0, 2.0, 0.5, 1.5]
  const beta: float32[4] = [0.0, 0.1, -0.2, 0.3]
  const mean: float32[4] = [9.0, 9.0, 9.0, 9.0]
  const variance: float32[4] = [7.0, 7.0, 7.0, 7.0]
  const f: float32[3, 4] = random(2)
  c = Conv(x, w)
  n = BatchNormalization(c, gamma, beta, mean, variance)
  r = Relu(n)
  g = GlobalAveragePool(r)
  v = Flatten(g)
  y = Gemm(v, f) { transB: 1 }
  output y: float32[N, 3]
`);

const FOLDED = parseModelText(`
  input x: float32[N, 2, 5, 5]
  const w: float32[4, 2, 3, 3] = random(1)
  const b: float32[4] = [0.0, 0.1, -0.2, 0.3]
  const f: float32[3, 4] = random(2)
  c = Conv(x, w, b)
  r = Relu(c)
  g = GlobalAveragePool(r)
  v = Flatten(g)
  y = Gemm(v, f) { transB: 1 }
  output y: float32[N, 3]
`);

function values(model: Model, name: string): number[] {
  return [...(tensorOf(model.graph.constants.get(name) as Constant).data as Float32Array)];
}

async function output(model: Model, name: string): Promise<Float32Array> {
  const exposed = { ...model, graph: { ...model.graph, outputs: [{ name, type: null, shape: null }] } };
  const session = await engine.createSession(exposed);
  const { inputs } = await feedsFromDataset(model, DATA).feeds(Int32Array.from({ length: 64 }, (_, i) => i));
  return (await session.run(inputs)).get(name)?.data as Float32Array;
}

/** Mean and variance of a channel of [64, 4, 3, 3], in plain arithmetic. */
function moments(data: Float32Array, channel: number): [mean: number, variance: number] {
  const picked = [...data].filter((_, i) => Math.floor(i / 9) % 4 === channel);
  const mean = picked.reduce((a, b) => a + b, 0) / picked.length;
  return [mean, picked.reduce((sum, x) => sum + (x - mean) ** 2, 0) / picked.length];
}

function halfPruned(model: Model): Model {
  const { prunable } = findWeights(model);
  return writeWeights(
    model,
    prunable,
    readWeights(model, prunable).map((x, i) => (i % 2 === 0 ? x : 0)),
  );
}

describe('recalibrate', () => {
  it('changes nothing more where it is done again', async () => {
    const options = { engine, source: feedsFromDataset(NORMED, DATA), ...ALL };
    const once = await recalibrate(halfPruned(NORMED), NORMED, options);
    const twice = await recalibrate(once.model, NORMED, options);
    for (const name of ['mean', 'variance']) {
      expect(values(once.model, name)).not.toEqual(values(NORMED, name));
      expect(values(twice.model, name)).toEqual(values(once.model, name));
    }
  });

  it('changes the running statistics of a batch norm by what pruning changed of its input', async () => {
    const pruned = halfPruned(NORMED);
    const tuned = await recalibrate(pruned, NORMED, { engine, source: feedsFromDataset(NORMED, DATA), ...ALL });
    expect(tuned).toMatchObject({ samples: 64, normalizations: 1, corrections: 0 });
    const [dense, now] = [await output(NORMED, 'c'), await output(pruned, 'c')];
    for (let channel = 0; channel < 4; channel++) {
      const [then, after] = [moments(dense, channel), moments(now, channel)];
      const stored = (name: string): number => values(NORMED, name)[channel] as number;
      const shift = (stored('mean') - then[0]) * Math.sqrt(after[1] / then[1]);
      expect(values(tuned.model, 'mean')[channel]).toBeCloseTo(after[0] + shift, 4);
      expect(values(tuned.model, 'variance')[channel]).toBeCloseTo((stored('variance') * after[1]) / then[1], 3);
    }
  });

  it('leaves an unpruned batch norm exactly as it is', async () => {
    const tuned = await recalibrate(NORMED, NORMED, { engine, source: feedsFromDataset(NORMED, DATA), ...ALL });
    for (const name of ['mean', 'variance']) expect(values(tuned.model, name)).toEqual(values(NORMED, name));
  });

  it('pools the statistics of several batches', async () => {
    const options = { engine, source: feedsFromDataset(NORMED, DATA), samples: 64 };
    const whole = await recalibrate(halfPruned(NORMED), NORMED, { ...options, batch: 64 });
    const parts = await recalibrate(halfPruned(NORMED), NORMED, { ...options, batch: 16 });
    values(whole.model, 'variance').forEach((v, c) => {
      expect(values(parts.model, 'variance')[c]).toBeCloseTo(v, 3);
    });
  });

  it('brings the channels of a pruned folded convolution back to the dense mean and variance', async () => {
    const pruned = halfPruned(FOLDED);
    const tuned = await recalibrate(pruned, FOLDED, { engine, source: feedsFromDataset(FOLDED, DATA), ...ALL });
    expect(tuned).toMatchObject({ normalizations: 0, corrections: 1 });
    const [dense, broken, mended] = [
      await output(FOLDED, 'c'),
      await output(pruned, 'c'),
      await output(tuned.model, 'c'),
    ];
    for (let channel = 0; channel < 4; channel++) {
      const [wanted, now] = [moments(dense, channel), moments(mended, channel)];
      expect(now[0]).toBeCloseTo(wanted[0], 3);
      expect(now[1]).toBeCloseTo(wanted[1], 2);
      expect(Math.abs(moments(broken, channel)[1] - wanted[1])).toBeGreaterThan(0.1);
    }
  });

  it('keeps zeros', async () => {
    const tuned = await recalibrate(halfPruned(FOLDED), FOLDED, {
      engine,
      source: feedsFromDataset(FOLDED, DATA),
      ...ALL,
    });
    expect(values(tuned.model, 'w').filter((x) => x === 0)).toHaveLength(36);
  });

  it('adds a bias where a folded convolution has none', async () => {
    const bare = parseModelText(`
      input x: float32[N, 2, 5, 5]
      const w: float32[4, 2, 3, 3] = random(1)
      c = Conv(x, w)
      y = Relu(c)
      output y
    `);
    const tuned = await recalibrate(halfPruned(bare), bare, { engine, source: feedsFromDataset(bare, DATA), ...ALL });
    const [dense, mended] = [await output(bare, 'c'), await output(tuned.model, 'c')];
    expect(moments(mended, 2)[0]).toBeCloseTo(moments(dense, 2)[0], 3);
  });

  it('leaves a dense folded model as it is', async () => {
    const tuned = await recalibrate(FOLDED, FOLDED, { engine, source: feedsFromDataset(FOLDED, DATA), ...ALL });
    values(FOLDED, 'w').forEach((x, i) => {
      expect(values(tuned.model, 'w')[i]).toBeCloseTo(x, 4);
    });
  });
});
