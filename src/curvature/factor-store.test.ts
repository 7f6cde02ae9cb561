import { describe, expect, it } from 'vitest';
import { tinyData } from '../../test/tiny-data.ts';
import { cardinality } from '../constraints/cardinality.ts';
import { feedsFromDataset } from '../data/dataset-feeds.ts';
import { linalg } from '../engine/linalg.ts';
import { onnxruntimeNode } from '../engine/onnxruntime.node.ts';
import { parseModelText } from '../onnx/text.ts';
import { quadratic } from '../problem/quadratic.ts';
import { rowsOf } from '../pruning/gradients.ts';
import { chooseLayers } from '../pruning/layers.ts';
import { chitaCd } from '../solvers/chita/active-set.ts';
import { chita } from '../solvers/chita/back-solving.ts';
import { chitaBlock } from '../solvers/chita/block-wise.ts';
import { drive } from '../solvers/drive.ts';
import type { AnySolver } from '../solvers/solver.ts';
import { woodfisher } from '../solvers/woodfisher/woodfisher.ts';
import { random } from '../tensor/random.ts';
import { asFactors } from './factor-store.ts';
import { layerSensitivity } from './layer-sensitivity.ts';
import { multiplyOut, pickOuterColumns } from './outer-products.ts';
import { elementsOf, layerSizes } from './panel.ts';
import { type FactorSizes, inBlocks, inMemory, type MakeStore, memoryMedium } from './row-store.ts';

const N = 7;
const BLOCK = 4 * N * 10;
const BASES: [name: string, base: MakeStore][] = [
  ['in memory', inMemory],
  ['in blocks', inBlocks({ open: memoryMedium, blockBytes: BLOCK, half: false })],
];
/** Layers of 6, 3 x 4, 5 and 2 x 9 weights; the second and the last as factors. */
const SIZES = [6, 12, 5, 18];
const FACTORS: (FactorSizes | null)[] = [null, [3, 4], null, [2, 9]];

async function columnsOf(panels: ReturnType<ReturnType<MakeStore>['panels']>): Promise<Float32Array[]> {
  const rows = Array.from({ length: N }, () => new Float32Array(41));
  for (const panel of panels) {
    const elements = await elementsOf(panel);
    for (let i = 0; i < N; i++) rows[i]?.set(elements.subarray(i * panel.width, (i + 1) * panel.width), panel.start);
  }
  return rows;
}

describe.each(BASES)('factors beside rows %s', (_, base) => {
  it('come back multiplied out, every layer at its place', async () => {
    const rng = random(3);
    const draw = (length: number): Float32Array => Float32Array.from({ length }, () => rng.normal());
    const whole = inMemory(N, SIZES);
    const store = asFactors(base, BLOCK)(N, SIZES, FACTORS);
    for (let first = 0; first < N; first += 3) {
      const count = Math.min(3, N - first);
      SIZES.forEach((size, layer) => {
        const factors = FACTORS[layer] ?? null;
        if (factors === null) {
          const rows = draw(3 * size);
          for (const one of [whole, store]) one.put(layer, { first, count }, rows);
          return;
        }
        const [a, b] = factors;
        const [left, right] = [draw(3 * a), draw(3 * b)];
        store.put(layer, { first, count }, { left, right });
        const product = Float32Array.from({ length: count * size }, (_, at) => {
          const [i, j] = [Math.floor(at / size), at % size];
          return (left[i * a + Math.floor(j / b)] as number) * (right[i * b + (j % b)] as number);
        });
        whole.put(layer, { first, count }, product);
      });
    }
    const panels = store.panels();
    expect(layerSizes({ panels })).toEqual(SIZES);
    expect(panels.length).toBeGreaterThan(4);
    expect(await columnsOf(panels)).toEqual(await columnsOf(whole.panels()));
    expect(await columnsOf([...panels].reverse())).toEqual(await columnsOf(whole.panels()));
    store.release();
  });
});

describe('products from factors', () => {
  const rng = random(8);
  const draw = (length: number): Float32Array => Float32Array.from({ length }, () => rng.normal());
  const [a, b] = [6, 5];
  const [left, right] = [draw(N * a), draw(N * b)];
  const whole = new Float32Array(N * a * b);
  multiplyOut({ left, right, a, b, from: 0, to: a * b }, whole);

  it.each([
    [0, 30],
    [3, 17],
    [10, 15],
    [26, 30],
  ])('of columns %i to %i are those of the whole, to the bit', (from, to) => {
    const factors = { left, right, a, b, from, to };
    const wanted = Array.from({ length: N }, (_, i) => [...whole.subarray(i * a * b + from, i * a * b + to)]);
    const out = new Float32Array(N * (to - from));
    multiplyOut(factors, out);
    expect([...out]).toEqual(wanted.flat());
    const picked = Int32Array.of(0, 1, to - from - 1);
    const block = new Float32Array(N * picked.length);
    pickOuterColumns(factors, picked, block);
    expect([...block]).toEqual(wanted.flatMap((row) => [...picked].map((j) => row[j])));
  });

  it('are the elements in their order', () => {
    expect(whole[7 + 2 * a * b]).toBe(Math.fround((left[2 * a + 1] as number) * (right[2 * b + 2] as number)));
  });
});

