import type { Constraint } from '../constraints/constraint.ts';
import type { Grouping } from '../constraints/grouping.ts';
import { type Check, callback, checkOptions, listOf, number, oneOf, record, text } from '../errors/arguments.ts';
import { OptionError } from '../errors/errors.ts';
import type { KernelOrder } from '../graph/weight-matrix.ts';
import { type StagePlan, stageTargets } from '../schedule/stages.ts';
import { KERNEL_ORDERS, patternOf, patternShare } from './pattern.ts';

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
  /** Where zeros may lie: `2:4` (any N:M, along the inputs of each output) or `block:4x1` (any outputs x inputs). */
  readonly pattern?: string;
  /** How the kernels of convolutions are flattened for it; default channels-last. */
  readonly kernels?: KernelOrder;
  /** A constraint of one's own in the place of the usual one. */
  readonly constraint?: OwnConstraint;
  /** Of a stage on the way to N:M: the share of each layer's weights that the pattern may have cost by then; absent = it holds. */
  readonly loosened?: number;
}

/**
 * Makes a constraint of one's own of the usual one, which the other parts of the budget mean.
 *
 * @param layers  those whose weights it is over, one after another
 */
export type OwnConstraint = (usual: Constraint, layers: readonly BudgetedLayer[]) => Constraint;

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
  readonly name?: string;
  readonly size: number;
  /** MACs that one weight costs for one sample; null where shapes are not known. */
  readonly macsPerWeight: number | null;
  /** Shares of it that are kept at least and at most; absent = no bound. */
  readonly bound?: Pick<LayerBound, 'least' | 'most'>;
  /** The groups of its weights that the budget's pattern speaks of; there where it has one. */
  readonly groups?: Grouping;
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
  pattern: text,
  kernels: oneOf(KERNEL_ORDERS),
  constraint: callback,
  loosened: number,
} satisfies Record<keyof Budget, Check>;

/**
 * The budget of a pattern alone: `2:4`, or any other N:M.
 *
 * @throws OptionError if it is no pattern, or one of blocks, which needs a number of them
 */
export function pattern(text: string, options: Pick<Budget, 'kernels'> = {}): Budget {
  return budget({ pattern: text, ...options });
}

/**
 * A budget of one or several parts, all of which have to hold.
 *
 * @throws OptionError if there is none, or one is out of range
 */
export function budget(parts: Partial<Budget>): Budget {
  checkOptions('make a budget', parts, BUDGET_CHECKS);
  const { sparsity: share, flops: kept, params, bounds = [] } = parts;
  const shape = parts.pattern === undefined ? undefined : patternOf(parts.pattern);
  if (parts.kernels !== undefined && !KERNEL_ORDERS.includes(parts.kernels))
    throw new OptionError(`Cannot flatten kernels "${parts.kernels}": wanted ${KERNEL_ORDERS.join(' or ')}`);
  if (parts.kernels !== undefined && shape === undefined)
    throw new OptionError(`Cannot flatten kernels ${parts.kernels} without a pattern, such as 2:4`);
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
  if (share === undefined && kept === undefined && params === undefined && shape?.kind !== 'n:m')
    throw new OptionError(
      `Cannot prune ${shape === undefined ? 'without a budget' : `in blocks (${parts.pattern}) without a number of them`}: give a sparsity, a share of the MACs or a number of weights`,
    );
  return { scope: 'global', ...parts };
}

/** A budget in few words, for tables and progress: `sparsity 0.9`, `pattern 2:4, flops 0.3`. */
export function budgetName({ sparsity: share, flops: kept, params, pattern }: Budget): string {
  const parts = Object.entries({ pattern, sparsity: share, flops: kept, params }).filter(
    ([, value]) => value !== undefined,
  );
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

/** Share of p weights that a budget's counts, or its pattern, remove. */
export function removedShare(asked: Budget, p: number): number {
  const counted = asked.params === undefined ? (asked.sparsity ?? 0) : 1 - countOf(asked, p) / p;
  return Math.max(counted, Math.min(patternShare(asked.pattern), asked.loosened ?? 1));
}

/**
 * The budgets of the stages of a run: the shares that are removed, of weights and of MACs, each follow the schedule from
 * its base; the last budget is the one asked for. A pattern N:M closes in with the weights: what a stage removes may lie where the
 * pattern would remove it. Blocks are whole from the first stage on.
 */
export function stageBudgets(asked: Budget, plan: Omit<StagePlan, 'target'>, p: number): Budget[] {
  const counted = asked.sparsity !== undefined || asked.params !== undefined;
  const isLoose = patternShare(asked.pattern) > 0;
  const shares = stageTargets({ ...plan, target: removedShare(asked, p) });
  const macs = stageTargets({ ...plan, target: 1 - (asked.flops ?? 1) });
  return shares.map((share, t) => {
    if (t === shares.length - 1) return asked;
    const { params: _, ...rest } = asked;
    return {
      ...rest,
      ...((counted || isLoose) && { sparsity: share }),
      ...(isLoose && { loosened: share }),
      ...(asked.flops !== undefined && { flops: 1 - (macs[t] as number) }),
    };
  });
}
