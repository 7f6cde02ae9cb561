import { describe, expect, it } from 'vitest';
import { recalibrate } from '../src/apply/recalibrate.ts';
import { readWeights, writeWeights } from '../src/apply/weights.ts';
import { sparsity } from '../src/budget/budget.ts';
import { cardinality } from '../src/constraints/cardinality.ts';
import type { Constraint } from '../src/constraints/constraint.ts';
import { feedsFromDataset } from '../src/data/dataset-feeds.ts';
import { resolvePreprocess } from '../src/data/preprocess.ts';
import type { RowSource } from '../src/data/rows.ts';
import { rowsDataset } from '../src/data/rows-dataset.ts';
import { onnxruntimeNode } from '../src/engine/onnxruntime.node.ts';
import { evaluate } from '../src/evaluate/accuracy.ts';
import { finetune } from '../src/finetune/finetune.ts';
import { constantsOf } from '../src/graph/constants.ts';
import { findWeights } from '../src/graph/weights.ts';
import { tensorOf } from '../src/ir/access.ts';
import type { Constant, Model } from '../src/ir/model.ts';
import { prune } from '../src/methods/prune.ts';
import { parseModelText } from '../src/onnx/text.ts';
import { reconstruct } from '../src/reconstruction/reconstruct.ts';
import { fixed, KEPT_APART, MIXING } from '../src/samples/batches.cases.ts';
import { testedFeeds } from '../src/samples/tested-feeds.ts';
import { tinyData } from './tiny-data.ts';

const engine = onnxruntimeNode;
const [LAYERS] = KEPT_APART as [(typeof KEPT_APART)[number]];
const [SOFTMAX] = MIXING as [(typeof MIXING)[number]];
const dataOf = (count: number) => tinyData({ count, sampleDims: [4], classes: 3 });

function sourceOf(model: Model, count = 10) {
  return feedsFromDataset(model, dataOf(count));
}

function weightsOf(model: Model): Float64Array {
  return readWeights(model, findWeights(model).prunable);
}

function expectNear(a: Float64Array, b: Float64Array, tolerance = 1e-4): void {
  expect(Math.max(...a.map((x, i) => Math.abs(x - (b[i] as number))))).toBeLessThan(tolerance);
}

function keeping(layers: readonly { readonly size: number }[], share: number): Constraint {
  const p = layers.reduce((sum, { size }) => sum + size, 0);
  return cardinality(p, Math.floor(share * p));
}

function valuesOf({ graph }: Model, name: string): number[] {
  return Array.from(tensorOf(constantsOf(graph).get(name) as Constant).data as Float32Array);
}

describe('evaluation', () => {
  it('is one by one where samples are not independent, and says so', async () => {
    const [open, single] = [SOFTMAX.text, fixed(SOFTMAX.text, 1)].map(parseModelText) as [Model, Model];
    const alone = await evaluate(engine, single, sourceOf(single, 30));
    const found = await evaluate(engine, open, sourceOf(open, 30));
    expect(found.loss).toBeCloseTo(alone.loss as number, 6);
    expect(found.predictions).toEqual(alone.predictions);
    expect(found.remark).toMatch(/samples are not independent/);
    expect(alone.remark).toBeUndefined();
  });

  it('is in the batches of the model, the last one filled up, whatever the number of samples', async () => {
    const [open, eight] = [LAYERS.text, fixed(LAYERS.text, 8)].map(parseModelText) as [Model, Model];
    for (const count of [3, 8, 11]) {
      const [a, b] = [
        await evaluate(engine, open, sourceOf(open, count)),
        await evaluate(engine, eight, sourceOf(eight, count)),
      ];
      expect(b.loss).toBeCloseTo(a.loss as number, 6);
      expect(b.predictions).toEqual(a.predictions);
    }
  });
});

