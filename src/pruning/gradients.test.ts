import { describe, expect, it } from 'vitest';
import { type TinyDataOptions, tinyData } from '../../test/tiny-data.ts';
import { readWeights, writeWeights } from '../apply/weights.ts';
import { feedsFromDataset } from '../data/dataset-feeds.ts';
import { onnxruntimeNode } from '../engine/onnxruntime.node.ts';
import { DataError } from '../errors/errors.ts';
import { evaluate } from '../evaluate/accuracy.ts';
import { findWeights } from '../graph/weights.ts';
import type { Model } from '../ir/model.ts';
import { parseModelText } from '../onnx/text.ts';
import { denseOf } from '../problem/dense.cases.ts';
import { random } from '../tensor/random.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { type RowsRequest, rowsOf } from './gradients.ts';

const mlp = (ending: string, batch = 'N'): string => `
  input x: float32[${batch}, 4]
  const w1: float32[5, 4] = random(1)
  const b1: float32[5] = random(2)
  const w2: float32[5, 3] = random(3)
  a = Gemm(x, w1, b1) { transB: 1 }
  h = Tanh(a)
  z = MatMul(h, w2)
  ${ending}
  output y
`;
const MLP = parseModelText(mlp('y = Identity(z)'));
const CNN = parseModelText(`
  input x: float32[N, 2, 4, 3]
  const w1: float32[2, 2, 3, 2] = random(1, 0.5)
  const b1: float32[2] = random(2)
  const w2: float32[2, 1, 2, 2] = random(3, 0.5)
  const w3: float32[12, 3] = random(4, 0.3)
  a = Conv(x, w1, b1) { pads: [1, 0, 1, 1] }
  h = Sigmoid(a)
  c = Conv(h, w2) { group: 2, strides: [2, 1], pads: [1, 0, 1, 0] }
  g = Tanh(c)
  f = Flatten(g)
  y = Gemm(f, w3)
  output y
`);
const VECTORS: TinyDataOptions = { count: 6, sampleDims: [4], classes: 3 };
const PICTURES: TinyDataOptions = { count: 4, sampleDims: [2, 4, 3], classes: 3 };

/** Rows of a model on data in memory; all samples, one a row, unless told otherwise. */
async function rows(model: Model, data: TinyDataOptions, options: Partial<RowsRequest> = {}) {
  const request: RowsRequest = {
    engine: onnxruntimeNode,
    model,
    layers: findWeights(model).prunable,
    source: feedsFromDataset(model, tinyData(data)),
    loss: 'cross-entropy',
    labels: 'data',
    samples: data.count,
    batch: 1,
    rng: random(1),
    augment: false,
    threads: 1,
    ...options,
  };
  const found = await rowsOf(request);
  return { ...found, A: denseOf(found) };
}

/** Loss of each sample in f64, from the model's outputs. */
async function losses(model: Model, data: TinyDataOptions, loss: 'cross-entropy' | 'mse'): Promise<number[]> {
  const set = tinyData(data);
  const { x, labels, targets } = await set.batch(Array.from({ length: set.count }, (_, i) => i));
  const session = await onnxruntimeNode.createSession(model, { threads: 1 });
  const y = [...(await session.run(new Map([['x', x]]))).values()][0] as Tensor<Float32Array>;
  await session.release();
  const width = y.data.length / set.count;
  return Array.from({ length: set.count }, (_, i) => {
    const row = [...y.data.subarray(i * width, (i + 1) * width)];
    if (loss === 'mse')
      return row.reduce((sum, v, j) => sum + (v - Number(targets?.data[i * width + j])) ** 2, 0) / width;
    return Math.log(row.reduce((sum, v) => sum + Math.exp(v), 0)) - (row[labels?.[i] as number] as number);
  });
}

/** Gradient rows by central differences of the losses, one weight after another. */
async function differences(
  model: Model,
  data: TinyDataOptions,
  loss: 'cross-entropy' | 'mse' = 'cross-entropy',
): Promise<number[][]> {
  const layers = findWeights(model).prunable;
  const w = readWeights(model, layers);
  const h = 2 ** -7;
  const columns: number[][] = [];
  for (let j = 0; j < w.length; j++) {
    const at = (step: number) => losses(writeWeights(model, layers, w.with(j, (w[j] as number) + step)), data, loss);
    const [up, down] = [await at(h), await at(-h)];
    columns.push(up.map((x, i) => (x - (down[i] as number)) / (2 * h)));
  }
  return Array.from({ length: data.count }, (_, i) => columns.map((column) => column[i] as number));
}

function expectClose(A: readonly (readonly number[])[], B: readonly (readonly number[])[], tolerance: number): void {
  expect(A.map((row) => row.length)).toEqual(B.map((row) => row.length));
  const error = A.flatMap((row, i) => row.map((x, j) => Math.abs(x - ((B[i] as number[])[j] as number))));
  expect(Math.max(...error)).toBeLessThan(tolerance);
}

