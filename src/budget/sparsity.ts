import { cardinality, grouped } from '../constraints/cardinality.ts';
import type { Constraint } from '../constraints/constraint.ts';
import { OptionError } from '../errors/errors.ts';

/** A wish for zeros: a share of the prunable weights, over all of them or in each layer. */
export interface SparsityBudget {
  readonly kind: 'sparsity';
  /** Share of zeros, in [0, 1). */
  readonly sparsity: number;
  readonly scope: 'global' | 'layer';
}

/**
 * The budget of a sparsity.
 *
 * @throws OptionError if it is not in [0, 1)
 */
export function sparsity(value: number, options: { scope?: 'global' | 'layer' } = {}): SparsityBudget {
  if (!(value >= 0 && value < 1))
    throw new OptionError(
      `Cannot prune to sparsity ${value}: wanted a share of zeros from 0 up to but without 1, such as 0.9`,
    );
  return { kind: 'sparsity', sparsity: value, scope: options.scope ?? 'global' };
}

/** Weights that stay at a sparsity: (1 - sparsity) p, cut off to a whole number in floating point as the published program does. */
export function keptOf(p: number, share: number): number {
  return Math.trunc((1 - share) * p);
}

/** The set that a budget means for layers of these sizes. */
export function constraintOf(budget: SparsityBudget, sizes: readonly number[]): Constraint {
  const p = sizes.reduce((sum, size) => sum + size, 0);
  if (budget.scope === 'global') return cardinality(p, keptOf(p, budget.sparsity));
  let start = 0;
  const groups = sizes.map((size) => {
    const group = { start, size, kept: keptOf(size, budget.sparsity) };
    start += size;
    return group;
  });
  return grouped(p, groups);
}
