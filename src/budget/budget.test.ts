import { describe, expect, it } from 'vitest';
import { count } from '../constraints/cardinality.ts';
import { InfeasibleError, OptionError, UnsupportedOpError } from '../errors/errors.ts';
import { type BudgetedLayer, budget, flops, keptOf, sparsity, stageBudgets } from './budget.ts';
import { constraintOf } from './constraint-of.ts';

const sized = (...sizes: number[]): BudgetedLayer[] => sizes.map((size) => ({ size, macsPerWeight: null }));

describe('sparsity', () => {
  it('keeps (1 - sparsity) p weights, cut off in floating point as the published program does', () => {
    expect(keptOf(32_360, 0.8)).toBe(6471); // (1 - 0.8) * 32360 = 6471.999...
    expect([0.5, 0.6, 0.7, 0.9, 0.95, 0.98].map((s) => keptOf(32_360, s))).toEqual([
      16_180, 12_944, 9708, 3235, 1618, 647,
    ]);
    expect(keptOf(100, 0)).toBe(100);
  });

  it('is over all weights unless told otherwise', () => {
    const constraint = constraintOf(sparsity(0.5), sized(4, 2));
    expect(constraint.support(Float64Array.of(9, 8, 7, 1, 1, 1))).toEqual(Uint8Array.of(1, 1, 1, 0, 0, 0));
    expect(constraint.description).toBe('at most 3 of 6 weights');
  });

  it('can hold in each layer, whose counts are cut off one by one', () => {
    const constraint = constraintOf(sparsity(0.5, { scope: 'layer' }), sized(3, 4));
    const support = constraint.support(Float64Array.of(1, 2, 3, 4, 5, 6, 7));
    expect(support).toEqual(Uint8Array.of(0, 0, 1, 0, 0, 1, 1));
    expect(constraint.most).toBe(count(support));
  });

  it('refuses what is no share of zeros', () => {
    for (const value of [-0.1, 1, 1.5, 90, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => sparsity(value)).toThrow(OptionError);
    }
  });
});

describe('budgets of several parts', () => {
  const layers = [
    { size: 4, macsPerWeight: 100 },
    { size: 6, macsPerWeight: 1 },
  ];
  const importance = Float64Array.of(10, 9, 8, 7, 6, 5, 4, 3, 2, 1);

  it('keep both limits: a share of the MACs and a share of the weights', () => {
    const constraint = constraintOf(budget({ flops: 0.5, sparsity: 0.5 }), layers);
    const support = constraint.support(importance);
    expect(support).toEqual(Uint8Array.of(1, 1, 0, 0, 1, 1, 1, 0, 0, 0)); // 203 of 406 MACs, 5 of 10 weights
    expect(constraint.description).toBe('at most 203 MACs, at most 5 weights');
    const half = constraintOf(flops(0.5), layers).support(importance);
    expect(half.reduce((sum, kept, i) => sum + kept * (i < 4 ? 100 : 1), 0)).toBeLessThanOrEqual(203);
    expect(constraintOf(flops(107 / 406), layers).support(importance)).toEqual(
      Uint8Array.of(1, 0, 0, 0, 1, 1, 1, 1, 1, 1),
    );
  });

  it('count parameters', () => {
    expect(count(constraintOf(budget({ params: 3 }), layers).support(importance))).toBe(3);
    expect(count(constraintOf(budget({ params: 3, sparsity: 0.8 }), layers).support(importance))).toBe(1);
  });

  it('hold bounds of layers', () => {
    const bounded = [
      { ...(layers[0] as BudgetedLayer), bound: { least: 0, most: 0.5 } },
      { ...(layers[1] as BudgetedLayer), bound: { least: 0.5, most: 1 } },
    ];
    expect(constraintOf(sparsity(0.5), bounded).support(importance)).toEqual(
      Uint8Array.of(1, 1, 0, 0, 1, 1, 1, 0, 0, 0),
    );
    expect(() => constraintOf(sparsity(0.8), bounded)).toThrow(InfeasibleError);
  });

  it('need MACs that are known', () => {
    expect(() => constraintOf(flops(0.5), [{ size: 4, macsPerWeight: null }])).toThrow(UnsupportedOpError);
  });

  it('follow the schedule in stages, in weights and MACs alike', () => {
    const plan = { stages: 3, schedule: 'linear', base: 0.1 } as const;
    expect(stageBudgets(budget({ flops: 0.5, sparsity: 0.9 }), plan, 10)).toEqual([
      { scope: 'global', sparsity: 0.1, flops: 0.9 },
      { scope: 'global', sparsity: 0.5, flops: expect.closeTo(0.7, 12) },
      { scope: 'global', sparsity: 0.9, flops: 0.5 },
    ]);
    expect(stageBudgets(flops(0.5), plan, 10)[0]).toEqual({ scope: 'global', flops: 0.9 });
    expect(stageBudgets(budget({ params: 3 }), plan, 10)).toEqual([
      { scope: 'global', sparsity: 0.1 },
      { scope: 'global', sparsity: expect.closeTo(0.4, 12) },
      { scope: 'global', params: 3 },
    ]);
  });

  it('refuse what is out of range, and nothing at all', () => {
    for (const value of [0, -0.1, 1.1, Number.NaN]) expect(() => flops(value)).toThrow(OptionError);
    for (const value of [-1, 1.5, Number.NaN]) expect(() => budget({ params: value })).toThrow(OptionError);
    expect(() => budget({})).toThrow(OptionError);
    expect(() => budget({ sparsity: 0.5, bounds: [{ layer: '*', least: 0.6, most: 0.5 }] })).toThrow(OptionError);
  });
});
