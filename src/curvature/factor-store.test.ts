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
import { random } from '../tensor/random.ts';
import { asFactors } from './factor-store.ts';
import { layerSensitivity } from './layer-sensitivity.ts';
import {
  addOuterProduct,
  multiplyOut,
  outerSquares,
  pickOuterColumns,
  transposedOuterProduct,
} from './outer-products.ts';
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
  const [a, b, from, to] = [6, 5, 1, 5];
  const factors = { left: draw(N * a), right: draw(N * b), a, b, from, to };
  const width = (to - from) * b;
  const A = new Float32Array(N * width);
  multiplyOut(factors, A);
  const row = (i: number): Float32Array => A.subarray(i * width, (i + 1) * width);
  const close = (found: ArrayLike<number>, wanted: readonly number[]): void => {
    expect(found.length).toBe(wanted.length);
    wanted.forEach((x, i) => {
      expect(Math.abs((found[i] as number) - x)).toBeLessThan(1e-5);
    });
  };

  it('are those of the rows multiplied out', () => {
    const [x, r] = [Float64Array.from(draw(width)), Float64Array.from(draw(N))];
    const y = new Float64Array(N).fill(1);
    addOuterProduct(factors, x, y);
    close(
      y,
      Array.from(y, (_, i) => 1 + row(i).reduce((sum, value, j) => sum + value * (x[j] as number), 0)),
    );
    const columns = Array.from({ length: width }, (_, j) => Array.from({ length: N }, (_, i) => row(i)[j] as number));
    close(
      transposedOuterProduct(factors, r),
      columns.map((column) => column.reduce((sum, value, i) => sum + value * (r[i] as number), 0)),
    );
    close(
      outerSquares(factors),
      columns.map((column) => column.reduce((sum, value) => sum + value ** 2, 0)),
    );
  });

  it('pick columns to the bit', () => {
    const picked = Int32Array.of(0, 4, 5, 11, 19);
    const block = new Float32Array(N * picked.length);
    pickOuterColumns(factors, picked, block);
    expect([...block]).toEqual(Array.from({ length: N }, (_, i) => [...picked].map((j) => row(i)[j])).flat());
  });

  it.each([
    ['chita', () => chita({ swaps: 2 })],
    ['chita-cd', () => chitaCd({ swaps: 0 })],
    ['chita-block', () => chitaBlock({ block: 7 })],
  ])('lead %s to the objective of whole rows', async (_, make) => {
    const wBar = Float64Array.from(draw(41));
    const solved = async (isWhole: boolean): Promise<number> => {
      const rng = random(9);
      const draw = (length: number): Float32Array => Float32Array.from({ length }, () => rng.normal());
      const store = asFactors(inMemory, BLOCK)(N, SIZES, isWhole ? undefined : FACTORS);
      SIZES.forEach((size, layer) => {
        const [a, b] = FACTORS[layer] ?? [0, 0];
        const [left, right] = [draw(N * a), draw(N * b)];
        const whole = a === 0 ? draw(N * size) : new Float32Array(N * size);
        if (a > 0) multiplyOut({ left, right, a, b, from: 0, to: a }, whole);
        store.put(layer, { first: 0, count: N }, a === 0 || isWhole ? whole : { left, right });
      });
      const rows = { n: N, p: 41, panels: store.panels(), meanLoss: null };
      const problem = quadratic(rows, wBar, { lambda: 0.1, firstOrder: 0.2 }, linalg(onnxruntimeNode, 1));
      const { value } = await drive(make(), problem, cardinality(41, 15));
      expect(await layerSensitivity(rows, wBar, 1)).toHaveLength(SIZES.length);
      return value.objective;
    };
    const [found, wanted] = [await solved(false), await solved(true)];
    expect(Math.abs(found / wanted - 1)).toBeLessThan(1e-6);
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