describe('an input without a batch axis', () => {
  const model =
    parseModelText(`input x: float32[3, 4] const W1: float32[4, 5] = random(1) const W2: float32[5, 3] = random(2)
    a = MatMul(x, W1) h = Tanh(a) m = ReduceMean(h) { axes: [0] } y = MatMul(m, W2) output y`);
  const source: RowSource = {
    count: 6,
    dims: [3, 4],
    labels: Int32Array.of(0, 1, 2, 0, 1, 2),
    bytes: false,
    picture: undefined,
    rows: async (indices) =>
      Array.from(indices, (i) => Float32Array.from({ length: 12 }, (_, j) => Math.sin(12 * i + j))),
    pieces: () => [],
  };

  it('takes whole samples, one a run, and says so', async () => {
    const [modelInput] = model.graph.inputs;
    const data = rowsDataset(source, {
      address: 'memory',
      preprocess: resolvePreprocess({}),
      ...(modelInput && { modelInput }),
      hash: async () => '',
    });
    const feeds = feedsFromDataset(model, data);
    expect((await feeds.feeds([2])).inputs.get('x')?.dims).toEqual([3, 4]);
    const { count, remark } = await evaluate(engine, model, feeds);
    expect(count).toBe(6);
    expect(remark).toBe("the model's input has no batch axis; each sample is a run of its own");
    const { w } = await prune(model, { engine, source: feeds, method: 'chita', samples: 6, budget: sparsity(0.5) });
    expect(w.filter((x) => x === 0).length).toBe(18);
  });
});

describe('a source of batches that mix their rows', () => {
  it('has whole batches as samples, and its rows one by one', async () => {
    const model = parseModelText(fixed(SOFTMAX.text, 4));
    const source = await testedFeeds(engine, model, sourceOf(model, 10));
    expect(source).toMatchObject({ count: 2, fixedBatch: 1, flat: { count: 10, fixedBatch: 4 } });
    const [{ inputs, labels }, plain] = [await source.feeds([1]), await dataOf(10).batch([4, 5, 6, 7])];
    expect(inputs.get('x')).toEqual(plain.x);
    expect(labels).toEqual(plain.labels);
    expect(await testedFeeds(engine, model, source)).toBe(source);
  });

  it('has one where there are too few rows, which come again', async () => {
    const model = parseModelText(fixed(SOFTMAX.text, 4));
    const source = await testedFeeds(engine, model, sourceOf(model, 3));
    expect(source.count).toBe(1);
    expect((await source.feeds([0])).inputs.get('x')).toEqual((await dataOf(3).batch([0, 1, 2, 0])).x);
  });
});

describe('layers solved', () => {
  const solved = async (text: string, count: number): Promise<Float64Array> => {
    const model = parseModelText(text);
    const source = sourceOf(model, count);
    return (await prune(model, { engine, source, method: 'reconstruct', samples: 12, budget: sparsity(0.5) })).w;
  };

  it('on samples of a fixed batch are those of an open one', async () => {
    for (const text of [LAYERS, KEPT_APART[2] as typeof LAYERS].map((network) => network.text))
      expectNear(await solved(fixed(text, 4), 16), await solved(text, 16), 1e-3);
  });

  it('count each sample alike where they do not fill a batch', async () => {
    const open = parseModelText(LAYERS.text);
    const outputs = async (model: Model): Promise<Float32Array> => {
      const session = await engine.createSession(model);
      const { x } = await dataOf(6).batch([0, 1, 2, 3, 4, 5]);
      const found = (await session.run(new Map([['x', x]]))).get('y')?.data as Float32Array;
      await session.release();
      return found;
    };
    const dense = await outputs(open);
    const errorOf = async (w: Float64Array): Promise<number> => {
      const y = await outputs(writeWeights(open, findWeights(open).prunable, w));
      return y.reduce((sum, v, i) => sum + (v - (dense[i] as number)) ** 2, 0);
    };
    const { w: largest } = await prune(open, { engine, method: 'magnitude', budget: sparsity(0.5) });
    const model = parseModelText(fixed(LAYERS.text, 8));
    // by itself: six samples are too few to hold it beside magnitude
    const { model: alone } = await reconstruct({
      engine,
      model,
      layers: findWeights(model).prunable,
      source: sourceOf(model, 6),
      constraintsOf: (layers) => Array.from({ length: 40 }, (_, t) => keeping(layers, 1 - (t + 1) / 80)),
      samples: 12,
      ridge: 0.01,
      seed: 0,
    });
    expect(await errorOf(weightsOf(alone))).toBeLessThan(0.7 * (await errorOf(largest)));
  });

  it('of a model that mixes samples are those of one sample a run', async () => {
    expectNear(await solved(SOFTMAX.text, 16), await solved(fixed(SOFTMAX.text, 1), 16), 1e-6);
  });
});

