import { describe, expect, it } from 'vitest';
import { tinyData } from '../../test/tiny-data.ts';
import { readWeights, writeWeights } from '../apply/weights.ts';
import { cardinality } from '../constraints/cardinality.ts';
import { inOrder } from '../data/batches.ts';
import { feedsFromDataset } from '../data/dataset-feeds.ts';
import { inputBatches } from '../data/feeds.ts';
import { liftAndCapture } from '../engine/capture.ts';
import { linalg } from '../engine/linalg.ts';
import { onnxruntimeNode as engine } from '../engine/onnxruntime.node.ts';
import { DataError } from '../errors/errors.ts';
import { findWeights, type WeightLayer } from '../graph/weights.ts';
import type { Model } from '../ir/model.ts';
import { parseModelText } from '../onnx/text.ts';
import { headsOf } from '../outputs/decide.ts';
import { varianceOf } from '../outputs/units.ts';
import { random } from '../tensor/random.ts';
import { costMeter } from './layer-costs.ts';
import { type MapProblem, outputVariance, problemOf } from './layer-problem.ts';
import { distance, solveRows } from './least-squares.ts';
import { type LinearMap, linearMaps, positionsIn, toMatrix } from './linear-map.ts';
import { type Moments, measureMoments } from './moments.ts';
import { reconstruct } from './reconstruct.ts';
import { chooseSupports, type SolvableLayer, solvableLayer } from './supports.ts';

const NET = parseModelText(`
  opset 17
  input x: float32[N, 4, 6, 6]
  const k: float32[6, 2, 3, 3] = random(1, 0.3)
  const kb: float32[6] = random(2)
  const d: float32[6, 1, 2, 2] = random(3)
  const w: float32[36, 8] = random(4, 0.2)
  const v: float32[5, 8] = random(5)
  const vb: float32[5] = random(6)
  c = Conv(x, k, kb) { group: 2, pads: [1, 1, 0, 2], strides: [1, 2], dilations: [2, 1] }
  r = Relu(c)
  e = Conv(r, d) { group: 6, strides: [1, 1] }
  s = Relu(e)
  f = Flatten(s)
  g = MatMul(f, w)
  t = Tanh(g)
  y = Gemm(t, v, vb) { transB: 1 }
  output y
`);
const SOURCE = feedsFromDataset(NET, tinyData({ count: 60, sampleDims: [4, 6, 6] }));
const LAYERS = findWeights(NET).prunable;
const P = LAYERS.reduce((sum, { size }) => sum + size, 0);
const algebra = linalg(engine);

async function batch(samples: number) {
  return inputBatches(SOURCE, inOrder(samples), samples);
}

async function moments(model: Model, maps: readonly LinearMap[], other?: Model): Promise<Moments[]> {
  const all = maps.map((map) => ({ ...map, step: 1 }));
  return measureMoments({ engine, model, maps: all, batches: await batch(20), ...(other && { other }) });
}

function mapsOf(model: Model): LinearMap[] {
  return findWeights(model).prunable.flatMap((layer) => linearMaps(layer, { uses: layer.uses }) ?? []);
}

function weightsOf(model: Model, { layer }: LinearMap): Float32Array {
  return Float32Array.from(readWeights(model, [layer]));
}

