import { describe, expect, it } from 'vitest';
import { cardinality, count, grouped } from '../constraints/cardinality.ts';
import type { Constraint } from '../constraints/constraint.ts';
import { patternedConstraints } from '../constraints/patterned.cases.ts';
import { denseBackSolve, denseObjective } from '../problem/dense.cases.ts';
import { type Capability, lacking, MEMBERS, type Problem } from '../problem/problem.ts';
import { denseLayerObjective, SMALL_LAYERS } from '../problem/small-layers.cases.ts';
import { SMALL_PROBLEMS, type SmallProblem, smallProblem } from '../problem/small-problems.cases.ts';
import { chitaCd } from './chita/active-set.ts';
import { chita } from './chita/back-solving.ts';
import { chitaBlock } from './chita/block-wise.ts';
import { drive, type Solution } from './drive.ts';
import { magnitude } from './magnitude/magnitude.ts';
import type { AnySolver } from './solver.ts';
import { woodfisher } from './woodfisher/woodfisher.ts';

/** A solver of the contract: `descends` = its Q is never above that of the magnitude start. */
const SOLVERS: readonly { readonly name: string; readonly make: () => AnySolver; readonly descends: boolean }[] = [
  { name: 'magnitude', make: magnitude, descends: true },
  { name: 'woodfisher', make: woodfisher, descends: false },
  { name: 'chita', make: () => chita(), descends: true },
  { name: 'chita with swaps', make: () => chita({ swaps: 6 }), descends: true },
  { name: 'chita-cd', make: () => chitaCd(), descends: true },
  { name: 'chita-cd without swaps', make: () => chitaCd({ swaps: 0, iterations: 5 }), descends: true },
  { name: 'chita-block', make: () => chitaBlock({ block: 4 }), descends: false },
];

/** A problem of either kind, with a second opinion on Q. */
interface Case {
  readonly name: string;
  readonly problem: Problem;
  /** Sizes of the layers. */
  readonly widths: readonly number[];
  readonly objective: (w: ArrayLike<number>) => number;
}

const CASES: readonly Case[] = [
  ...SMALL_PROBLEMS.map(
    ({ name, problem, dense }): Case => ({
      name,
      problem,
      widths: problem.rows.panels.map(({ width }) => width),
      objective: (w) => denseObjective(dense, w),
    }),
  ),
  ...SMALL_LAYERS.map(
    (small): Case => ({
      name: small.name,
      problem: small.problem,
      widths: [small.problem.p],
      objective: (w) => denseLayerObjective(small, w),
    }),
  ),
];

/** The problem without what a solver has not asked for. */
function bare(problem: Problem, needs: readonly Capability[]): Problem {
  const members: readonly string[] = ['p', 'wBar', 'value', ...needs.flatMap((need) => MEMBERS[need])];
  const { p, wBar, value } = problem;
  return { ...Object.fromEntries(Object.entries(problem).filter(([name]) => members.includes(name))), p, wBar, value };
}

function constraintsOf({ problem: { p }, widths }: Case): Constraint[] {
  let start = 0;
  const groups = widths.map((size) => {
    start += size;
    return { start: start - size, size, kept: Math.floor(size / 2) };
  });
  return [0, 1, Math.ceil(p / 3), p - 1, p]
    .map((k) => cardinality(p, k))
    .concat(
      grouped(p, groups),
      patternedConstraints(widths).map(({ constraint }) => constraint),
    );
}

function supportOf(w: ArrayLike<number>): Uint8Array {
  return Uint8Array.from(w, (x) => (x === 0 ? 0 : 1));
}

function expectFeasible({ w, support }: Solution, constraint: Constraint): void {
  expect(constraint.allows(support)).toBe(true);
  expect(w.every((x, i) => x === 0 || support[i] === 1)).toBe(true);
  expect(w.every(Number.isFinite)).toBe(true);
  expect(w.every((x) => x === Math.fround(x))).toBe(true);
  expect(constraint.allows(supportOf(w))).toBe(true);
}

/** How far f32 products and the final rounding may move Q. */
function tolerance(...values: readonly number[]): number {
  return 1e-5 * Math.max(...values.map(Math.abs)) + 1e-12;
}