describe('training', () => {
  it('of a model that mixes samples is that of one sample a run', async () => {
    const trained = async (text: string): Promise<Float64Array> => {
      const model = parseModelText(text);
      const options = { engine, source: sourceOf(model), epochs: 2, batch: 5, rate: 0.1, threads: 1 };
      return weightsOf((await finetune(model, options)).model);
    };
    expectNear(await trained(SOFTMAX.text), await trained(fixed(SOFTMAX.text, 1)));
  });

  it('in batches of a fixed size that make up one step is that of the whole batch', async () => {
    const trained = async (text: string): Promise<Float64Array> => {
      const model = parseModelText(text);
      const options = { engine, source: sourceOf(model, 12), epochs: 2, batch: 8, rate: 0.1, threads: 1 };
      return weightsOf((await finetune(model, options)).model);
    };
    expectNear(await trained(fixed(LAYERS.text, 4)), await trained(LAYERS.text));
  });

  it('takes fewer samples than a fixed batch has', async () => {
    const model = parseModelText(fixed(LAYERS.text, 8));
    const { epochs, model: trained } = await finetune(model, {
      engine,
      source: sourceOf(model, 3),
      epochs: 60,
      rate: 0.2,
    });
    expect(epochs.at(-1)?.loss).toBeLessThan((epochs[0]?.loss as number) / 2);
    expect((await evaluate(engine, trained, sourceOf(model, 3))).accuracy).toBe(1);
  });

  const norm = (batch: string, scale: string): Model =>
    parseModelText(`input x: float32[${batch}, 4] const W1: float32[4, 6] = random(1) const g: float32[6] = ones const b: float32[6] = zeros
      const mean: float32[6] = random(2, 0.1) const var: float32[6] = ${scale} const W2: float32[6, 3] = random(3)
      a = MatMul(x, W1) n = BatchNormalization(a, g, b, mean, var) h = Relu(n) y = MatMul(h, W2) output y`);

  it('keeps batch statistics of single values, and says so', async () => {
    const model = norm('1', 'ones');
    const { model: trained, remark } = await finetune(model, { engine, source: sourceOf(model), epochs: 2 });
    for (const name of ['mean', 'var']) expect(valuesOf(trained, name)).toEqual(valuesOf(model, name));
    expect(valuesOf(trained, 'W1')).not.toEqual(valuesOf(model, 'W1'));
    expect(remark).toMatch(/batch statistics of 1 normalisation layer are kept as they were/);
  });

  it('lets them follow where a batch has two values', async () => {
    const model = norm('2', 'ones');
    const { model: trained, remark } = await finetune(model, { engine, source: sourceOf(model), epochs: 1 });
    expect(valuesOf(trained, 'var')).not.toEqual(valuesOf(model, 'var'));
    expect(remark).toBeUndefined();
  });
});

describe('recalibration', () => {
  const net = (batch: string): Model =>
    parseModelText(`input x: float32[${batch}, 4] const W1: float32[4, 6] = random(1) const g: float32[6] = ones const b: float32[6] = zeros
      const mean: float32[6] = random(2, 0.1) const var: float32[6] = ones const W2: float32[6, 3] = random(3)
      a = MatMul(x, W1) n = BatchNormalization(a, g, b, mean, var) h = Relu(n) y = MatMul(h, W2) output y`);
  const halved = (model: Model): Promise<Model> =>
    prune(model, { engine, method: 'magnitude', budget: sparsity(0.5) }).then((result) => result.model);

  it('is the same in batches of one, of a fixed size, and of fewer samples than that', async () => {
    const statistics = async (batch: string, count: number): Promise<number[]> => {
      const model = net(batch);
      const tuned = await recalibrate(await halved(model), model, { engine, source: sourceOf(model, count) });
      return ['mean', 'var'].flatMap((name) => valuesOf(tuned.model, name));
    };
    for (const [batch, count] of [
      ['1', 10],
      ['5', 10],
      ['8', 5],
    ] as const)
      expectNear(Float64Array.from(await statistics(batch, count)), Float64Array.from(await statistics('N', count)));
  });

  it('leaves statistics as they were where a single value was seen', async () => {
    const model = net('1');
    const pruned = await halved(model);
    const tuned = await recalibrate(pruned, model, { engine, source: sourceOf(model, 1) });
    for (const name of ['mean', 'var']) expect(valuesOf(tuned.model, name)).toEqual(valuesOf(model, name));
  });

  it('does nothing to a model without convolutions and normalisation', async () => {
    const model = parseModelText(LAYERS.text);
    const tuned = await recalibrate(await halved(model), model, { engine, source: sourceOf(model) });
    expect(tuned).toMatchObject({ normalizations: 0, corrections: 0 });
  });
});
