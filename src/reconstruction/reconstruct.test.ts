import { describe, expect, it } from 'vitest';
import { tinyData } from '../../test/tiny-data.ts';
import { readWeights, writeWeights } from '../apply/weights.ts';
import { cardinality } from '../constraints/cardinality.ts';
import { inOrder } from '../data/batches.ts';
import { feedsFromDataset, inputBatches } from '../data/feeds.ts';
import { liftAndCapture } from '../engine/capture.ts';
import { linalg } from '../engine/linalg.ts';
import { onnxruntimeNode as engine } from '../engine/onnxruntime.node.ts';
import { DataError, UnsupportedOpError } from '../errors/errors.ts';
import { findWeights, type WeightLayer } from '../graph/weights.ts';
import type { Model } from '../ir/model.ts';
import { parseModelText } from '../onnx/text.ts';
import { random } from '../tensor/random.ts';
import { costMeter } from './layer-costs.ts';
import { type LinearMap, linearMaps } from './layer-inputs.ts';
import { outputVariance, problemOf } from './layer-problem.ts';
import { distance, inverseDiagonal, solveOnSupport } from './least-squares.ts';
import { type Moments, measureMoments } from './moments.ts';
import { reconstruct } from './reconstruct.ts';
import { chooseSupports, solvableLayers } from './supports.ts';

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
  return linearMaps(findWeights(model).prunable);
}

function weightsOf(model: Model, { layer }: LinearMap): Float32Array {
  return Float32Array.from(readWeights(model, [layer]));
}

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
      const product = await algebra.products(weightsOf(model, map), Float32Array.from(gram), {
        groups: map.groups,
        rows: map.outputs,
      });
      expect(count).toBeGreaterThanOrEqual(20);
      expect(sum.some((x) => x !== 0)).toBe(true);
      const scale = Math.max(...product.map(Math.abs));
      for (const [k, x] of product.entries()) expect(Math.abs((cross?.[k] ?? 0) - x) / scale).toBeLessThan(1e-5);
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

  it('is what transposed convolutions and weights on the left are not', () => {
    const odd = parseModelText(`
      opset 17
      input x: float32[N, 2, 4, 4]
      const u: float32[2, 3, 2, 2] = random(1)
      const a: float32[4, 5] = random(2)
      h = ConvTranspose(x, u) { strides: [2, 2] }
      y = MatMul(a, h)
      output y
    `);
    const layers = findWeights(odd).prunable;
    expect(() => linearMaps(layers)).toThrow(UnsupportedOpError);
    expect(() => linearMaps(layers)).toThrow(/"u", "a".*--exclude/);
  });
});

