import { describe, expect, it } from 'vitest';
import { tinyData } from '../../test/tiny-data.ts';
import { readWeights } from '../apply/weights.ts';
import { cardinality } from '../constraints/cardinality.ts';
import { inOrder } from '../data/batches.ts';
import { feedsFromDataset } from '../data/dataset-feeds.ts';
import { type FeedSource, inputBatches } from '../data/feeds.ts';
import { linalg } from '../engine/linalg.ts';
import { onnxruntimeNode as engine } from '../engine/onnxruntime.node.ts';
import { UnsupportedOpError } from '../errors/errors.ts';
import { constantsOf } from '../graph/constants.ts';
import { findWeights, type WeightLayer } from '../graph/weights.ts';
import { tensorOf } from '../ir/access.ts';
import type { Constant, Model } from '../ir/model.ts';
import { parseModelText } from '../onnx/text.ts';
import { random } from '../tensor/random.ts';
import type { MapProblem } from './layer-problem.ts';
import { solveLayer } from './least-squares.ts';
import { linearMaps, toMatrix } from './linear-map.ts';
import { measureMoments } from './moments.ts';
import { reconstruct } from './reconstruct.ts';
import { type SolvableLayer, solvableLayer } from './supports.ts';

const algebra = linalg(engine);

function sourceOf(model: Model, dims: number[], count = 60): FeedSource {
  return feedsFromDataset(model, tinyData({ count, sampleDims: dims }));
}

async function solved(model: Model, dims: number[], samples = 60) {
  const layers = findWeights(model).prunable;
  return reconstruct({
    engine,
    model,
    layers,
    source: sourceOf(model, dims),
    constraintsOf: (own) => {
      const p = own.reduce((sum, { size }) => sum + size, 0);
      return [0.8, 0.6, 0.5].map((share) => cardinality(p, Math.round(share * p)));
    },
    samples,
    ridge: 0.01,
    seed: 1,
  });
}

function stored(model: Model, name: string): Float32Array {
  return tensorOf(constantsOf(model.graph).get(name) as Constant).data as Float32Array;
}

async function outputsOf(model: Model, dims: number[]): Promise<Float32Array> {
  const session = await engine.createSession(model);
  const { inputs } = await sourceOf(model, dims).feeds(inOrder(60));
  const y = (await session.run(inputs)).get('y')?.data as Float32Array;
  await session.release();
  return y;
}

async function errorOf(model: Model, pruned: Model, dims: number[]): Promise<number> {
  const [y, z] = await Promise.all([outputsOf(model, dims), outputsOf(pruned, dims)]);
  let [difference, square] = [0, 0];
  for (const [i, x] of y.entries()) {
    difference += (x - (z[i] as number)) ** 2;
    square += x * x;
  }
  return difference / square;
}

/** The same kernel in another order in the file: OIHW to HWIO. */
function moved(values: Float32Array, [o, i, h, w]: readonly [number, number, number, number]): number[] {
  const result: number[] = [];
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++)
      for (let c = 0; c < i; c++)
        for (let f = 0; f < o; f++) result.push(values[((f * i + c) * h + y) * w + x] as number);
  return result;
}

describe('a kernel that is moved to its use', () => {
  const shape = [5, 3, 3, 3] as const;
  const body = (kernel: string) => `
    opset 17
    input x: float32[N, 3, 6, 6]
    ${kernel}
    const v: float32[5, 4] = random(2)
    c = Conv(x, k) { pads: [1, 1, 1, 1] }
    r = Relu(c)
    p = GlobalAveragePool(r)
    f = Flatten(p)
    y = MatMul(f, v)
    output y
  `;

  it('is solved as one that is stored so: the same support, the same weights', async () => {
    const plain = parseModelText(body('const k: float32[5, 3, 3, 3] = random(1)'));
    const values = moved(stored(plain, 'k'), shape);
    const turned = parseModelText(
      body(`const s: float32[3, 3, 3, 5] = [${values.join(', ')}] k = Transpose(s) { perm: [3, 2, 0, 1] }`),
    );
    const [a, b] = [await solved(plain, [3, 6, 6]), await solved(turned, [3, 6, 6])];
    const wanted = moved(stored(a.model, 'k'), shape);
    expect([...stored(b.model, 's')]).toEqual(wanted);
    expect([...stored(b.model, 'v')]).toEqual([...stored(a.model, 'v')]);
    expect(wanted.filter((x) => x === 0).length).toBeGreaterThan(30);
  });
});