/** Linear layers as files have them: names, shapes of a sample, and how y is made of x. */
const FORMS: readonly { readonly name: string; readonly dims: number[]; readonly text: string }[] = [
  {
    name: 'a transposed convolution in groups, with pads and strides',
    dims: [4, 5, 5],
    text: 'const w: float32[4, 3, 3, 2] = random(1) y = ConvTranspose(x, w) { group: 2, strides: [2, 1], pads: [1, 0, 0, 1], output_padding: [1, 0], dilations: [1, 2] }',
  },
  {
    name: 'a transposed convolution with auto_pad',
    dims: [3, 5],
    text: 'const w: float32[3, 2, 3] = random(1) y = ConvTranspose(x, w) { strides: [2], auto_pad: "SAME_UPPER" }',
  },
  {
    name: 'a convolution with auto_pad',
    dims: [3, 6, 7],
    text: 'const w: float32[4, 3, 2, 3] = random(1) y = Conv(x, w) { strides: [2, 2], auto_pad: "SAME_LOWER" }',
  },
  {
    name: 'a depthwise 1-D convolution',
    dims: [4, 9],
    text: 'const w: float32[8, 1, 3] = random(1) y = Conv(x, w) { group: 4, dilations: [2] }',
  },
  {
    name: 'a 3-D convolution',
    dims: [2, 4, 4, 3],
    text: 'const w: float32[3, 2, 2, 2, 3] = random(1) y = Conv(x, w) { pads: [0, 1, 1, 0, 0, 0] }',
  },
  {
    name: 'a kernel stored [h, w, in, out] and moved',
    dims: [3, 6, 6],
    text: 'const k: float32[2, 3, 3, 5] = random(1) w = Transpose(k) { perm: [3, 2, 0, 1] } y = Conv(x, w)',
  },
  {
    name: 'a depthwise kernel stored [h, w, in, multiplier], moved and reshaped',
    dims: [3, 6, 6],
    text: 'const k: float32[2, 3, 3, 2] = random(1) const s: int64[4] = [6, 1, 2, 3] t = Transpose(k) { perm: [2, 3, 0, 1] } w = Reshape(t, s) y = Conv(x, w) { group: 3 }',
  },
  { name: 'a matrix on the left', dims: [5, 3], text: 'const w: float32[4, 5] = random(1) y = MatMul(w, x)' },
  { name: 'a batch of matrices', dims: [3, 4, 5], text: 'const w: float32[3, 5, 2] = random(1) y = MatMul(x, w)' },
  {
    name: 'a batch of matrices on a broadcast input',
    dims: [1, 4, 5],
    text: 'const w: float32[3, 5, 2] = random(1) y = MatMul(x, w)',
  },
  {
    name: 'a batch of matrices with axes of one',
    dims: [3, 2, 4, 5],
    text: 'const w: float32[3, 1, 5, 2] = random(1) y = MatMul(x, w)',
  },
  {
    name: 'a batch of matrices with more axes than the input',
    dims: [4],
    text: 'const w: float32[2, 3, 4, 2] = random(1) z = MatMul(x, w) y = Transpose(z) { perm: [2, 0, 1, 3] }',
  },
  {
    name: 'a batch of matrices on the left',
    dims: [2, 5, 3],
    text: 'const w: float32[2, 4, 5] = random(1) y = MatMul(w, x)',
  },
  {
    name: 'a matrix in a batch of one',
    dims: [3, 5],
    text: 'const w: float32[1, 1, 5, 2] = random(1) z = MatMul(x, w) const s: int64[3] = [-1, 3, 2] y = Reshape(z, s)',
  },
  {
    name: 'Gemm with alpha, beta and a transposed input',
    dims: [6],
    text: 'const w: float32[6, 4] = random(1) const b: float32[4] = random(2) t = Transpose(x) y = Gemm(t, w, b) { transA: 1, alpha: 0.3, beta: 2.0 }',
  },
  {
    name: 'Gemm from the left',
    dims: [6],
    text: 'const w: float32[4, 6] = random(1) z = Gemm(w, x) { transB: 1, alpha: 1.5 } y = Transpose(z)',
  },
  {
    name: 'Gemm from the left, both transposed',
    dims: [6],
    text: 'const w: float32[6, 4] = random(1) z = Gemm(w, x) { transA: 1, transB: 1 } y = Transpose(z)',
  },
  {
    name: 'a matrix that is reshaped across its rows',
    dims: [6],
    text: 'const v: float32[5, 12] = random(1) const s: int64[2] = [6, 10] t = Transpose(v) w = Reshape(t, s) y = MatMul(x, w)',
  },
  {
    name: 'a matrix used both ways',
    dims: [5],
    text: 'const w: float32[5, 5] = random(1) h = MatMul(x, w) t = Tanh(h) y = Gemm(t, w) { transB: 1 }',
  },
  {
    name: 'the input of a recurrent layer in both directions',
    dims: [2, 4],
    text: 'const W: float32[2,12,4] = random(1) const R: float32[2,12,3] = random(2) y = LSTM(x, W, R) { hidden_size: 3, direction: "bidirectional" }',
  },
  {
    name: 'a convolution and a product fused with activations',
    dims: [2, 4, 4],
    text: 'const w: float32[3,2,3,3] = random(1) c = com.microsoft:FusedConv(x, w) { activation: "Relu" } f = Flatten(c) const g: float32[12,4] = random(3) y = com.microsoft:FusedGemm(f, g) { activation: "Relu" }',
  },
  {
    name: 'a vector as a weight',
    dims: [3, 5],
    text: 'const v: float32[5, 1] = random(1) const a: int64[1] = [1] w = Squeeze(v, a) y = MatMul(x, w)',
  },
];

