import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BackSolution, backSolve } from './back-solve.ts';
import { denseBackSolve, denseObjective } from './dense.cases.ts';
import { SMALL_PROBLEMS, type SmallProblem, smallProblem } from './small-problems.cases.ts';

function supports(p: number): Uint8Array[] {
  const pick = (rule: (i: number) => boolean): Uint8Array =>
    Uint8Array.from({ length: p }, (_, i) => (rule(i) ? 1 : 0));
  return [pick(() => false), pick(() => true), pick((i) => i % 2 === 0), pick((i) => i < 2), pick((i) => i % 5 !== 0)];
}

async function solutionOf(small: SmallProblem, support: Uint8Array): Promise<Float64Array> {
  return ((await backSolve(small.problem, support)) as BackSolution).w;
}

function largest(values: ArrayLike<number>): number {
  return Array.from(values).reduce((most, x) => Math.max(most, Math.abs(x)), 0);
}

describe('backSolve', () => {
  it.each(SMALL_PROBLEMS)('agrees with the normal equations on $name', async (small) => {
    for (const support of supports(small.problem.p)) {
      const w = await solutionOf(small, support);
      const wanted = denseBackSolve(small.dense, support);
      const error = largest(wanted.map((x, i) => x - (w[i] as number)));
      expect(error).toBeLessThan(1e-4 * largest(small.problem.wBar));
    }
  });

  it.each(SMALL_PROBLEMS)('is zero off its support and the least Q on it, on $name', async (small) => {
    const support = supports(small.problem.p)[2] as Uint8Array;
    const w = await solutionOf(small, support);
    const lowest = denseObjective(small.dense, w);
    const step = 0.01 * largest(small.problem.wBar);
    w.forEach((x, i) => {
      if (support[i] === 0) expect(x).toBe(0);
      else
        for (const sign of [-1, 1])
          expect(denseObjective(small.dense, w.with(i, x + sign * step))).toBeGreaterThan(lowest);
    });
  });

  it('leaves the weights as they are where none is pruned and there is no first-order term', async () => {
    const { problem } = smallProblem({ n: 4, widths: [9] });
    expect(((await backSolve(problem, new Uint8Array(9).fill(1))) as BackSolution).w).toEqual(problem.wBar);
  });

  it('never gives a higher Q on a larger support', async () => {
    const small = smallProblem({ n: 6, widths: [5, 5], lambda: 0.05, firstOrder: 0.3, seed: 8 });
    const bit = fc.constantFrom(0, 1);
    const pair = fc.record({ mask: fc.array(bit, { minLength: 10, maxLength: 10 }), extra: fc.nat(9) });
    await fc.assert(
      fc.asyncProperty(pair, async ({ mask, extra }) => {
        const smaller = await solutionOf(small, Uint8Array.from(mask));
        const larger = await solutionOf(small, Uint8Array.from(mask).with(extra, 1));
        const [above, below] = [denseObjective(small.dense, smaller), denseObjective(small.dense, larger)];
        expect(below).toBeLessThanOrEqual(above + 1e-6 * Math.abs(above));
      }),
      { numRuns: 40, seed: 1 },
    );
  });

  it('returns null where the Gram matrix has no finite factor', async () => {
    const { problem } = smallProblem({ n: 3, widths: [4], entry: () => Number.POSITIVE_INFINITY });
    expect(await backSolve(problem, Uint8Array.of(1, 1, 0, 0))).toBeNull();
  });
});

/** Gradients of a network whose rows nearly agree, as late in training: the case that is hard for a small ridge. */
function nearlyEqualRows(lambda: number): SmallProblem {
  return smallProblem({
    n: 24,
    widths: [60, 60],
    lambda,
    entry: (rng, _, j) => Math.sin(j + 1) + 0.02 * rng.normal(),
    weight: (rng) => 0.1 * rng.normal(),
    seed: 6,
  });
}

/** The published form in f32: w_S = r / mu - A_S' (I + A_S A_S' / mu)^-1 A_S r / mu^2, r = A_S'y + mu wBar_S. */
function textbookInF32({ problem, dense }: SmallProblem, support: Uint8Array): Float64Array {
  const f = Math.fround;
  const S = Array.from(support.keys()).filter((i) => support[i] === 1);
  const { n, mu, wBar } = problem;
  const AS = dense.A.map((row) => S.map((i) => row[i] as number));
  const dot32 = (a: readonly number[], b: readonly number[]): number =>
    a.reduce((sum, x, i) => f(sum + f(x * (b[i] as number))), 0);
  const y = dense.A.map((row) => dot32(row, [...wBar]));
  const r = S.map((i, j) =>
    f(
      dot32(
        AS.map((row) => row[j] as number),
        y,
      ) + f(mu * (wBar[i] as number)),
    ),
  );
  const K = AS.map((row, i) => AS.map((other, j) => f(f(dot32(row, other) / f(mu)) + (i === j ? 1 : 0))));
  const z = eliminate32(
    K,
    AS.map((row) => dot32(row, r)),
  );
  const w = new Float64Array(wBar.length);
  S.forEach((i, j) => {
    const back = dot32(
      Array.from({ length: n }, (_, t) => (AS[t] as number[])[j] as number),
      z,
    );
    w[i] = f(f((r[j] as number) / f(mu)) - f(f(back / f(mu)) / f(mu)));
  });
  return w;
}

/** Gaussian elimination with every operation rounded to f32. */
function eliminate32(K: readonly (readonly number[])[], b: readonly number[]): number[] {
  const f = Math.fround;
  const rows = K.map((row, i) => [...row, b[i] as number]);
  rows.forEach((top, c) => {
    for (const row of rows) {
      if (row === top) continue;
      const factor = f((row[c] as number) / (top[c] as number));
      for (let j = c; j < row.length; j++) row[j] = f((row[j] as number) - f(factor * (top[j] as number)));
    }
  });
  return rows.map((row, i) => f((row.at(-1) as number) / (row[i] as number)));
}

describe('the stable form of the back-solve', () => {
  const support = Uint8Array.from({ length: 120 }, (_, i) => (i % 3 === 0 ? 0 : 1));
  const errorOf = (small: SmallProblem, w: ArrayLike<number>): number =>
    largest(denseBackSolve(small.dense, support).map((x, i) => x - (w[i] as number))) / largest(small.problem.wBar);

  it.each([1e-2, 1e-5])('stays within 1e-5 of the f64 reference at lambda %d', async (lambda) => {
    const small = nearlyEqualRows(lambda);
    expect(errorOf(small, await solutionOf(small, support))).toBeLessThan(1e-5);
  });

  it('is a thousand times nearer than the published form in f32 at lambda 1e-5', async () => {
    const small = nearlyEqualRows(1e-5);
    const [own, textbook] = [
      errorOf(small, await solutionOf(small, support)),
      errorOf(small, textbookInF32(small, support)),
    ];
    expect(textbook).toBeGreaterThan(1000 * own);
  });
});
