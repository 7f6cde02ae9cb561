import { describe, expect, it } from 'vitest';
import { ShapeError } from '../errors/errors.ts';
import { random } from '../tensor/random.ts';
import { columnsOf, gramOf, lowerGramOf, markedColumns } from './columns.ts';
import { denseObjective, product, times, transposed } from './dense.cases.ts';
import { quadratic } from './quadratic.ts';
import { SMALL_PROBLEMS, smallProblem } from './small-problems.cases.ts';

function normals(length: number, seed: number): Float64Array {
  const rng = random(seed);
  return Float64Array.from({ length }, () => rng.normal());
}

describe('quadratic', () => {
  it.each(SMALL_PROBLEMS)(
    'has the value of dense algebra and its parts add up, on $name',
    async ({ problem, dense }) => {
      const w = normals(problem.p, 1);
      const { objective, fit, ridge, firstOrder, product: Ad } = await problem.value(w);
      expect(objective / denseObjective(dense, w)).toBeCloseTo(1, 12);
      expect(fit + ridge + firstOrder).toBeCloseTo(objective, 12);
      times(
        dense.A,
        w.map((x, i) => x - (problem.wBar[i] as number)),
      ).forEach((x, i) => {
        expect(Ad[i]).toBeCloseTo(x, 10);
      });
    },
  );

  it.each(SMALL_PROBLEMS)('is zero at wBar, where its gradient is a A e, on $name', async ({ problem, dense }) => {
    const { objective, product: none } = await problem.value(problem.wBar);
    const g = await problem.gradient(problem.wBar, none);
    expect(objective).toBe(0);
    times(
      transposed(dense.A),
      dense.A.map(() => problem.a),
    ).forEach((x, i) => {
      expect(g[i]).toBeCloseTo(x, 5);
    });
  });

  it.each(SMALL_PROBLEMS)('has the gradient that central differences give, on $name', async ({ problem }) => {
    const [w, u] = [normals(problem.p, 2), normals(problem.p, 3)];
    const g = await problem.gradient(w, (await problem.value(w)).product);
    const at = async (h: number) => (await problem.value(w.map((x, i) => x + h * (u[i] as number)))).objective;
    const difference = ((await at(1)) - (await at(-1))) / 2; // exact for a quadratic, whatever the step
    const slope = g.reduce((sum, x, i) => sum + x * (u[i] as number), 0);
    const scale = Math.sqrt(g.reduce((sum, x) => sum + x * x, 0)) * Math.sqrt(problem.p);
    expect(Math.abs(difference - slope)).toBeLessThan(1e-6 * scale);
  });

  it('has the same value however near the point is that it was reckoned from', async () => {
    const { problem, dense } = smallProblem({ n: 5, widths: [40, 3, 50], firstOrder: 0.5, seed: 6 });
    const w = normals(problem.p, 4);
    let point = { w, value: await problem.value(w) };
    for (const places of [[7], [], [41, 42], [0, 60, 92], [...w.keys()]]) {
      const moved = point.w.map((x, i) => (places.includes(i) ? x - 1.5 : x));
      const value = await problem.value(moved, point);
      expect(value.objective / denseObjective(dense, moved)).toBeCloseTo(1, 12);
      times(
        dense.A,
        moved.map((x, i) => x - (problem.wBar[i] as number)),
      ).forEach((x, i) => {
        expect(value.product[i]).toBeCloseTo(x, 10);
      });
      point = { w: moved, value };
    }
  });

  it('does not go on from a point where it has no value', async () => {
    const { problem, dense } = smallProblem({ n: 5, widths: [40], seed: 6 });
    const w = normals(problem.p, 4);
    const broken = await problem.value(w.map((x, i) => (i === 3 ? Number.NaN : x)));
    expect(broken.objective).toBeNaN();
    expect((await problem.value(w)).objective / denseObjective(dense, w)).toBeCloseTo(1, 12);
  });

  it('takes mu = n lambda', () => {
    expect(smallProblem({ n: 8, widths: [3], lambda: 0.25 }).problem.mu).toBe(2);
  });

  it('refuses weights of another number', () => {
    const { problem } = smallProblem({ n: 2, widths: [3] });
    const make = () => quadratic(problem.rows, new Float64Array(4), { lambda: 1, firstOrder: 0 }, problem.linalg);
    expect(make).toThrow(ShapeError);
  });
});

describe('columns', () => {
  const { problem, dense } = smallProblem({ n: 4, widths: [5, 3], seed: 2 });
  const marks = Uint8Array.of(1, 0, 1, 1, 0, 0, 1, 0);

  it('are gathered layer by layer, a few at a time, in order', async () => {
    const seen: number[][] = [];
    for await (const { indices, data } of markedColumns(problem, marks, 2)) {
      const wanted = dense.A.flatMap((row) => [...indices].map((j) => row[j] as number));
      expect([...data]).toEqual(wanted);
      seen.push([...indices]);
    }
    expect(seen).toEqual([[0, 2], [3], [6]]);
  });

  it('are not copied where a whole layer is wanted', async () => {
    const panel = problem.rows.panels[1] as (typeof problem.rows.panels)[number];
    expect((await columnsOf(problem.rows, Int32Array.of(5, 6, 7))).data).toBe(panel.data);
  });

  it('are put together where they lie in two panels', async () => {
    const { data } = await columnsOf(problem.rows, Int32Array.of(3, 4, 6));
    expect([...data]).toEqual(dense.A.flatMap((row) => [3, 4, 6].map((j) => row[j] as number)));
  });

  it('make the Gram matrix of the marked ones in f64', async () => {
    const AS = dense.A.map((row) => row.filter((_, j) => marks[j] === 1));
    const wanted = product(AS, transposed(AS)).flat();
    (await gramOf(problem, marks)).forEach((x, i) => {
      expect(x).toBeCloseTo(wanted[i] as number, 12);
    });
    (await lowerGramOf(problem, marks)).forEach((x, i) => {
      if (i % 4 <= Math.floor(i / 4)) expect(x).toBeCloseTo(wanted[i] as number, 4);
    });
  });
});
