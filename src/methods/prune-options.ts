import type { Budget } from '../budget/budget.ts';
import { OptionError } from '../errors/errors.ts';
import type { CommonOptions, Surroundings } from '../pruning/job.ts';
import type { LayerChoice } from '../pruning/layers.ts';
import {
  filled,
  METHOD_OPTIONS,
  type MethodOption,
  type MethodOptions,
  type Settled,
} from '../pruning/method-options.ts';
import type { FisherOption } from '../pruning/prune-stage.ts';
import type { AnySolver } from '../solvers/solver.ts';
import { type Method, methodOf, takesCompute } from './list.ts';
import type { Method as MethodEntry } from './method.ts';
import { strongSettings } from './strong-settings.ts';

/** What `prune` is asked for; what is left out takes the method's defaults (METHODS) or PRUNE_DEFAULTS. */
export interface PruneOptions
  extends LayerChoice,
    MethodOptions,
    Surroundings,
    Partial<Omit<CommonOptions, 'method' | 'budget'>> {
  readonly budget: Budget;
  /** Default: auto; chita without data, or where an option is given that only methods like it have. */
  readonly method?: Method;
  /** A solver in the method's place; its settings default to those of the method of its name, else to chita's. */
  readonly solver?: AnySolver;
}

/** Defaults of `prune` that do not depend on the method. */
export const PRUNE_DEFAULTS = {
  loss: 'cross-entropy',
  labels: 'data',
  blocked: 'skip',
  seed: 1,
  augment: false,
} as const;

/** Every option of a run, filled in: those of its method beside those of all. */
export type ResolvedPrune = CommonOptions & Partial<Settled>;

/** Fills in the options that were left out. @throws OptionError for a value that cannot be */
export function resolvePrune(options: PruneOptions): ResolvedPrune {
  const method = methodOf(options);
  const own = Object.fromEntries(
    (Object.keys(METHOD_OPTIONS) as MethodOption[])
      .filter((name) => name in method.options.shape)
      .map((name) => [name, options[name] ?? (options.asPublished ? method.published[name] : undefined)])
      .filter(([, value]) => value !== undefined),
  );
  const strong = strongSettings(method, options, { budget: options.budget });
  refuseCompute(options, method);
  return {
    method: method.name,
    budget: options.budget,
    loss: options.loss ?? PRUNE_DEFAULTS.loss,
    labels: options.labels ?? PRUNE_DEFAULTS.labels,
    ...method.settle(filled(method.options, { ...own, ...strong }), options),
    blocked: options.blocked ?? PRUNE_DEFAULTS.blocked,
    seed: options.seed ?? PRUNE_DEFAULTS.seed,
    augment: options.augment ?? PRUNE_DEFAULTS.augment,
  };
}

/** The options of a run on gradient rows, filled in; null for a method without. @throws OptionError as {@link resolvePrune} */
export function resolveGradients(options: PruneOptions): (CommonOptions & Settled<FisherOption>) | null {
  return methodOf(options).needs.gradients ? (resolvePrune(options) as CommonOptions & Settled<FisherOption>) : null;
}

/** A budget of compute is for methods that train. */
function refuseCompute({ gradients, minutes }: PruneOptions, method: MethodEntry): void {
  const given = Object.entries({ gradients, minutes }).filter(([, value]) => value !== undefined);
  if (given.length > 0 && !takesCompute(method))
    throw new OptionError(
      `Cannot prune by ${method.name} within ${given.map(([what]) => what).join(' and ')}: only "auto" takes a budget of compute; set samples and stages instead`,
    );
}

/** Options that are given and that the method has no use for. */
export function idleOptions(options: PruneOptions): MethodOption[] {
  const { shape } = methodOf(options).options;
  return (Object.keys(METHOD_OPTIONS) as MethodOption[]).filter(
    (name) => options[name] !== undefined && !(name in shape),
  );
}
