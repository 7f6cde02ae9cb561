import { describe, expect, it } from 'vitest';
import { linalg } from '../engine/linalg.ts';
import { onnxruntimeNode } from '../engine/onnxruntime.node.ts';
import { ShapeError } from '../errors/errors.ts';
import { random } from '../tensor/random.ts';
import { inverse as inverted } from './dense.cases.ts';
import { layerModel } from './layer.ts';
import { lacking, type Solved } from './problem.ts';
import { denseLayerObjective, denseLayerSolve, SMALL_LAYERS, type SmallLayer } from './small-layers.cases.ts';
import { SMALL_PROBLEMS } from './small-problems.cases.ts';

function everyOther(p: number): Uint8Array {
  return Uint8Array.from({ length: p }, (_, i) => i % 2);
}

function somewhere({ problem }: SmallLayer): Float64Array {
  const rng = random(5);
  return problem.wBar.map((x) => (rng.uniform() < 0.5 ? x : x + rng.normal()));
}

describe.each(SMALL_LAYERS)('$name', (small) => {
  const { problem } = small;

  it('has the values of plain sums, whatever point is near', async () => {
    const w = somewhere(small);
    const wanted = denseLayerObjective(small, w);
    const near = { w: problem.wBar.map((x, i) => (i < 3 ? x + 1 : x)), value: await problem.value(problem.wBar) };
    const there = { ...near, value: await problem.value(near.w) };
    for (const value of [await problem.value(w), await problem.value(w, there)])
      expect(value.objective).toBeCloseTo(wanted, 9);
    expect((await problem.value(problem.wBar)).objective).toBe(0);
  });

  it('has the gradient and the curvature of its differences', async () => {
    const w = somewhere(small);
    const { product } = await problem.value(w);
    const g = await problem.gradient(w, product);
    const rng = random(6);
    const d = w.map(() => rng.normal());
    const at = (t: number): number =>
      denseLayerObjective(
        small,
        w.map((x, i) => x + t * (d[i] as number)),
      );
    const slope = d.reduce((sum, x, i) => sum + x * (g[i] as number), 0);
    expect(slope).toBeCloseTo((at(1) - at(-1)) / 2, 8);
    const squares = d.reduce((sum, x) => sum + x * x, 0);
    expect(problem.curvature(d, await problem.times(d))).toBeCloseTo((at(1) + at(-1) - 2 * at(0)) / squares, 8);
    expect(problem.isLeastAtStart).toBe(
      (
        await problem.gradient(
          problem.wBar,
          w.map(() => 0),
        )
      ).every((x) => x === 0),
    );
  });

  it('is solved on a support as its normal equations are', async () => {
    const support = everyOther(problem.p);
    const { w, value } = (await problem.solveOn(support)) as Solved;
    const wanted = denseLayerSolve(small, support);
    wanted.forEach((x, i) => {
      expect(Math.abs(x - (w[i] as number))).toBeLessThan(1e-6 * Math.max(1, Math.abs(x)));
    });
    expect(value.objective).toBeCloseTo(denseLayerObjective(small, w), 9);
  });

  it('knows what each weight is worth when all others are solved again', async () => {
    const support = everyOther(problem.p);
    const worth = await ((await problem.solveOn(support)) as Solved).worth();
    const least = (on: Uint8Array): number => denseLayerObjective(small, denseLayerSolve(small, on));
    const here = least(support);
    for (let i = 0; i < problem.p; i++) {
      const other = least(support.map((x, j) => (j === i ? 1 - x : x)));
      expect(Math.abs((worth[i] as number) - Math.abs(other - here))).toBeLessThan(1e-5 * Math.abs(here) + 1e-9);
    }
  });

  it('has the inverse of each row', async () => {
    const found = await problem.inverse();
    const { inputs } = problem;
    const v = somewhere(small);
    const product = await found?.times(v);
    small.rows.forEach(({ H }, row) => {
      const inverse = inverted(H);
      for (let i = 0; i < inputs; i++) {
        const own = inverse[i] as number[];
        expect(found?.diagonal[row * inputs + i]).toBeCloseTo(own[i] as number, 6);
        const wanted = own.reduce((sum, x, j) => sum + x * (v[row * inputs + j] as number), 0);
        expect(product?.[row * inputs + i]).toBeCloseTo(wanted, 6);
      }
    });
  });
});

describe('layerModel', () => {
  const setup = { groups: 1, outputs: 1, inputs: 2, wBar: Float64Array.of(1, 2) };

  it('refuses sizes that do not fit', () => {
    const algebra = linalg(onnxruntimeNode, 1);
    expect(() => layerModel({ ...setup, H: new Float32Array(3) }, algebra)).toThrow(ShapeError);
    const G = new Float64Array(3);
    expect(() => layerModel({ ...setup, H: new Float32Array(4), G }, algebra)).toThrow(/got 2, 3 and 4 numbers/);
  });

  it('says where a matrix cannot be factored', async () => {
    const problem = layerModel({ ...setup, H: Float32Array.of(1, 2, 2, 1) }, linalg(onnxruntimeNode, 1));
    expect(await problem.inverse()).toBeNull();
    expect(await problem.solveOn(Uint8Array.of(1, 1))).toBeNull();
    expect(await problem.solveOn(Uint8Array.of(1, 0))).not.toBeNull();
  });
});

describe('lacking', () => {
  const needs = ['gradient', 'solve', 'inverse', 'columns', 'layer'] as const;

  it('finds by the problem itself what it cannot do', () => {
    expect(lacking((SMALL_PROBLEMS[0] as (typeof SMALL_PROBLEMS)[0]).problem, needs)).toEqual(['layer']);
    const { problem } = SMALL_LAYERS[0] as SmallLayer;
    expect(lacking(problem, needs)).toEqual(['columns']);
    const { curvature: _, ...flat } = problem;
    expect(lacking(flat, needs)).toEqual(['gradient', 'columns']);
  });
});