describe.each(SOLVERS)('$name', ({ make, descends }) => {
  it.each(CASES)('keeps its contract on $name', async (small) => {
    const { problem, objective } = small;
    const missing = lacking(problem, make().needs);
    if (missing.length > 0) {
      const refused = drive(make(), problem, cardinality(problem.p, 1));
      await expect(refused).rejects.toThrow(`the problem cannot give ${missing.join(', ')}`);
      return;
    }
    for (const constraint of constraintsOf(small)) {
      const solution = await drive(make(), problem, constraint);
      expect(solution.status).toBe('converged');
      expectFeasible(solution, constraint);
      const recomputed = objective(solution.w);
      expect(Math.abs(solution.value.objective - recomputed)).toBeLessThan(1e-9 * Math.abs(recomputed) + 1e-13);
      if (descends) {
        const start = (await drive(magnitude(), problem, constraint)).value.objective;
        expect(solution.value.objective).toBeLessThanOrEqual(start + tolerance(start));
      }
    }
  });

  it('gives the same weights twice', async () => {
    const { problem } = SMALL_PROBLEMS[1] as SmallProblem;
    const run = async () => (await drive(make(), problem, cardinality(problem.p, 5))).w;
    expect(await run()).toEqual(await run());
  });

  it('returns feasible weights when it is stopped, at once or after a step', async () => {
    const { problem } = SMALL_PROBLEMS[0] as SmallProblem;
    const constraint = cardinality(problem.p, 5);
    const atOnce = await drive(make(), problem, constraint, { signal: AbortSignal.abort() });
    expectFeasible(atOnce, constraint);
    expect(atOnce).toMatchObject(
      make().needs.length === 0 ? { status: 'converged', steps: 0 } : { status: 'aborted', steps: 0 },
    );
    const stopper = new AbortController();
    const stopped = await drive(make(), problem, constraint, {
      signal: stopper.signal,
      onProgress: () => stopper.abort(),
    });
    expectFeasible(stopped, constraint);
    expect(stopped.steps).toBeLessThanOrEqual(1);
  });

  it('returns feasible weights when its steps run out', async () => {
    const { problem } = SMALL_PROBLEMS[0] as SmallProblem;
    const constraint = cardinality(problem.p, 5);
    for (const maxSteps of [0, 1, 2]) {
      const solution = await drive(make(), problem, constraint, { maxSteps });
      expectFeasible(solution, constraint);
      expect(solution.steps).toBeLessThanOrEqual(maxSteps);
    }
  });

  it('answers with feasible weights where the gradients are not finite', async () => {
    const { problem } = smallProblem({ n: 6, widths: [8, 5], firstOrder: 0.25, entry: () => Number.NaN });
    const constraint = cardinality(problem.p, 5);
    const solution = await drive(make(), problem, constraint);
    expectFeasible(solution, constraint);
  });

  it.each([CASES[0] as Case, CASES.at(-1) as Case])('asks for all that it uses on $name', async ({ problem }) => {
    const { needs } = make();
    if (lacking(problem, needs).length > 0) return;
    const constraint = cardinality(problem.p, Math.ceil(problem.p / 3));
    const { w } = await drive(make(), bare(problem, needs), constraint);
    expect(w).toEqual((await drive(make(), problem, constraint)).w);
    for (const need of needs) {
      const others = needs.filter((other) => other !== need);
      await expect(drive(make(), bare(problem, others), constraint)).rejects.toThrow(`cannot give ${need}`);
    }
  });
});

it('runs every solver but the block-wise one on both kinds of problem', () => {
  const { problem } = SMALL_LAYERS[0] as (typeof SMALL_LAYERS)[0];
  const refused = SOLVERS.filter(({ make }) => lacking(problem, make().needs).length > 0);
  expect(refused.map(({ name }) => name)).toEqual(['chita-block']);
});

describe('chita-block', () => {
  it.each(SMALL_PROBLEMS)('solves each block as its normal equations do, on $name', async ({ problem, dense }) => {
    const kept = Math.ceil(problem.p / 2);
    const { w } = await drive(chitaBlock({ block: 4 }), problem, cardinality(problem.p, kept));
    const support = supportOf(w);
    expect(count(support)).toBeLessThanOrEqual(kept);
    for (const { start, width } of problem.rows.panels) {
      for (const [from, size] of blocks(width)) {
        const [low, high] = [start + from, start + from + size];
        const part = { ...dense, A: dense.A.map((row) => row.slice(low, high)), wBar: problem.wBar.slice(low, high) };
        const wanted = denseBackSolve(part, support.slice(low, high));
        wanted.forEach((x, i) => {
          expect(Math.abs(x - (w[low + i] as number))).toBeLessThan(2e-4 * Math.max(...wanted.map(Math.abs), 1e-3));
        });
      }
    }
  });
});

/** One of each pair of neighbours: a set that is more than a number of weights. */
function onePerPair(p: number): Constraint {
  return {
    description: 'one of each pair',
    most: Math.ceil(p / 2),
    support: (importance) =>
      Uint8Array.from(importance, (x, i) => {
        const other = importance[i ^ 1] ?? Number.NEGATIVE_INFINITY;
        return x > other || (x === other && i % 2 === 0) ? 1 : 0;
      }),
    allows: (support) => support.every((x, i) => x === 0 || i % 2 === 0 || support[i - 1] === 0),
    restrict: (_, start, end) => {
      expect(start % 2).toBe(0);
      return onePerPair(end - start);
    },
  };
}

describe('block-wise solving', () => {
  it('keeps to a constraint that is more than a count, in each block and as a whole', async () => {
    const small = SMALL_PROBLEMS.find(({ problem: { rows } }) => rows.panels.every(({ width }) => width % 4 === 0));
    const { problem } = small as SmallProblem;
    const constraint = onePerPair(problem.p);
    const solution = await drive(chitaBlock({ block: 4 }), problem, constraint);
    expect(solution.status).toBe('converged');
    expectFeasible(solution, constraint);
    expect(solution.w).not.toEqual((await drive(magnitude(), problem, constraint)).w);
  });
});

/** Blocks of four within a layer, the last with the remainder. */
function blocks(width: number): [from: number, size: number][] {
  const number = Math.max(1, Math.floor(width / 4));
  const size = Math.floor(width / number);
  return Array.from({ length: number }, (_, i) => [i * size, i === number - 1 ? width - i * size : size]);
}
