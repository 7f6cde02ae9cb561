import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { count } from '../constraints/cardinality.ts';
import {
  bestOfAll,
  countsOf,
  everySupport,
  keptBy,
  listsOf,
  smallMatrices,
} from '../constraints/every-support.cases.ts';
import { groupsOf } from '../constraints/grouping.ts';
import { InfeasibleError, OptionError } from '../errors/errors.ts';
import { type Budget, type BudgetedLayer, budget, pattern, stageBudgets } from './budget.ts';
import { constraintOf } from './constraint-of.ts';
import { patternOf } from './pattern.ts';

describe('a pattern', () => {
  it('is N:M, or outputs x inputs of a block', () => {
    expect(patternOf('2:4')).toEqual({ kind: 'n:m', n: 2, m: 4 });
    expect(patternOf('1:16')).toEqual({ kind: 'n:m', n: 1, m: 16 });
    expect(patternOf('block:4x1')).toEqual({ kind: 'block', height: 4, width: 1 });
  });

  it.each(['', '4', '4:2', '4:4', '0:4', '2:4:8', 'block', 'block:4', 'block:0x4', 'block:1x1', 'blocks:4x1', '2x4'])(
    'is not "%s"',
    (text) => {
      expect(() => patternOf(text)).toThrow(OptionError);
    },
  );

  it('is a budget by itself, but for blocks, whose number has to be limited', () => {
    expect(pattern('2:4')).toEqual({ scope: 'global', pattern: '2:4' });
    expect(() => pattern('block:4x1')).toThrow('without a number of them');
    expect(() => budget({ sparsity: 0.5, kernels: 'channels-first' })).toThrow('without a pattern');
    expect(() => budget({ pattern: '2:4', kernels: 'hwc' as 'channels-last' })).toThrow(OptionError);
  });
});

/** One or two layers of at most nine weights in all, as a budget sees them, and as lists of their groups. */
interface Instance {
  readonly layers: readonly BudgetedLayer[];
  readonly lists: readonly number[][];
  readonly macs: Float64Array;
  readonly w: Float64Array;
  readonly p: number;
}

function instances(shape: { height: number; width: number }): fc.Arbitrary<Instance> {
  return fc
    .record({
      matrices: fc.array(smallMatrices(6), { minLength: 1, maxLength: 2 }),
      costs: fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 })),
      values: fc.array(fc.integer({ min: -4, max: 4 }), { minLength: 9, maxLength: 9 }),
    })
    .map(({ matrices, costs, values }) => {
      let start = 0;
      const kept = matrices.filter(({ groups, outputs, inputs }) => {
        const fits = start + groups * outputs * inputs <= 9;
        if (fits) start += groups * outputs * inputs;
        return fits;
      });
      const [layers, lists, macs]: [BudgetedLayer[], number[][], number[]] = [[], [], []];
      kept.forEach((matrix, i) => {
        const groups = groupsOf(matrix, shape);
        lists.push(...listsOf(matrix, shape, macs.length));
        macs.push(...new Array<number>(groups.size).fill(costs[i] as number));
        layers.push({ size: groups.size, macsPerWeight: costs[i] as number, groups });
      });
      return { layers, lists, macs: Float64Array.from(macs), w: Float64Array.from(values.slice(0, start)), p: start };
    });
}

const squares = (w: Float64Array): Float64Array => w.map((x) => x * x);
const on = (w: Float64Array, support: Uint8Array): Float64Array => w.map((x, i) => (support[i] === 1 ? x : 0));

/** Groups of N:M that a support touches as a pattern allows it. */
const obeys =
  ({ lists }: Instance, n: number) =>
  (support: Uint8Array): boolean =>
    countsOf(lists, support).every((number) => number <= n);

/** A support filled up to whole tiles. */
function filled({ lists }: Instance, support: Uint8Array): Uint8Array {
  const whole = support.slice();
  for (const list of lists) if (list.some((i) => support[i] === 1)) for (const i of list) whole[i] = 1;
  return whole;
}

/** Checks that the constraint of a budget allows what passes and projects to the best of it, within `slack` times the largest importance. */
function expectBest(
  asked: Budget,
  instance: Instance,
  passes: (support: Uint8Array) => boolean,
  slack: (most: number) => number,
): void {
  const { layers, w, p } = instance;
  const constraint = constraintOf(asked, layers);
  for (const support of everySupport(p)) expect(constraint.allows(support)).toBe(passes(support));
  const support = constraint.support(squares(w));
  expect(passes(support)).toBe(true);
  expect(count(support)).toBeLessThanOrEqual(constraint.most);
  const best = bestOfAll(squares(w), passes);
  expect(keptBy(squares(w), support)).toBeLessThanOrEqual(best + 1e-9);
  expect(keptBy(squares(w), support)).toBeGreaterThanOrEqual(best - slack(Math.max(...squares(w))) - 1e-6);
  const once = on(w, support);
  expect(on(once, constraint.support(squares(once)))).toEqual(once);
}

const exact = (): number => 0;