/** A constraint on all layers together. */
const keep = (share: number) => cardinality(P, Math.round(share * P));

describe('a layer as a linear map of its inputs', () => {
  it('gives the outputs that the layer gives: patches, groups, strides, pads, dilations and stored orders', async () => {
    const first = (await SOURCE.feeds([0])).inputs;
    const { model } = await liftAndCapture(engine, NET, first);
    const maps = mapsOf(model);
    expect(maps.map(({ groups, outputs, inputs }) => [groups, outputs, inputs])).toEqual([
      [2, 3, 18],
      [6, 1, 4],
      [1, 8, 36],
      [1, 5, 8],
    ]);
    for (const [i, { gram, cross, sum, count }] of (await moments(model, maps, model)).entries()) {
      const map = maps[i] as LinearMap;
      const product = await algebra.products(weightsOf(model, map), Float32Array.from(gram as Float64Array), {
        groups: map.groups,
        rows: map.outputs,
      });
      expect(count).toBeGreaterThanOrEqual(20);
      expect(sum.some((x) => x !== 0)).toBe(true);
      const scale = Math.max(...product.map(Math.abs));
      for (const [k, x] of product.entries()) expect(Math.abs((cross?.[k] ?? 0) - x) / scale).toBeLessThan(1e-5);
    }
  });

  it.each(FORMS)('is what $name is', async ({ dims, text }) => {
    const net = parseModelText(`
      opset 17 opset com.microsoft 1
      input x: float32[N, ${dims.join(', ')}]
      ${text}
      output y
    `);
    const source = feedsFromDataset(net, tinyData({ count: 12, sampleDims: dims }));
    const { model, captured } = await liftAndCapture(engine, net, (await source.feeds(inOrder(6))).inputs);
    const maps = findWeights(net).prunable.flatMap((layer) => linearMaps(layer, { uses: layer.uses, captured }) ?? []);
    expect(maps.length).toBeGreaterThan(0);
    for (const keeps of [false, true]) {
      const asked = maps.map((map) => ({ ...map, step: 1, keeps }));
      const batches = inputBatches(source, inOrder(12), 6);
      const measured = await measureMoments({ engine, model, other: model, maps: asked, batches });
      for (const [i, { gram, cross, seen, count }] of measured.entries()) {
        const map = maps[i] as LinearMap;
        const { groups, outputs } = map;
        const W = toMatrix(map, weightsOf(model, map));
        const [X, Y] = keeps ? [seen?.X, seen?.Y] : [Float32Array.from(gram ?? []), Float32Array.from(cross ?? [])];
        const product = await algebra.products(W, X as Float32Array, { groups, rows: outputs });
        expect(count).toBe(positionsIn(map, captured, 6) * 12);
        expect(product.some((x) => x !== 0)).toBe(true);
        expect(product.length).toBe(Y?.length);
        const scale = product.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
        for (const [k, x] of product.entries()) expect(Math.abs((Y?.[k] ?? 0) - x) / scale).toBeLessThan(1e-5);
      }
    }
  });

  it('passes over positions', async () => {
    const [map] = mapsOf(NET) as [LinearMap];
    const [all, some] = await Promise.all(
      [1, 3].map(async (step) =>
        measureMoments({ engine, model: NET, maps: [{ ...map, step }], batches: await batch(10) }),
      ),
    );
    const [whole, thin] = [all?.[0]?.count ?? 0, some?.[0]?.count ?? 0];
    expect(thin).toBe(10 * Math.ceil(whole / 10 / 3));
  });
});