describe('the problem of a layer', () => {
  const problem = async (map: LinearMap, ridge: number) => {
    const [measured] = (await moments(NET, [map])) as [Moments];
    return { measured, problem: await problemOf(algebra, { map, W: weightsOf(NET, map) }, measured, ridge) };
  };
  const [map] = mapsOf(NET).slice(2, 3) as [LinearMap];
  const W = weightsOf(NET, map);

  it('is solved by the dense weights on the whole support', async () => {
    const { problem: whole } = await problem(map, 0.01);
    const V = W.map((_, k) => random(k).normal());
    await solveOnSupport(algebra, whole, { W: V, support: new Uint8Array(V.length).fill(1), iterations: 200 });
    for (const [k, x] of V.entries()) expect(x).toBeCloseTo(W[k] as number, 3);
  });

  it('has no gradient left on its support, and zeros elsewhere', async () => {
    const { problem: part } = await problem(map, 0.01);
    const support = Uint8Array.from(W, (_, k) => (random(k).normal() > 0 ? 1 : 0));
    const V = W.slice();
    await solveOnSupport(algebra, part, { W: V, support, iterations: 200 });
    const image = await algebra.products(V, part.H, { groups: 1, rows: map.outputs });
    const scale = Math.max(...part.G.map(Math.abs));
    for (let k = 0; k < V.length; k++)
      if (support[k] === 1) expect(Math.abs((part.G[k] as number) - (image[k] as number)) / scale).toBeLessThan(1e-4);
      else expect(V[k]).toBe(0);
  });

  it('says exactly what removing one weight costs', async () => {
    const { problem: whole } = await problem(map, 0.05);
    const inverse = inverseDiagonal(whole) as Float64Array;
    for (const removed of [0, 77, 200]) {
      const support = Uint8Array.from(W, (_, k) => (k === removed ? 0 : 1));
      const V = W.slice();
      await solveOnSupport(algebra, whole, { W: V, support, iterations: 300 });
      const foretold = (W[removed] as number) ** 2 / (inverse[removed % map.inputs] as number);
      expect((await distance(algebra, whole, V, W)) / foretold).toBeCloseTo(1, 2);
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
    const layers = await solvableLayers({ algebra, dense: [{ map, W }], measured: [measured], ridge: 0.01 });
    const { supports, weights, errors } = await chooseSupports({ algebra, layers, costs: null, constraints: stages });
    const [support] = supports as [Uint8Array];
    expect(support.reduce((a, b) => a + b, 0)).toBe(kept);
    expect((weights[0] as Float32Array).every((w, k) => support[k] === 1 || w === 0)).toBe(true);
    const { problem: whole } = await problem(map, 0.01);
    const largest = cardinality(W.length, kept).support(Float64Array.from(W, (w) => w * w));
    const V = W.slice();
    await solveOnSupport(algebra, whole, { W: V, support: largest, iterations: 200 });
    const variance = await outputVariance(algebra, { map, W }, measured);
    expect(errors[0]).toBeLessThan((await distance(algebra, whole, V, W)) / variance);
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
    (await costMeter({ engine, model: of, maps, batches: batches(samples) }))({ weights: by, errors });

  it('is what it does to the logits, whether they are the output or go through a softmax; the median without an error', async () => {
    // the second and third layers are linear in their weights: a tenth less of them is a tenth less of the logits; of the first too, behind a Relu
    const costs = await costsOf(model);
    expect(costs).toHaveLength(3);
    const [first, second, third] = costs as [number, number, number];
    expect(first).toBeCloseTo(0.01 / 0.5, 6);
    expect(third).toBeCloseTo(0.01 / 2, 6);
    expect(second).toBe(first);
    const inProbabilities = parseModelText(text('p = Softmax(z)\n output p'));
    expect(await costsOf(inProbabilities)).toEqual(costs);
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
    const dense = maps.map((map) => ({ map, W: weightsOf(model, map) }));
    const layers = await solvableLayers({ algebra, dense, measured, ridge: 0.01 });
    const keptOf = async (costs: number[] | null) => {
      const chosen = await chooseSupports({ algebra, layers, costs, constraints: [cardinality(44, 22)] });
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
    const { w } = await reconstruct({ ...request, constraints: [keep(1)] });
    const dense = readWeights(NET, LAYERS);
    for (const [i, x] of w.entries()) expect(x).toBeCloseTo(dense[i] as number, 3);
  });

  it('keeps to the budget, the same for the same seed, and is nearer to the dense outputs than magnitude', async () => {
    const constraints = [keep(0.8), keep(0.6), keep(0.5)];
    const { model, w, samples, error } = await reconstruct({ ...request, constraints });
    const kept = w.reduce((count, x) => count + (x === 0 ? 0 : 1), 0);
    expect(kept).toBeLessThanOrEqual(Math.round(0.5 * P));
    expect(kept).toBeGreaterThan(0.45 * P);
    expect([samples, error > 0, error < 1]).toEqual([60, true, true]);
    expect(readWeights(model, LAYERS)).toEqual(w);
    expect((await reconstruct({ ...request, constraints })).w).toEqual(w);
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
    await expect(reconstruct({ ...request, source: empty, constraints: [keep(0.5)] })).rejects.toThrow(DataError);
    const signal = AbortSignal.abort();
    await expect(reconstruct({ ...request, signal, constraints: [keep(0.5)] })).rejects.toThrow(/abort/i);
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
      constraints: [cardinality(32, 16)],
    });
    expect(readWeights(model, layers).filter((x) => x !== 0).length).toBe(16);
    expect(readWeights(model, findWeights(half).prunable.slice(0, 1))).toEqual(
      readWeights(half, findWeights(half).prunable.slice(0, 1)),
    );
  });
});
