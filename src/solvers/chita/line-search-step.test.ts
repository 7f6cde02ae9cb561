import { describe, expect, it } from 'vitest';
import { cardinality, count } from '../../constraints/cardinality.ts';
import { SMALL_PROBLEMS, smallProblem } from '../../problem/small-problems.cases.ts';
import { magnitudePruned } from '../drive.ts';
import { lineSearchStep, pointAt } from './line-search-step.ts';

describe('a line-search step', () => {
  it.each(SMALL_PROBLEMS)('never raises Q, stays feasible and inside the active set, on $name', async ({ problem }) => {
    const constraint = cardinality(problem.p, Math.ceil(problem.p / 2));
    const active = Uint8Array.from({ length: problem.p }, (_, i) => (i % 4 === 3 ? 0 : 1));
    const start = magnitudePruned(problem, constraint).map((x, i) => (active[i] === 1 ? x : 0));
    let point = await pointAt(problem, start);
    for (let step = 0; step < 8; step++) {
      const next = await lineSearchStep(problem, constraint, point, active);
      expect(next.value.objective).toBeLessThanOrEqual(point.value.objective);
      const support = Uint8Array.from(next.w, (x) => (x === 0 ? 0 : 1));
      expect(count(support)).toBeLessThanOrEqual(constraint.most);
      expect(support.every((x, i) => x <= (active[i] as number))).toBe(true);
      const { objective } = await problem.value(next.w);
      expect(Math.abs(objective - next.value.objective)).toBeLessThan(1e-9 * Math.abs(objective) + 1e-15);
      point = next;
    }
  });

  it('takes the exact step where that keeps the support: no shorter or longer one is better', async () => {
    for (const lambda of [0.01, 10]) {
      const { problem } = smallProblem({ n: 6, widths: [8, 5], lambda });
      const all = new Uint8Array(problem.p).fill(1);
      const start = await pointAt(
        problem,
        problem.wBar.map((x) => 2 * x),
      );
      const to = await lineSearchStep(problem, cardinality(problem.p, problem.p), start, all);
      for (const factor of [0.99, 1.01]) {
        const other = start.w.map((x, i) => x + factor * ((to.w[i] as number) - x));
        expect((await problem.value(other)).objective).toBeGreaterThan(to.value.objective);
      }
    }
  });
});