describe('the problem of a layer', () => {
  const problem = async (map: LinearMap, ridge: number) => {
    const [measured] = (await moments(NET, [map])) as [Moments];
    const found = await problemOf(algebra, { map, W: weightsOf(NET, map) }, measured, ridge);
    return { measured, problem: found as MapProblem };
  };
  const [map] = mapsOf(NET).slice(2, 3) as [LinearMap];
  const W = weightsOf(NET, map);

  it('is solved by the dense weights on the whole support', async () => {
    const { problem: whole } = await problem(map, 0.01);
    const V = W.map((_, k) => random(k).normal());
    await solveRows(whole, { W: V, support: new Uint8Array(V.length).fill(1), iterations: 200 });
    for (const [k, x] of V.entries()) expect(x).toBeCloseTo(W[k] as number, 3);
  });

  it('has no gradient left on its support, and zeros elsewhere', async () => {
    const { problem: part } = await problem(map, 0.01);
    const support = Uint8Array.from(W, (_, k) => (random(k).normal() > 0 ? 1 : 0));
    const V = W.slice();
    await solveRows(part, { W: V, support, iterations: 200 });
    const image = await part.H.times(V, map.outputs);
    const G = await part.G({ first: 0, count: map.outputs });
    const scale = Math.max(...G.map(Math.abs));
    for (let k = 0; k < V.length; k++)
      if (support[k] === 1) expect(Math.abs((G[k] as number) - (image[k] as number)) / scale).toBeLessThan(1e-4);
      else expect(V[k]).toBe(0);
  });

  it('says exactly what removing one weight costs', async () => {
    const { problem: whole } = await problem(map, 0.05);
    const inverse = (await whole.H.inverseDiagonal()) as Float64Array;
    for (const removed of [0, 77, 200]) {
      const support = Uint8Array.from(W, (_, k) => (k === removed ? 0 : 1));
      const V = W.slice();
      await solveRows(whole, { W: V, support, iterations: 300 });
      const foretold = (W[removed] as number) ** 2 / (inverse[removed % map.inputs] as number);
      expect((await distance(whole, V, W)) / foretold).toBeCloseTo(1, 2);
    }
  });

  it('measures the variance of the outputs', async () => {
    const { measured } = await problem(map, 0.01);
    const { inputs } = await SOURCE.feeds(inOrder(20));
    const exposed = {
      ...NET,
      graph: { ...NET.graph, outputs: [{ name: 'g', type: 'float32' as const, shape: null }] },
    };
    const session = await engine.createSession(exposed);
    const values = (await session.run(inputs)).get('g')?.data as Float32Array;
    await session.release();
    let wanted = 0;
    for (let o = 0; o < 8; o++) {
      const own = Array.from({ length: 20 }, (_, s) => values[8 * s + o] as number);
      const mean = own.reduce((a, b) => a + b) / 20;
      wanted += own.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 20;
    }
    expect((await outputVariance(algebra, { map, W }, measured)) / wanted).toBeCloseTo(1, 3);
  });

  it('chooses better supports in stages than by magnitude', async () => {
    const { measured } = await problem(map, 0.01);
    const kept = Math.round(0.3 * W.length);
    const stages = Array.from({ length: 10 }, (_, t) =>
      cardinality(W.length, t === 9 ? kept : Math.round(W.length * (1 - (0.7 * (t + 1)) / 10))),
    );
    const layer = await solvableLayer(algebra, { maps: [map], dense: W, moments: [measured] }, 0.01);
    const layers = [layer as SolvableLayer];
    const { supports, weights, errors } = await chooseSupports({ layers, costs: null, constraints: stages });
    const [support] = supports as [Uint8Array];
    expect(support.reduce((a, b) => a + b, 0)).toBe(kept);
    expect((weights[0] as Float32Array).every((w, k) => support[k] === 1 || w === 0)).toBe(true);
    const { problem: whole } = await problem(map, 0.01);
    const largest = cardinality(W.length, kept).support(Float64Array.from(W, (w) => w * w));
    const V = W.slice();
    await solveRows(whole, { W: V, support: largest, iterations: 200 });
    const variance = await outputVariance(algebra, { map, W }, measured);
    expect(errors[0]).toBeLessThan((await distance(whole, V, W)) / variance);
  });
});