describe('gradient rows', () => {
  it('are those of central differences for linear layers, stored either way', async () => {
    expectClose((await rows(MLP, VECTORS)).A, await differences(MLP, VECTORS), 5e-4);
  });

  it('are those of central differences for convolutions, grouped, padded and strided', async () => {
    expectClose((await rows(CNN, PICTURES)).A, await differences(CNN, PICTURES), 5e-4);
  });

  it('are those of central differences where the graph lets no samples be told apart', async () => {
    const model = parseModelText(`
      input x: float32[N, 4]
      const w: float32[3, 4] = random(1)
      t = Transpose(x) { perm: [1, 0] }
      z = MatMul(w, t)
      a = Tanh(z)
      y = Transpose(a) { perm: [1, 0] }
      output y`);
    expectClose((await rows(model, VECTORS)).A, await differences(model, VECTORS), 5e-4);
  });

  it('are those of central differences for a weight that is used twice, once transposed, behind Identity and Transpose', async () => {
    const model = parseModelText(`
      input x: float32[N, 4]
      const w: float32[4, 4] = random(1, 0.5)
      v = Identity(w)
      t = Transpose(v) { perm: [1, 0] }
      a = MatMul(x, t)
      h = Tanh(a)
      y = Gemm(h, w)
      output y`);
    expectClose((await rows(model, VECTORS)).A, await differences(model, VECTORS), 5e-4);
  });

  it('are zero for a weight that the loss does not depend on', async () => {
    const model = parseModelText(`
      input x: float32[N, 4]
      const w: float32[4, 3] = random(1)
      const aside: float32[4, 2] = random(2)
      y = MatMul(x, w)
      z = MatMul(x, aside)
      output y, z`);
    const { A } = await rows(model, VECTORS);
    expect(A.every((row) => row.slice(12).every((x) => x === 0) && row.slice(0, 12).some((x) => x !== 0))).toBe(true);
  });

  it('are those of central differences for the mean squared error', async () => {
    const data = { ...VECTORS, targetDims: [3] };
    expectClose((await rows(MLP, data, { loss: 'mse' })).A, await differences(MLP, data, 'mse'), 1e-3);
  });

  it('average m samples each, in their order', async () => {
    const data = { ...VECTORS, count: 36 };
    const single = (await rows(MLP, data)).A;
    for (const m of [2, 3, 18, 36]) {
      const { A, n } = await rows(MLP, data, { samples: 36 / m, batch: m });
      expect(n).toBe(36 / m);
      const means = A.map((_, i) => single.slice(i * m, (i + 1) * m)).map((group) =>
        (group[0] ?? []).map((__, j) => group.reduce((sum, row) => sum + (row[j] as number), 0) / m),
      );
      expectClose(A, means, 1e-5);
    }
  });

  it('are the same where the last run is not full', async () => {
    const data = { ...VECTORS, count: 19 };
    expectClose((await rows(MLP, data)).A.slice(16), (await differences(MLP, data)).slice(16), 5e-4);
  });

  it('come with the mean loss of the samples', async () => {
    const { meanLoss } = await rows(CNN, PICTURES);
    const wanted = await losses(CNN, PICTURES, 'cross-entropy');
    expect(meanLoss).toBeCloseTo(wanted.reduce((sum, x) => sum + x, 0) / 4, 5);
    const { loss } = await evaluate(onnxruntimeNode, CNN, feedsFromDataset(CNN, tinyData(PICTURES)));
    expect(meanLoss).toBeCloseTo(loss as number, 5);
  });

  it('are the same behind logits, Softmax, LogSoftmax and a Reshape after it', async () => {
    const plain = (await rows(MLP, VECTORS)).A;
    for (const ending of ['y = Softmax(z)', 'y = LogSoftmax(z) { axis: 1 }', 's = Softmax(z) y = Identity(s)']) {
      expectClose((await rows(parseModelText(mlp(ending)), VECTORS)).A, plain, 1e-6);
    }
  });

  it('of a random cotangent are that cotangent times the input, one for each sample', async () => {
    const model = parseModelText(
      'input x: float32[N, 4] const w: float32[1, 4] = ones y = Gemm(x, w) { transB: 1 } output y',
    );
    const data = { count: 5, sampleDims: [4] };
    const { A, meanLoss } = await rows(model, data, { loss: 'random' });
    const { x } = await tinyData(data).batch([0, 1, 2, 3, 4]);
    const scales = A.map((row, i) => row.map((value, j) => value / Number(x.data[i * 4 + j])));
    for (const row of scales) for (const scale of row) expect(scale).toBeCloseTo(row[0] as number, 4);
    expect(new Set(scales.map((row) => (row[0] as number).toFixed(6))).size).toBe(5);
    expect(meanLoss).toBeNull();
  });

  it('with labels from the model are those of its own predictions where it is certain', async () => {
    const certain = parseModelText(
      mlp('s = Mul(z, k) y = Identity(s)').replace('a =', 'const k: float32[1] = 1000.0 a ='),
    );
    const source = feedsFromDataset(certain, tinyData(VECTORS));
    const { predictions } = await evaluate(onnxruntimeNode, certain, source);
    const own = await rows(certain, { ...VECTORS, classes: undefined } as TinyDataOptions, { labels: 'model' });
    const labelled = {
      ...source,
      feeds: async (i: ArrayLike<number>) => ({
        ...(await source.feeds(i)),
        labels: Int32Array.from(i, (k) => predictions[k] as number),
      }),
    };
    expectClose(own.A, (await rows(certain, VECTORS, { source: labelled })).A, 1e-3);
  });

  it('with labels from the model follow its probabilities', async () => {
    const even = parseModelText(
      'input x: float32[N, 1] const w: float32[3, 1] = zeros y = Gemm(x, w) { transB: 1 } output y',
    );
    const { A } = await rows(even, { count: 300, sampleDims: [1] }, { labels: 'model' });
    const drawn = A.map((row) => row.map(Math.abs)).map((row) => row.indexOf(Math.max(...row)));
    for (const c of [0, 1, 2]) expect(drawn.filter((x) => x === c).length).toBeGreaterThan(70);
  });
});