describe('2:4 within a budget', () => {
  const all = instances({ height: 1, width: 4 });
  const shares = fc.constantFrom(0, 0.25, 0.5, 0.6, 0.8);

  it('is the best support by enumeration, with a sparsity over all weights', () => {
    fc.assert(
      fc.property(all, shares, (one, share) => {
        const kept = Math.trunc((1 - share) * one.p);
        expectBest(
          budget({ pattern: '2:4', sparsity: share }),
          one,
          (s) => obeys(one, 2)(s) && count(s) <= kept,
          exact,
        );
      }),
      { seed: 1, numRuns: 60 },
    );
  });

  it('is the best support by enumeration, with a sparsity in each layer', () => {
    fc.assert(
      fc.property(all, shares, (one, share) => {
        let start = 0;
        const ends = one.layers.map(({ size }) => {
          start += size;
          return { start: start - size, size };
        });
        const passes = (s: Uint8Array): boolean =>
          obeys(one, 2)(s) &&
          ends.every(({ start, size }) => count(s.subarray(start, start + size)) <= Math.trunc((1 - share) * size));
        expectBest(budget({ pattern: '2:4', sparsity: share, scope: 'layer' }), one, passes, exact);
      }),
      { seed: 2, numRuns: 60 },
    );
  });

  it('is within an importance a limit of the best by enumeration, with limits of MACs and weights', () => {
    fc.assert(
      fc.property(all, shares, fc.constantFrom(0.2, 0.4, 0.7, 1), (one, share, flops) => {
        const dense = one.macs.reduce((sum, c) => sum + c, 0);
        const [most, kept] = [Math.trunc(flops * dense), Math.trunc((1 - share) * one.p)];
        const passes = (s: Uint8Array): boolean => obeys(one, 2)(s) && count(s) <= kept && keptBy(one.macs, s) <= most;
        expectBest(budget({ pattern: '2:4', sparsity: share, flops }), one, passes, (largest) => 2 * largest);
      }),
      { seed: 3, numRuns: 60 },
    );
  });

  it('cannot keep more of a layer than the pattern lets stay', () => {
    const groups = groupsOf({ groups: 1, outputs: 1, inputs: 8, places: null }, { height: 1, width: 4 });
    const layers = [{ size: 8, macsPerWeight: 1, groups, bound: { least: 0.75, most: 1 } }];
    expect(() => constraintOf(budget({ pattern: '2:4', sparsity: 0.5 }), layers)).toThrow(InfeasibleError);
  });
});

describe('blocks within a budget', () => {
  it.each([
    ['block:2x1', { height: 2, width: 1 }],
    ['block:1x4', { height: 1, width: 4 }],
    ['block:2x3', { height: 2, width: 3 }],
  ])('%s are the best tiles by enumeration, with a sparsity over all weights or in each layer', (text, shape) => {
    fc.assert(
      fc.property(instances(shape), fc.constantFrom(0, 0.3, 0.5, 0.8), fc.boolean(), (one, share, byLayer) => {
        let start = 0;
        const ends = one.layers.map(({ size }) => {
          start += size;
          return { start: start - size, size };
        });
        const passes = (s: Uint8Array): boolean => {
          const whole = filled(one, s);
          return byLayer
            ? ends.every(
                ({ start, size }) => count(whole.subarray(start, start + size)) <= Math.trunc((1 - share) * size),
              )
            : count(whole) <= Math.trunc((1 - share) * one.p);
        };
        expectBest(budget({ pattern: text, sparsity: share, scope: byLayer ? 'layer' : 'global' }), one, passes, exact);
      }),
      { seed: 4, numRuns: 60 },
    );
  });

  it('are within a tile a limit of the best by enumeration, with limits of MACs and weights', () => {
    const shape = { height: 2, width: 2 };
    fc.assert(
      fc.property(instances(shape), fc.constantFrom(0, 0.5), fc.constantFrom(0.3, 0.6, 1), (one, share, flops) => {
        const dense = one.macs.reduce((sum, c) => sum + c, 0);
        const [most, kept] = [Math.trunc(flops * dense), Math.trunc((1 - share) * one.p)];
        const passes = (s: Uint8Array): boolean => {
          const whole = filled(one, s);
          return count(whole) <= kept && keptBy(one.macs, whole) <= most;
        };
        const asked = budget({ pattern: 'block:2x2', sparsity: share, flops });
        expectBest(asked, one, passes, (largest) => 2 * 4 * largest);
      }),
      { seed: 5, numRuns: 60 },
    );
  });
});

describe('stages on the way to a pattern', () => {
  const groups = groupsOf({ groups: 1, outputs: 4, inputs: 8, places: null }, { height: 1, width: 4 });
  const layers: BudgetedLayer[] = [{ size: 32, macsPerWeight: 1, groups }];
  const plan = { stages: 4, schedule: 'linear', base: 0.1 } as const;
  const w = Float64Array.from({ length: 32 }, (_, i) => ((i * 13) % 32) + 1);

  it('remove more and more, only where the pattern would, until it holds', () => {
    const supports = stageBudgets(pattern('2:4'), plan, 32).map((asked) => constraintOf(asked, layers).support(w));
    expect(supports.map(count)).toEqual([28, 24, 20, 16]);
    const last = supports.at(-1) as Uint8Array;
    expect(constraintOf(pattern('2:4'), layers).support(w)).toEqual(last);
    for (const support of supports) expect(last.every((kept, i) => kept === 0 || support[i] === 1)).toBe(true);
  });

  it('of a stage that is itself on the way go no further than that stage', () => {
    const [first] = stageBudgets(pattern('2:4'), plan, 32) as [Budget];
    const within = stageBudgets(first, plan, 32).map((asked) => count(constraintOf(asked, layers).support(w)));
    expect(Math.min(...within)).toBe(within.at(-1));
    expect(within.at(-1)).toBe(28);
  });

  it('close in on a sparsity beyond the pattern, which holds once as much is gone as it asks for', () => {
    const budgets = stageBudgets(budget({ pattern: '2:4', sparsity: 0.8 }), plan, 32);
    const constraints = budgets.map((asked) => constraintOf(asked, layers));
    const strict = constraintOf(pattern('2:4'), layers);
    expect(constraints.map((one) => strict.allows(one.support(w)))).toEqual([false, false, true, true]);
    expect(constraints.map((one) => count(one.support(w)))).toEqual([28, 21, 13, 6]);
  });
});
