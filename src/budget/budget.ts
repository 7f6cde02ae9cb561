import { cardinality, grouped } from '../constraints/cardinality.ts';
import type { Constraint } from '../constraints/constraint.ts';
import { knapsack, type Limit } from '../constraints/knapsack.ts';
import { type Check, checkOptions, listOf, number, oneOf, record } from '../errors/arguments.ts';
import { OptionError, UnsupportedOpError } from '../errors/errors.ts';
import { type StagePlan, stageTargets } from '../schedule/stages.ts';

/** What a pruned model may cost; every part that is given has to hold. */
export interface Budget {
  /** Share of zeros among the prunable weights, in [0, 1). */
  readonly sparsity?: number;
  /** Share of the prunable weights' multiply-accumulates (MACs) that is kept, in (0, 1]. */
  readonly flops?: number;
  /** Prunable weights that are kept, at most. */
  readonly params?: number;
  /** Whether the sparsity is over all prunable weights, or in each layer. */
  readonly scope: 'global' | 'layer';
  /** Bounds of single layers; the last one that names a layer counts. */
  readonly bounds?: readonly LayerBound[];
}

/** How much of some layers is kept. */
export interface LayerBound {
  /** A glob over names of weights and nodes. */
  readonly layer: string;
  /** Shares of the layer's weights, in [0, 1]. */
  readonly least: number;
  readonly most: number;
}

/** A layer as a budget sees it. */
export interface BudgetedLayer {
  readonly size: number;
  /** MACs that one weight costs for one sample; null where shapes are not known. */
  readonly macsPerWeight: number | null;
  /** Shares of it that are kept at least and at most; absent = no bound. */
  readonly bound?: Pick<LayerBound, 'least' | 'most'>;
}

/**
 * The budget of a sparsity.
 *
 * @throws OptionError if it is not in [0, 1)
 */
export function sparsity(value: number, options: { scope?: Budget['scope'] } = {}): Budget {
  return budget({ sparsity: value, ...options });
}

/**
 * The budget of a share of the prunable weights' multiply-accumulates that is kept: 0.3 leaves 30 %.
 *
 * @throws OptionError if it is not in (0, 1]
 */
export function flops(value: number): Budget {
  return budget({ flops: value });
}

/** What the parts of a budget have to be. */
const BUDGET_CHECKS = {
  sparsity: number,
  flops: number,
  params: number,
  scope: oneOf(['global', 'layer']),
  bounds: listOf(record, 'bounds { layer, least, most }'),
} satisfies Record<keyof Budget, Check>;

/**
 * A budget of one or several parts, all of which have to hold.
 *
 * @throws OptionError if there is none, or one is out of range
 */
export function budget(parts: Partial<Budget>): Budget {
  checkOptions('make a budget', parts, BUDGET_CHECKS);
  const { sparsity: share, flops: kept, params, bounds = [] } = parts;
  if (share !== undefined && !(share >= 0 && share < 1))
    throw new OptionError(
      `Cannot prune to sparsity ${share}: wanted a share of zeros from 0 up to but without 1, such as 0.9`,
    );
  if (kept !== undefined && !(kept > 0 && kept <= 1))
    throw new OptionError(`Cannot keep ${kept} of the MACs: wanted a share above 0 and up to 1, such as 0.3`);
  if (params !== undefined && !(Number.isInteger(params) && params >= 0))
    throw new OptionError(`Cannot keep ${params} weights: wanted a whole number from 0 on, such as 100k`);
  for (const { layer, least, most } of bounds) {
    if (!(least >= 0 && least <= most && most <= 1))
      throw new OptionError(
        `Cannot keep from ${least} to ${most} of layer "${layer}": wanted shares from 0 to 1, in order`,
      );
  }
  if (share === undefined && kept === undefined && params === undefined)
    throw new OptionError('Cannot prune without a budget: give a sparsity, a share of the MACs or a number of weights');
  return { scope: 'global', ...parts };
}