describe('sampling', () => {
  const data = { ...VECTORS, count: 20 };
  const keys = (A: readonly (readonly number[])[]): string[] => A.map((row) => row.map((x) => x.toFixed(5)).join());

  it('keeps the order of the file when all samples are wanted', async () => {
    const [one, other] = [await rows(MLP, data, { rng: random(1) }), await rows(MLP, data, { rng: random(2) })];
    expect(one.A).toEqual(other.A);
  });

  it('draws different samples without replacement, by the seed', async () => {
    const all = new Set(keys((await rows(MLP, data)).A));
    const drawn = keys((await rows(MLP, data, { samples: 12, rng: random(1) })).A);
    expect(new Set(drawn).size).toBe(12);
    for (const key of drawn) expect(all.has(key)).toBe(true);
    expect(keys((await rows(MLP, data, { samples: 12, rng: random(1) })).A)).toEqual(drawn);
    expect(keys((await rows(MLP, data, { samples: 12, rng: random(2) })).A)).not.toEqual(drawn);
  });

  it('refuses more samples than there are', async () => {
    await expect(rows(MLP, data, { samples: 7, batch: 3 })).rejects.toThrow(DataError);
    await expect(rows(MLP, data, { samples: 7, batch: 3 })).rejects.toThrow(/wanted 21 samples, the data has 20/);
  });
});

describe('a model that insists on its batch', () => {
  const fixed = parseModelText(mlp('y = Identity(z)', '4'));
  const data = { ...VECTORS, count: 12 };

  it('gives the same rows as one that does not', async () => {
    for (const batch of [1, 2, 4, 12]) {
      const [own, free] = [
        await rows(fixed, data, { samples: 12 / batch, batch }),
        await rows(MLP, data, { samples: 12 / batch, batch }),
      ];
      expectClose(own.A, free.A, 1e-6);
    }
  });

  it('gives the same rows where its batches do not divide them, the last one filled up', async () => {
    for (const [samples, batch] of [
      [5, 1],
      [11, 1],
      [4, 3],
    ] as const) {
      const [own, free] = [await rows(fixed, data, { samples, batch }), await rows(MLP, data, { samples, batch })];
      expectClose(own.A, free.A, 1e-6);
      expect(own.meanLoss).toBeCloseTo(free.meanLoss as number, 6);
    }
  });
});

describe('rowsOf refuses', () => {
  it('labels that are no classes of the model', async () => {
    await expect(rows(MLP, { ...VECTORS, classes: 9 })).rejects.toThrow(
      /row \d has label \d, wanted 0 to 2 since output "y" has 3 classes/,
    );
  });

  it('cross-entropy without labels, and says where to get some', async () => {
    await expect(rows(MLP, { count: 4, sampleDims: [4] })).rejects.toThrow(/no labels.*own prediction/);
  });

  it('mean squared error without targets', async () => {
    await expect(rows(MLP, VECTORS, { loss: 'mse' })).rejects.toThrow(/by the loss "mse".*\[6,3\], got shape \[6\]/);
  });

  it('to go on when it is told to stop', async () => {
    const options: RowsRequest = {
      engine: onnxruntimeNode,
      model: MLP,
      layers: findWeights(MLP).prunable,
      source: feedsFromDataset(MLP, tinyData(VECTORS)),
      loss: 'cross-entropy',
      labels: 'data',
      samples: 6,
      batch: 1,
      rng: random(1),
      augment: false,
    };
    await expect(rowsOf(options, { signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
  });

  it('data that cannot be read later on, as an error of the caller and not of the process', async () => {
    const source = feedsFromDataset(MLP, tinyData({ ...VECTORS, count: 300 }));
    const feeds = (i: ArrayLike<number>) =>
      i[0] === 0 ? source.feeds(i) : Promise.reject(new DataError('a corrupt row'));
    await expect(rows(MLP, { ...VECTORS, count: 300 }, { source: { ...source, feeds } })).rejects.toThrow(
      'a corrupt row',
    );
    await new Promise((resolve) => setTimeout(resolve, 20));
  });
});