describe('a weight that is used both ways', () => {
  const tied = parseModelText(`
    opset 17
    input x: float32[N, 8]
    const w: float32[8, 8] = random(1, 0.4)
    a = MatMul(x, w)
    h = Tanh(a)
    y = Gemm(h, w) { transB: 1 }
    output y
  `);

  it('is solved for the sum of both problems: no gradient is left on its support', async () => {
    const layer = findWeights(tied).prunable[0] as WeightLayer;
    const maps = linearMaps(layer, layer) ?? [];
    expect(maps).toHaveLength(2);
    const dense = Float32Array.from(readWeights(tied, [layer]));
    const batches = inputBatches(sourceOf(tied, [8]), inOrder(60), 60);
    const asked = { engine, model: tied, maps: maps.map((map) => ({ ...map, step: 1 })), batches };
    const moments = await measureMoments(asked);
    const { problem } = (await solvableLayer(algebra, { maps, moments, dense }, 0.01)) as SolvableLayer;
    const support = Uint8Array.from(dense, (_, k) => (random(k).normal() > 0 ? 1 : 0));
    const W = dense.slice();
    await solveLayer(problem, { W, support, iterations: 100 });
    const gradient = new Float64Array(W.length);
    const size = new Float64Array(W.length);
    for (const part of problem.parts as readonly (MapProblem & { share: number })[]) {
      const { map } = part;
      const image = await part.H.times(toMatrix(map, W), map.outputs);
      const G = await part.G({ first: 0, count: map.outputs });
      for (let k = 0; k < W.length; k++) {
        const at = map.places === null ? k : (map.places[k] as number);
        (gradient[at] as number) += part.share * ((G[k] as number) - (image[k] as number));
        (size[at] as number) += part.share * Math.abs(G[k] as number);
      }
    }
    const scale = Math.max(...size);
    for (const [k, g] of gradient.entries())
      if (support[k] === 1) expect(Math.abs(g) / scale).toBeLessThan(1e-4);
      else expect(W[k]).toBe(0);
  });

  it('ends nearer to the dense model than magnitude', async () => {
    const { model } = await solved(tied, [8]);
    const w = stored(tied, 'w');
    const largest = cardinality(64, 32).support(Float64Array.from(w, (x) => x * x));
    const values = w.map((x, i) => x * (largest[i] as number));
    const pruned = { ...tied, graph: { ...tied.graph, constants: new Map(tied.graph.constants) } };
    pruned.graph.constants.set('w', {
      type: 'float32',
      dims: [8, 8],
      raw: new Uint8Array(values.buffer),
    });
    expect(stored(model, 'w').filter((x) => x === 0)).toHaveLength(32);
    expect(await errorOf(tied, model, [8])).toBeLessThan(0.85 * (await errorOf(tied, pruned, [8])));
  });
});

describe('a layer of more inputs than samples', () => {
  it('is solved through the inputs themselves as through their second moments', async () => {
    const wide = parseModelText(`
      opset 17
      input x: float32[N, 40]
      const w: float32[40, 6] = random(1)
      y = MatMul(x, w)
      output y
    `);
    const layer = findWeights(wide).prunable[0] as WeightLayer;
    const maps = linearMaps(layer, layer) ?? [];
    const dense = Float32Array.from(readWeights(wide, [layer]));
    const [kept, gram] = await Promise.all(
      [true, false].map(async (keeps) => {
        const batches = inputBatches(sourceOf(wide, [40]), inOrder(12), 5);
        const moments = await measureMoments({
          engine,
          model: wide,
          maps: maps.map((map) => ({ ...map, step: 1, keeps })),
          batches,
        });
        return (await solvableLayer(algebra, { maps, moments, dense }, 0.01)) as SolvableLayer;
      }),
    );
    expect(kept?.facts[0]?.variance).toBeCloseTo(gram?.facts[0]?.variance as number, 3);
    for (const [i, x] of (kept?.facts[0]?.inverse ?? []).entries())
      expect(x / (gram?.facts[0]?.inverse[i] as number)).toBeCloseTo(1, 4);
    const support = Uint8Array.from(dense, (_, k) => (random(k).normal() > 0 ? 1 : 0));
    const [a, b] = [dense.slice(), dense.slice()];
    await solveLayer((kept as SolvableLayer).problem, { W: a, support, iterations: 60 });
    await solveLayer((gram as SolvableLayer).problem, { W: b, support, iterations: 60 });
    for (const [k, x] of a.entries()) expect(x).toBeCloseTo(b[k] as number, 4);
  });
});

describe('a layer that cannot be solved', () => {
  const net = (scale: string) =>
    parseModelText(`
      opset 17
      input x: float32[N, 6]
      const a: float32[6, 5] = random(1)
      const b: float32[5, 4] = random(2)
      const big: float32[] = [${scale}]
      const zero: float32[] = [0]
      h = MatMul(x, a)
      s = Mul(h, big)
      z = MatMul(s, b)
      m = Mul(z, zero)
      t = Tanh(h)
      const c: float32[5, 4] = random(3)
      u = MatMul(t, c)
      y = Add(u, m)
      output y
    `);

  it('is left as it is where its inputs are too large, and the run goes on', async () => {
    const model = net('1e30');
    const { model: pruned, blocked, layers } = await solved(model, [6]);
    expect(blocked.map(({ layer, reason }) => [layer.name, reason])).toEqual([
      ['b', expect.stringMatching(/not finite, or too large/)],
    ]);
    expect(layers.map(({ name }) => name)).toEqual(['a', 'c']);
    expect([...stored(pruned, 'b')]).toEqual([...stored(model, 'b')]);
    expect(readWeights(pruned, layers).filter((x) => x === 0)).toHaveLength(25);
  });

  it('is left as it is where another operator reads the weight too', async () => {
    const text = `
      opset 17
      input x: float32[N, 6]
      const table: float32[6, 4] = random(1)
      const v: float32[4, 4] = random(2)
      const ids: int64[1] = [2]
      g = Gather(table, ids)
      h = MatMul(x, table)
      t = Add(h, g)
      y = MatMul(t, v)
      output y
    `;
    const { blocked, layers } = await solved(parseModelText(text), [6]);
    expect(blocked.map(({ layer, reason }) => [layer.name, reason])).toEqual([
      ['table', 'Gather reads it too, which is no linear map of it'],
    ]);
    expect(layers.map(({ name }) => name)).toEqual(['v']);
  });

  it('is refused where there is no other', async () => {
    const alone = parseModelText(`
      opset 17
      input x: float32[N, 6]
      const b: float32[6, 4] = random(2)
      const big: float32[] = [1e30]
      s = Mul(x, big)
      y = MatMul(s, b)
      output y
    `);
    await expect(solved(alone, [6])).rejects.toThrow(UnsupportedOpError);
    await expect(solved(alone, [6])).rejects.toThrow(/of any layer \("b": what it is multiplied by/);
  });
});