describe('what an error in a layer costs', () => {
  const text = (end: string) => `
    opset 17
    input x: float32[N, 4]
    const a: float32[4, 5] = random(1)
    const b: float32[5, 3] = random(2)
    const c: float32[3, 3] = random(3)
    h = MatMul(x, a)
    r = Relu(h)
    g = MatMul(r, b)
    z = MatMul(g, c)
    ${end}
  `;
  const model = parseModelText(text('output z'));
  const source = feedsFromDataset(model, tinyData({ count: 30, sampleDims: [4] }));
  const maps = mapsOf(model);
  const weights = maps.map((map) => weightsOf(model, map).map((w) => 0.9 * w));
  const errors = [0.5, 0, 2];
  const batches = (count: number) => () => inputBatches(source, inOrder(count), 8);
  const costsOf = async (of: Model, { samples = 30, by = weights } = {}) =>
    (
      await costMeter({
        engine,
        model: of,
        heads: (await headsOf(of, { engine, source })).heads,
        layers: maps.map(({ layer }) => layer),
        batches: batches(samples),
      })
    )({ weights: by, errors });

  it('is what it does to the logits, in units of their variance, whether they are the output or go through a softmax; the median without an error', async () => {
    // the second and third layers are linear in their weights: a tenth less of them is a tenth less of the logits; of the first too, behind a Relu
    const costs = await costsOf(model);
    expect(costs).toHaveLength(3);
    const [first, second, third] = costs as [number, number, number];
    const session = await engine.createSession(model);
    const z = (await session.run((await source.feeds(inOrder(24))).inputs)).get('z')?.data as Float32Array;
    await session.release();
    const tenth = (0.01 * z.reduce((sum, x) => sum + x * x, 0)) / z.length / varianceOf([z]);
    expect(first).toBeCloseTo(tenth / 0.5, 5);
    expect(third).toBeCloseTo(tenth / 2, 5);
    expect(second).toBe(first);
    const inProbabilities = parseModelText(text('p = Softmax(z)\n output p'));
    expect(await costsOf(inProbabilities)).toEqual(costs);
  });

  it('is what it was where the error has become nothing, or nearly', async () => {
    const measureCosts = await costMeter({
      engine,
      model,
      heads: (await headsOf(model, { engine, source })).heads,
      layers: maps.map(({ layer }) => layer),
      batches: batches(30),
    });
    const before = (await measureCosts({ weights, errors: [0.5, 0.5, 0.5] })) as number[];
    const nearly = maps.map((map) => weightsOf(model, map).map((w) => 0.9999 * w));
    const halves = maps.map((map) => weightsOf(model, map).map((w) => 0.5 * w));
    const mixed = [nearly[0], nearly[1], halves[2]] as Float32Array[];
    const after = (await measureCosts({ weights: mixed, errors: [0.01, 0, 0.25] })) as number[];
    expect(after.slice(0, 2)).toEqual(before.slice(0, 2));
    expect(after[2]).toBeCloseTo(((0.25 / 0.01) * (before[2] as number) * 0.5) / 0.25, 4);
  });

  it('is unknown without samples, or where outputs are not finite', async () => {
    expect(await costsOf(model, { samples: 0 })).toBeNull();
    const infinite = weights.map((w) => w.map(() => Number.POSITIVE_INFINITY));
    expect(await costsOf(model, { by: infinite })).toBeNull();
  });

  it('moves the budget', async () => {
    const measured = await measureMoments({
      engine,
      model,
      maps: maps.map((map) => ({ ...map, step: 1 })),
      batches: inputBatches(source, inOrder(30), 30),
    });
    const layers = await Promise.all(
      maps.map(async (map, i) => {
        const moments = measured.slice(i, i + 1);
        return (await solvableLayer(
          algebra,
          { maps: [map], moments, dense: weightsOf(model, map) },
          0.01,
        )) as SolvableLayer;
      }),
    );
    const keptOf = async (costs: number[] | null) => {
      const chosen = await chooseSupports({ layers, costs, constraints: [cardinality(44, 22)] });
      return (chosen.supports[0] as Uint8Array).reduce((a, b) => a + b, 0);
    };
    expect(await keptOf([1, 1, 1])).toBe(await keptOf(null));
    expect(await keptOf([1e6, 1, 1])).toBe(20);
    expect(await keptOf([1e-6, 1, 1])).toBe(0);
  });
});

