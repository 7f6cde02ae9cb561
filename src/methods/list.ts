import { OptionError } from '../errors/errors.ts';
import { pruneStage } from '../pruning/prune-stage.ts';
import { inStages } from '../pruning/stages.ts';
import type { AnySolver } from '../solvers/solver.ts';
import { auto } from './auto.ts';
import { chita } from './chita.ts';
import { chitaBlock } from './chita-block.ts';
import { chitaCd } from './chita-cd.ts';
import { chitaPlusPlus } from './chita-plus-plus.ts';
import { falcon } from './falcon.ts';
import { falconBs } from './falcon-bs.ts';
import { falconPlusPlus } from './falcon-plus-plus.ts';
import { magnitude } from './magnitude.ts';
import type { Method as MethodEntry } from './method.ts';
import { reconstruct } from './reconstruct.ts';
import { woodfisher } from './woodfisher.ts';

/** The methods by name, in the order in which they are listed. */
export const METHODS = {
  auto,
  reconstruct,
  magnitude,
  woodfisher,
  chita,
  'chita-cd': chitaCd,
  'chita-block': chitaBlock,
  'chita++': chitaPlusPlus,
  falcon,
  'falcon-bs': falconBs,
  'falcon++': falconPlusPlus,
} as const satisfies Readonly<Record<string, MethodEntry>>;

/** Names of the pruning methods. */
export type Method = keyof typeof METHODS;

/** The same as a list. */
export const METHOD_NAMES = Object.keys(METHODS) as Method[];

/** The method where none is named: see {@link usualMethod}. */
export const DEFAULT_METHOD: Method = 'auto';
/** The method where an option is given that the default does not have, and the one whose own defaults help texts tell first. */
export const SOLVING_METHOD: Method = 'chita';

/** Options that only methods which solve for the weights have, or use: `auto` has no use for them. */
const SOLVING_OPTIONS = [
  'samples',
  'lambda',
  'firstOrder',
  'stages',
  'schedule',
  'loss',
  'labels',
  'scaling',
  'lineSearch',
  'recalibrateStages',
  'asPublished',
  'block',
  'swaps',
  'blocked',
  'rows',
  'store',
] as const;

/** Options that say which method is meant, whatever their values. */
export type Hints = { readonly source?: unknown } & { readonly [name in (typeof SOLVING_OPTIONS)[number]]?: unknown };

/** `auto`; `chita` without data, or where an option is given that only methods like it have. */
export function usualMethod(hints: Hints): Method {
  const solves = hints.source === undefined || SOLVING_OPTIONS.some((name) => hints[name] !== undefined);
  return solves ? SOLVING_METHOD : DEFAULT_METHOD;
}

/** Whether a method takes a budget of compute: it trains by itself. */
export function takesCompute({ options }: MethodEntry): boolean {
  return 'minutes' in options.shape;
}

/**
 * The method of a name (where none is given, of {@link usualMethod}), or one made of a solver: with the options of the method of its
 * name, else those of chita.
 *
 * @throws OptionError if both are given, or the method is not known
 */
export function methodOf(choice: Hints & { readonly method?: Method; readonly solver?: AnySolver }): MethodEntry {
  const { method, solver } = choice;
  if (solver !== undefined) {
    if (method !== undefined)
      throw new OptionError(
        `Cannot prune by the method "${method}" and the solver "${solver.name}" at once: give one of them`,
      );
    return methodOfSolver(solver);
  }
  const name = method ?? usualMethod(choice);
  if (!Object.hasOwn(METHODS, name))
    throw new OptionError(`Cannot prune by "${name}": the methods are ${METHOD_NAMES.join(', ')}`);
  return METHODS[name];
}

function methodOfSolver(solver: AnySolver): MethodEntry {
  const known = Object.hasOwn(METHODS, solver.name) ? METHODS[solver.name as Method] : null;
  const gradients = solver.needs.length > 0;
  const model = known?.needs.gradients === gradients ? known : chita;
  return {
    ...model,
    name: solver.name,
    summary: known?.summary ?? 'a solver of the caller',
    needs: { data: gradients, gradients },
    run: (job) =>
      inStages(
        job,
        pruneStage(() => solver, gradients),
      ),
  };
}

/** The options with a method that solves, where neither a method nor a solver is named: for what a training would be too long or unfit. */
export function withSolvingMethod<T extends { readonly method?: Method; readonly solver?: AnySolver }>(options: T): T {
  return options.method === undefined && options.solver === undefined
    ? { ...options, method: SOLVING_METHOD }
    : options;
}
