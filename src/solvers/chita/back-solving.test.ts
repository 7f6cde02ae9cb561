import { describe, expect, it } from 'vitest';
import { cardinality } from '../../constraints/cardinality.ts';
import { denseBackSolve, denseObjective } from '../../problem/dense.cases.ts';
import { SMALL_PROBLEMS, smallProblem } from '../../problem/small-problems.cases.ts';
import { drive } from '../drive.ts';
import { chita, initialSupport } from './back-solving.ts';
import { solveBlock } from './block-solve.ts';
import { type BlockPool, blocksOf, chitaBlock } from './block-wise.ts';

function largestOf(wBar: Float64Array, k: number): Uint8Array {
  return cardinality(wBar.length, k).support(wBar.map(Math.abs));
}

describe('initialSupport', () => {
  it('is that of magnitude where there is no first-order term', async () => {
    for (const { problem } of SMALL_PROBLEMS.filter(({ problem: { a } }) => a === 0)) {
      expect(await initialSupport(problem, cardinality(problem.p, 4))).toEqual(largestOf(problem.wBar, 4));
    }
  });

  it('is that of magnitude while the largest weight inside stays above all outside', async () => {
    const small = smallProblem({ n: 5, widths: [8], firstOrder: 1e-6 });
    expect(await initialSupport(small.problem, cardinality(8, 3))).toEqual(largestOf(small.problem.wBar, 3));
  });

  it('takes in a weight that the gradient moves far, if that lowers Q', async () => {
    // One kept weight of 1 whose own step is small, one of 0.1 on which the loss falls steeply.
    const small = smallProblem({
      n: 2,
      widths: [2],
      lambda: 0.01,
      firstOrder: 3,
      entry: (_, __, j) => (j === 0 ? 0.01 : -1),
      weight: (_, j) => (j === 0 ? 1 : 0.1),
    });
    const support = await initialSupport(small.problem, cardinality(2, 1));
    const q = (mask: Uint8Array): number => denseObjective(small.dense, denseBackSolve(small.dense, mask));
    expect(q(support)).toBeLessThanOrEqual(q(largestOf(small.problem.wBar, 1)));
    expect(support).toEqual(Uint8Array.of(0, 1));
  });

  it('is that of magnitude where the kept weights have no gradient', async () => {
    const small = smallProblem({
      n: 3,
      widths: [4],
      firstOrder: 1,
      entry: (rng, _, j) => (j < 2 ? 0 : rng.normal()),
      weight: (_, j) => 4 - j,
    });
    expect(await initialSupport(small.problem, cardinality(4, 2))).toEqual(Uint8Array.of(1, 1, 0, 0));
  });
});

describe('chita', () => {
  it.each(SMALL_PROBLEMS)('gives the exact optimum on its support, on $name', async ({ problem, dense }) => {
    const constraint = cardinality(problem.p, Math.ceil(problem.p / 2));
    const { w } = await drive(chita(), problem, constraint);
    const support = await initialSupport(problem, constraint);
    const scale = Math.max(...problem.wBar.map(Math.abs));
    denseBackSolve(dense, support).forEach((x, i) => {
      expect(Math.abs(x - (w[i] as number))).toBeLessThan(1e-4 * scale);
    });
  });

  it('never has a higher Q after more rounds of swaps', async () => {
    const { problem } = smallProblem({ n: 10, widths: [20, 20], lambda: 0.02, seed: 4 });
    const objective = async (swaps: number) =>
      (await drive(chita({ swaps }), problem, cardinality(40, 15))).value.objective;
    const found = [await objective(0), await objective(1), await objective(4), await objective(12)];
    for (let i = 1; i < found.length; i++) expect(found[i]).toBeLessThanOrEqual((found[i - 1] as number) * (1 + 1e-9));
    expect(found.at(-1)).toBeLessThan(found[0] as number);
  });
});

describe('blocks', () => {
  it('are runs of at least the width within a layer, the last with the remainder; small layers are one', () => {
    expect(blocksOf([10, 3, 8], 4)).toEqual([
      { start: 0, width: 5 },
      { start: 5, width: 5 },
      { start: 10, width: 3 },
      { start: 13, width: 4 },
      { start: 17, width: 4 },
    ]);
    expect(blocksOf([11], 4).map((block) => block.width)).toEqual([5, 6]);
  });

  it.each(SMALL_PROBLEMS.filter(({ problem }) => problem.rows.panels.length === 1))(
    'of one, the whole, give what chita gives, on $name',
    async ({ problem }) => {
      for (const k of [0, 3, problem.p - 1, problem.p]) {
        const [whole, block] = [
          await drive(chita(), problem, cardinality(problem.p, k)),
          await drive(chitaBlock({ block: problem.p }), problem, cardinality(problem.p, k)),
        ];
        const scale = Math.max(...problem.wBar.map(Math.abs));
        whole.w.forEach((x, i) => {
          expect(Math.abs(x - (block.w[i] as number))).toBeLessThan(1e-5 * scale);
        });
      }
    },
  );

  it('are the same whether the caller solves them or a pool, in whatever order they come back', async () => {
    const { problem } = smallProblem({ n: 40, widths: [3000], lambda: 0.02, seed: 8 });
    const options = { block: 250 };
    const constraint = cardinality(problem.p, 900);
    const alone = await drive(chitaBlock(options), problem, constraint);
    let [underWay, most, closed] = [0, 0, 0];
    const openPool = (): BlockPool => ({
      parallel: 3,
      run: async (task) => {
        most = Math.max(most, ++underWay);
        await new Promise((done) => setTimeout(done, task.kept % 7)); // the order of the tasks is not that of their ends
        underWay--;
        return solveBlock(task, problem.linalg);
      },
      close: async () => void closed++,
    });
    const pooled = await drive(chitaBlock({ ...options, openPool, leastForPool: 0 }), problem, constraint);
    expect(pooled.w).toEqual(alone.w);
    expect(most).toBeGreaterThan(1);
    expect(closed).toBe(1);
  });

  it('close their pool when one of them fails', async () => {
    const { problem } = smallProblem({ n: 4, widths: [64], seed: 8 });
    let closed = 0;
    const openPool = (): BlockPool => ({
      parallel: 2,
      run: async () => {
        throw new Error('the worker is gone');
      },
      close: async () => void closed++,
    });
    const solving = drive(chitaBlock({ block: 4, openPool, leastForPool: 0 }), problem, cardinality(64, 20));
    await expect(solving).rejects.toThrow('the worker is gone');
    expect(closed).toBe(1);
  });
});
