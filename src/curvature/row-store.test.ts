import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { cardinality } from '../constraints/cardinality.ts';
import { linalg } from '../engine/linalg.ts';
import { onnxruntimeNode } from '../engine/onnxruntime.node.ts';
import { quadratic } from '../problem/quadratic.ts';
import { chitaCd } from '../solvers/chita/active-set.ts';
import { chita } from '../solvers/chita/back-solving.ts';
import { chitaBlock } from '../solvers/chita/block-wise.ts';
import { drive } from '../solvers/drive.ts';
import { random } from '../tensor/random.ts';
import { diskMedium } from './disk-medium.node.ts';
import { elementsOf, layerSizes } from './panel.ts';
import { inBlocks, inMemory, type MakeStore, memoryMedium, type RowStore } from './row-store.ts';

const SIZES = [7, 1, 20];
const N = 6;
const folder = mkdtempSync(join(tmpdir(), 'coppice-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Blocks of at most five columns. */
const small = { blockBytes: 4 * N * 5 };
const STORES: [name: string, make: MakeStore, half: boolean][] = [
  ['in memory', inMemory, false],
  ['in blocks on disk', inBlocks({ ...small, open: () => diskMedium(folder), half: false }), false],
  ['in blocks on disk as bf16', inBlocks({ ...small, open: () => diskMedium(folder), half: true }), true],
  ['in blocks in memory as bf16', inBlocks({ ...small, open: memoryMedium, half: true }), true],
];

/** The same numbers every time: two rows at once, then two that come in two parts, then two one by one. */
function fill(store: RowStore): number[][] {
  const rng = random(4);
  const A = Array.from({ length: N }, () => [] as number[]);
  SIZES.forEach((size, layer) => {
    const rows = Float32Array.from({ length: N * size }, () => rng.normal());
    const row = (i: number): Float32Array => rows.slice(i * size, (i + 1) * size);
    store.put(layer, { first: 0, count: 2 }, rows);
    for (const i of [2, 3]) {
      store.put(
        layer,
        { first: i, count: 1 },
        row(i).map((x) => x / 2),
      );
      store.put(
        layer,
        { first: i, count: 1 },
        row(i).map((x) => x / 2),
      );
    }
    for (const i of [4, 5]) store.put(layer, { first: i, count: 1 }, row(i));
    A.forEach((all, i) => {
      all.push(...row(i));
    });
  });
  return A;
}

describe.each(STORES)('rows %s', (_, make, half) => {
  it('come back by columns, layer after layer', async () => {
    const store = make(N, SIZES);
    const A = fill(store);
    const panels = store.panels();
    expect(layerSizes({ panels })).toEqual(SIZES);
    expect(panels.reduce((sum, { width }) => sum + width, 0)).toBe(28);
    for (const panel of panels) {
      const found = await elementsOf(panel);
      for (let i = 0; i < N; i++)
        for (let j = 0; j < panel.width; j++) {
          const wanted = A[i]?.[panel.start + j] as number;
          const error = Math.abs((found[i * panel.width + j] as number) - wanted);
          expect(error).toBeLessThanOrEqual((half ? 2 ** -8 : 0) * Math.abs(wanted));
        }
    }
    store.release();
  });

  it('lead every method to the weights of rows in memory', async () => {
    const solved = async (store: RowStore, solver: ReturnType<typeof chita>) => {
      fill(store);
      const rows = { n: N, p: 28, panels: store.panels(), meanLoss: null };
      const rng = random(5);
      const wBar = Float64Array.from({ length: 28 }, () => Math.fround(rng.normal()));
      const problem = quadratic(rows, wBar, { lambda: 0.1, firstOrder: 0.2 }, linalg(onnxruntimeNode, 1));
      const solution = await drive(solver, problem, cardinality(28, 12));
      store.release();
      return solution;
    };
    for (const solver of [() => chita({ swaps: 3 }), () => chitaCd({ swaps: 0 }), () => chitaBlock({ block: 6 })]) {
      const wanted = await solved(inMemory(N, SIZES), solver());
      const found = await solved(make(N, SIZES), solver());
      expect(Math.abs(found.value.objective / wanted.value.objective - 1)).toBeLessThan(half ? 0.02 : 1e-6);
    }
  });
});

describe('rows on disk', () => {
  it('leave no file behind', () => {
    const store = inBlocks({ ...small, open: () => diskMedium(folder), half: false })(N, SIZES);
    fill(store);
    store.release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('say what was tried where the file cannot be made', () => {
    expect(() => diskMedium(join(folder, 'missing'))).toThrow(/Cannot make gradient rows in .*free space/s);
  });
});