/** A budget in few words, for tables and progress: `sparsity 0.9`, `flops 0.3, params 100000`. */
export function budgetName({ sparsity: share, flops: kept, params }: Budget): string {
  const parts = Object.entries({ sparsity: share, flops: kept, params }).filter(([, value]) => value !== undefined);
  return parts.map((part) => part.join(' ')).join(', ');
}

/** Weights that stay at a sparsity: (1 - sparsity) p, cut off to a whole number in floating point as the published program does. */
export function keptOf(p: number, share: number): number {
  return Math.trunc((1 - share) * p);
}

/** The most weights of p that a budget's counts let stand. */
export function countOf({ sparsity: share, params }: Budget, p: number): number {
  return Math.min(share === undefined ? p : keptOf(p, share), params ?? p);
}

/**
 * The set that a budget means for layers.
 *
 * @throws InfeasibleError     if the bounds of layers ask for more than the budget allows
 * @throws UnsupportedOpError  if MACs are limited and not known
 */
export function constraintOf(asked: Budget, layers: readonly BudgetedLayer[]): Constraint {
  const p = layers.reduce((sum, { size }) => sum + size, 0);
  const groups = groupsOf(layers, asked);
  const bounded = layers.some(({ bound }) => bound !== undefined);
  if (asked.flops === undefined && !bounded) {
    if (asked.scope === 'global') return cardinality(p, countOf(asked, p));
    if (asked.params === undefined)
      return grouped(
        p,
        groups.map(({ start, size, most }) => ({ start, size, kept: most })),
      );
  }
  return knapsack(p, groups, limitsOf(asked, layers, p));
}

function groupsOf(
  layers: readonly BudgetedLayer[],
  { scope, sparsity: share = 0 }: Budget,
): { start: number; size: number; least: number; most: number }[] {
  let start = 0;
  return layers.map(({ size, bound }) => {
    const most = Math.min(
      bound === undefined ? size : Math.floor(bound.most * size),
      scope === 'layer' ? keptOf(size, share) : size,
    );
    const group = { start, size, least: Math.min(most, Math.ceil((bound?.least ?? 0) * size)), most };
    start += size;
    return group;
  });
}

/** MACs first: the outer of the two multipliers. */
function limitsOf(asked: Budget, layers: readonly BudgetedLayer[], p: number): Limit[] {
  const weights: Limit = { what: 'weights', costs: layers.map(() => 1), limit: countOf(asked, p) };
  if (asked.flops === undefined) return [weights];
  const costs = layers.map(({ macsPerWeight }) => {
    if (macsPerWeight === null)
      throw new UnsupportedOpError(
        'Cannot limit MACs: the model does not run, so the shapes of its values are not known',
      );
    return macsPerWeight;
  });
  const dense = costs.reduce((sum, cost, i) => sum + cost * (layers[i] as BudgetedLayer).size, 0);
  return [{ what: 'MACs', costs, limit: Math.trunc(asked.flops * dense) }, weights];
}

/**
 * The budgets of the stages of a run: the shares that are removed, of weights and of MACs, each follow the schedule from
 * its base; the last budget is the one asked for.
 */
export function stageBudgets(asked: Budget, plan: Omit<StagePlan, 'target'>, p: number): Budget[] {
  const counted = asked.sparsity !== undefined || asked.params !== undefined;
  const removed = 1 - countOf(asked, p) / p;
  const shares = stageTargets({ ...plan, target: asked.params === undefined ? (asked.sparsity ?? 0) : removed });
  const macs = stageTargets({ ...plan, target: 1 - (asked.flops ?? 1) });
  return shares.map((share, t) => {
    if (t === shares.length - 1) return asked;
    const { params: _, ...rest } = asked;
    return {
      ...rest,
      ...(counted && { sparsity: share }),
      ...(asked.flops !== undefined && { flops: 1 - (macs[t] as number) }),
    };
  });
}