describe('what is solved for', () => {
  const SIZES = [9000, 3 * 4100, 300];
  const FACTORS: (FactorSizes | null)[] = [null, [3, 4100], null];
  const [n, p] = [9, 21_600];
  const blockBytes = 4 * n * 4096;
  const disk = inBlocks({ open: memoryMedium, blockBytes, half: false });
  const STORES: [name: string, store: MakeStore, factored: boolean][] = [
    ['in blocks', disk, false],
    ['in larger blocks', inBlocks({ open: memoryMedium, blockBytes: 2.5 * blockBytes, half: false }), false],
    ['as factors', asFactors(inMemory, blockBytes), true],
    ['as factors beside blocks', asFactors(disk, 2 * blockBytes), true],
  ];
  const draw = (length: number, seed: string): Float32Array => {
    const rng = random(seed);
    return Float32Array.from({ length }, () => rng.normal());
  };
  const wBar = Float64Array.from(draw(p, 'weights'));
  const solved = async (solver: AnySolver, make: MakeStore, factored: boolean) => {
    const store = make(n, SIZES, factored ? FACTORS : undefined);
    SIZES.forEach((size, layer) => {
      const [a, b] = FACTORS[layer] ?? [0, 0];
      const [left, right] = [draw(n * a, `left ${layer}`), draw(n * b, `right ${layer}`)];
      const whole = draw(n * size, `rows ${layer}`);
      if (a > 0) multiplyOut({ left, right, a, b, from: 0, to: a * b }, whole);
      store.put(layer, { first: 0, count: n }, a > 0 && factored ? { left, right } : whole);
    });
    const rows = { n, p, panels: store.panels(), meanLoss: null };
    const problem = quadratic(rows, wBar, { lambda: 0.1, firstOrder: 0.2 }, linalg(onnxruntimeNode, 1));
    const { w, value } = await drive(solver, problem, cardinality(p, 4000));
    return { w: Buffer.from(w.buffer).toString('base64'), value, layers: await layerSensitivity(rows, wBar, 1) };
  };

  it.each([
    ['chita', () => chita({ swaps: 2 })],
    ['chita-cd', () => chitaCd({ swaps: 1 })],
    ['chita-block', () => chitaBlock({ block: 2000 })],
    ['woodfisher', woodfisher],
  ])('by %s is the same to the bit, however the rows are kept', async (_, make) => {
    const wanted = await solved(make(), inMemory, false);
    for (const [name, store, factored] of STORES)
      expect([name, await solved(make(), store, factored)]).toEqual([name, wanted]);
  });
});

describe('rows of linear layers and of convolutions with one cell of output', () => {
  const NET = parseModelText(`
    input x: float32[N, 2, 4, 4]
    const w0: float32[3, 2, 3, 3] = random(1, 0.5)
    const w1: float32[5, 3, 2, 2] = random(2, 0.5)
    const w2: float32[6, 5, 1, 1] = random(3, 0.5)
    const w3: float32[4, 6] = random(4)
    const w4: float32[4, 3] = random(5)
    c = Conv(x, w0)
    a = Tanh(c)
    d = Conv(a, w1)
    e = Conv(d, w2)
    f = Flatten(e)
    g = Gemm(f, w3) { transB: 1, alpha: 0.5 }
    t = Tanh(g)
    y = MatMul(t, w4)
    output y
  `);
  const { layers } = chooseLayers(NET, {});
  const rows = async (store: MakeStore, factored: ReadonlySet<string>) => {
    const found = await rowsOf({
      engine: onnxruntimeNode,
      model: NET,
      layers,
      source: feedsFromDataset(NET, tinyData({ count: N, sampleDims: [2, 4, 4], classes: 3 })),
      loss: 'cross-entropy',
      labels: 'data',
      samples: N,
      batch: 1,
      rng: random(1),
      augment: false,
      store,
      factored,
    });
    return found.panels;
  };

  it('are the same bits as factors', async () => {
    const all = new Set(layers.map(({ name }) => name));
    const factored: (FactorSizes | null)[][] = [];
    const noting: MakeStore = (n, sizes, factors = []) => {
      factored.push([...factors]);
      return asFactors(inMemory, 1e6)(n, sizes, factors);
    };
    const [found, wanted] = [await rows(noting, all), await rows(inMemory, new Set())];
    expect(factored).toEqual([[null, [5, 12], [6, 5], [4, 6], [3, 4]]]);
    expect(found.map(({ start, width }) => [start, width])).toEqual(wanted.map(({ start, width }) => [start, width]));
    for (const [i, panel] of found.entries())
      expect([...(await elementsOf(panel))]).toEqual(
        [...(await elementsOf(wanted[i] as typeof panel))].map((x) => x + 0),
      );
  });

  it('are whole where nobody asked for factors', async () => {
    for (const { data } of await rows(inMemory, new Set())) expect(data).toBeInstanceOf(Float32Array);
  });
});