describe('reconstruct', () => {
  const request = { engine, model: NET, layers: LAYERS, source: SOURCE, samples: 60, ridge: 0.01, seed: 1 };
  const outputs = async (model: Model) => {
    const session = await engine.createSession(model);
    const answer = (await session.run((await SOURCE.feeds(inOrder(60))).inputs)).get('y')?.data as Float32Array;
    await session.release();
    return answer;
  };
  const apart = async (model: Model) => {
    const [a, b] = await Promise.all([outputs(NET), outputs(model)]);
    return a.reduce((sum, x, i) => sum + (x - (b[i] as number)) ** 2, 0);
  };

  it('leaves a model as it is where nothing is to go', async () => {
    const { model } = await reconstruct({ ...request, constraintsOf: () => [keep(1)] });
    const w = readWeights(model, LAYERS);
    const dense = readWeights(NET, LAYERS);
    for (const [i, x] of w.entries()) expect(x).toBeCloseTo(dense[i] as number, 3);
  });

  it('keeps to the budget, the same for the same seed, and is nearer to the dense outputs than magnitude', async () => {
    const constraintsOf = () => [keep(0.8), keep(0.6), keep(0.5)];
    const { model, samples, error } = await reconstruct({ ...request, constraintsOf });
    const w = readWeights(model, LAYERS);
    const kept = w.reduce((count, x) => count + (x === 0 ? 0 : 1), 0);
    expect(kept).toBeLessThanOrEqual(Math.round(0.5 * P));
    expect(kept).toBeGreaterThan(0.45 * P);
    expect([samples, error > 0, error < 1]).toEqual([60, true, true]);
    expect(readWeights((await reconstruct({ ...request, constraintsOf })).model, LAYERS)).toEqual(w);
    const dense = readWeights(NET, LAYERS);
    const largest = keep(0.5).support(dense.map((x) => x * x));
    const byMagnitude = writeWeights(
      NET,
      LAYERS,
      dense.map((x, i) => x * (largest[i] as number)),
    );
    expect(await apart(model)).toBeLessThan(0.5 * (await apart(byMagnitude)));
  });

  it('refuses data without samples, and stops when told to', async () => {
    const empty = { ...SOURCE, count: 0 };
    await expect(reconstruct({ ...request, source: empty, constraintsOf: () => [keep(0.5)] })).rejects.toThrow(
      DataError,
    );
    const signal = AbortSignal.abort();
    await expect(reconstruct({ ...request, signal, constraintsOf: () => [keep(0.5)] })).rejects.toThrow(/abort/i);
  });

  it('works behind operators whose plain form is of one batch size, and on fused ones', async () => {
    const composite = parseModelText(`
      ir 9 opset 17 opset com.microsoft 1
      input x: float32[N, 6]
      const w: float32[6, 8] = random(1)  const v: float32[8, 4] = random(2)  const shape: int64[3] = [-1, 2, 3]  const flat: int64[2] = [-1, 6]
      a = Reshape(x, shape)  n = LpNormalization(a) { p: 2 }  l = com.microsoft:MultiHeadAttention(n, n, n) { num_heads: 1 }  f = Reshape(l, flat)
      h = com.microsoft:FusedMatMul(f, w) { alpha: 0.5 }  r = Relu(h)  y = MatMul(r, v)
      output y
    `);
    const source = feedsFromDataset(composite, tinyData({ count: 40, sampleDims: [6] }));
    const layers = findWeights(composite).prunable;
    const { model, blocked } = await reconstruct({
      ...request,
      model: composite,
      source,
      layers,
      samples: 40,
      constraintsOf: () => [cardinality(80, 40)],
    });
    expect(readWeights(model, layers).reduce((count, x) => count + (x === 0 ? 0 : 1), 0)).toBeLessThanOrEqual(40);
    expect(blocked).toEqual([]);
  });

  it('works on half floats and on some layers alone', async () => {
    const half = parseModelText(`
      opset 17
      input x: float16[N, 6]
      const w: float16[6, 8] = random(1)
      const v: float16[8, 4] = random(2)
      h = MatMul(x, w)
      r = Relu(h)
      y = MatMul(r, v)
      output y
    `);
    const source = feedsFromDataset(half, tinyData({ count: 40, sampleDims: [6] }));
    const layers = findWeights(half).prunable.slice(1) as WeightLayer[];
    const { model } = await reconstruct({
      ...request,
      model: half,
      source,
      layers,
      constraintsOf: () => [cardinality(32, 16)],
    });
    expect(readWeights(model, layers).filter((x) => x !== 0).length).toBe(16);
    expect(readWeights(model, findWeights(half).prunable.slice(0, 1))).toEqual(
      readWeights(half, findWeights(half).prunable.slice(0, 1)),
    );
  });
});
