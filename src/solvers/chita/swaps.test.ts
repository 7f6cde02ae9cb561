import { describe, expect, it } from 'vitest';
import { cardinality, count } from '../../constraints/cardinality.ts';
import { denseBackSolve, denseObjective } from '../../problem/dense.cases.ts';
import type { Solved } from '../../problem/problem.ts';
import { type SmallProblem, smallProblem } from '../../problem/small-problems.cases.ts';
import { SWAP_DEFAULTS, swapRound } from './swaps.ts';

const PROBLEMS = [
  smallProblem({ name: 'n < p', n: 5, widths: [6, 4], lambda: 0.05, seed: 3 }),
  smallProblem({ name: 'n > p', n: 20, widths: [10], lambda: 0.05, seed: 4 }),
  smallProblem({ name: 'with a first-order term', n: 5, widths: [6, 4], lambda: 0.05, firstOrder: 0.5, seed: 5 }),
];
const EVERY_OTHER = Uint8Array.from({ length: 10 }, (_, i) => i % 2);

async function solvedOn({ problem }: SmallProblem, support: Uint8Array): Promise<Solved> {
  return (await problem.solveOn(support)) as Solved;
}

/** Q of the best weights on a support, by brute force. */
function bestOn({ dense }: SmallProblem, support: Uint8Array): number {
  return denseObjective(dense, denseBackSolve(dense, support));
}

function toggled(support: Uint8Array, i: number): Uint8Array {
  return support.map((x, j) => (j === i ? 1 - x : x));
}

describe('what a weight is worth', () => {
  it.each(PROBLEMS)(
    'is what Q rises without, or falls with, each weight when all others are re-solved: $name',
    async (small) => {
      const worth = await (await solvedOn(small, EVERY_OTHER)).worth();
      const here = bestOn(small, EVERY_OTHER);
      for (let i = 0; i < 10; i++) {
        const wanted = Math.abs(bestOn(small, toggled(EVERY_OTHER, i)) - here);
        expect(Math.abs((worth[i] as number) - wanted)).toBeLessThan(1e-4 * wanted + 1e-6 * here);
      }
    },
  );
});

describe('swapRound', () => {
  const start = async (small: SmallProblem, support: Uint8Array, share: number) => {
    const solution = await solvedOn(small, support);
    const { objective } = await small.problem.value(solution.w);
    return { problem: small.problem, constraint: cardinality(10, 5), support, solution, objective, share };
  };

  it.each(PROBLEMS)('keeps the number of weights and only ever lowers Q: $name', async (small) => {
    let [support, objective, share]: [Uint8Array, number, number] = [EVERY_OTHER, bestOn(small, EVERY_OTHER), 0.4];
    for (let round = 0; round < 12; round++) {
      const next = await swapRound(await start(small, support, share));
      share = next.share;
      if (next.improved !== null) {
        expect(count(next.improved.support)).toBe(5);
        expect(next.improved.objective).toBeLessThan(objective);
        [support, objective] = [next.improved.support, next.improved.objective];
      }
      if (next.done) break;
    }
    expect(objective).toBeLessThan(bestOn(small, EVERY_OTHER));
  });

  it('changes no more places than its share of the support', async () => {
    for (const small of PROBLEMS) {
      const { improved } = await swapRound(await start(small, EVERY_OTHER, 0.2));
      const changed = improved?.support.filter((x, i) => x !== EVERY_OTHER[i]).length ?? 0;
      expect(changed).toBeLessThanOrEqual(2);
    }
  });

  it('is done when even the exchange of one weight does not help, and when the share is at its smallest', async () => {
    const [small] = PROBLEMS as [SmallProblem];
    let [support, share, done]: [Uint8Array, number, boolean] = [EVERY_OTHER, 0.1, false];
    let rounds = 0;
    while (!done && rounds++ < 30) {
      const next = await swapRound(await start(small, support, share));
      [support, share, done] = [next.improved?.support ?? support, next.share, next.done];
    }
    expect(done).toBe(true);
    expect(rounds).toBeLessThan(10);
    expect(SWAP_DEFAULTS.smallestShare).toBeLessThan(share);
  });

  it('is done at once when the support is that of highest worth', async () => {
    const diagonal = smallProblem({
      n: 10,
      widths: [10],
      entry: (_, i, j) => (i === j ? 1 : 0),
      weight: (_, j) => 10 - j,
    });
    const largest = Uint8Array.from({ length: 10 }, (_, i) => (i < 5 ? 1 : 0));
    expect(await swapRound(await start(diagonal, largest, 0.1))).toMatchObject({ improved: null, done: true });
  });

  it('exchanges the best where some of the others are worth the same', async () => {
    const values = [2, 2, 2, 9, 2, 1, 1, 1, 1, 1];
    const tied = smallProblem({
      n: 10,
      widths: [10],
      entry: (_, i, j) => (i === j ? 1 : 0),
      weight: (_, j) => values[j] as number,
    });
    const smallest = Uint8Array.from(values, (x) => (x === 1 ? 1 : 0));
    const { improved } = await swapRound(await start(tied, smallest, 0.4));
    expect(improved?.support[3]).toBe(1);
    expect(count(improved?.support as Uint8Array)).toBe(5);
  });
});
