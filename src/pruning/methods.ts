import { OptionError } from '../errors/errors.ts';
import type { Schedule } from '../schedule/stages.ts';
import { chitaCd } from '../solvers/chita/active-set.ts';
import { chita } from '../solvers/chita/back-solving.ts';
import { type BlockPool, chitaBlock } from '../solvers/chita/block-wise.ts';
import { magnitude } from '../solvers/magnitude/magnitude.ts';
import type { AnySolver } from '../solvers/solver.ts';
import { woodfisher } from '../solvers/woodfisher/woodfisher.ts';

/** Names of the pruning methods. */
export type Method =
  | 'auto'
  | 'reconstruct'
  | 'magnitude'
  | 'woodfisher'
  | 'chita'
  | 'chita-cd'
  | 'chita-block'
  | 'chita++'
  | 'falcon'
  | 'falcon-bs'
  | 'falcon++';

/** Settings that a method takes where the user gives none. */
export interface MethodDefaults {
  /** Rows of the Fisher model (n), samples averaged into one row (m), ridge. */
  readonly samples: number;
  readonly batch: number;
  readonly lambda: number;
  /** Scale a of the first-order term; `auto` = 1/m. */
  readonly firstOrder: number | 'auto';
  readonly stages: number;
  readonly schedule: Schedule;
  /** Share that is gone where the stages start; never more than the budget removes. */
  readonly baseSparsity: number;
}

/** A pruning method as the pipeline sees it. */
export interface MethodEntry {
  readonly summary: string;
  /** Whether it works on gradient rows. */
  readonly needsGradients: boolean;
  /** Whether it trains: `samples` are then its steps, `batch` the samples of each, `stages` the supports on the way. */
  readonly trains?: boolean;
  /** Whether it solves each layer for its own outputs: `samples` are then those it looks at, `stages` the supports on the way. */
  readonly reconstructs?: boolean;
  /** Whether it keeps the largest weights as they are, and solves for nothing. */
  readonly keepsLargest?: boolean;
  readonly defaults: MethodDefaults;
  readonly solver: (context: SolverContext) => AnySolver;
}

/** What a solver may be told. */
export interface SolverContext {
  /** Width of the blocks of chita-block. */
  readonly block: number;
  /** Rounds of swaps; undefined = the method's own default. */
  readonly swaps?: number;
  /** Opens worker threads for blocks. */
  readonly openPool?: (() => BlockPool) | undefined;
}

/** The method where none is named: see {@link usualMethod}. */
export const DEFAULT_METHOD: Method = 'auto';
/** The method where an option is given that the default does not have, and the one whose own defaults help texts tell first. */
export const SOLVING_METHOD: Method = 'chita';

/** Options of methods that solve for the weights: `auto` has no use for them. */
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

const ONE_STAGE: MethodDefaults = {
  samples: 1000,
  batch: 1,
  lambda: 1e-3,
  firstOrder: 0,
  stages: 1,
  schedule: 'exp',
  baseSparsity: 0.1,
};

/** A solver under another name: FALCON is CHITA's machinery on a set that limits MACs too. */
function named(name: string, solver: AnySolver): AnySolver {
  return { ...solver, name };
}

/** The methods by name, with what `coppice prune --method` says of each. */
export const METHODS: Readonly<Record<Method, MethodEntry>> = {
  auto: {
    summary:
      'trains to imitate the dense model while the support closes in, within a budget of compute; needs no labels',
    needsGradients: false,
    trains: true,
    defaults: { ...ONE_STAGE, samples: 938, batch: 32, stages: 40, schedule: 'poly', baseSparsity: 0.7 },
    solver: () => named('auto', magnitude()),
  },
  reconstruct: {
    summary:
      'solves layer by layer for the outputs of the dense model: for data of a few hundred samples; needs no labels',
    needsGradients: false,
    reconstructs: true,
    defaults: { ...ONE_STAGE, lambda: 1e-2, stages: 40, schedule: 'linear', baseSparsity: 0.05 },
    solver: () => named('reconstruct', magnitude()),
  },
  magnitude: {
    summary: 'keeps the largest weights; needs no data',
    needsGradients: false,
    keepsLargest: true,
    defaults: ONE_STAGE,
    solver: () => magnitude(),
  },
  woodfisher: {
    summary: 'scores and updates weights one by one by the exact inverse Fisher',
    needsGradients: true,
    defaults: { ...ONE_STAGE, lambda: 1e-5 },
    solver: () => woodfisher(),
  },
  chita: {
    summary: 'CHITA-BSO: magnitude support, all weights re-solved together',
    needsGradients: true,
    defaults: ONE_STAGE,
    solver: ({ swaps }) => chita(swaps === undefined ? {} : { swaps }),
  },
  'chita-cd': {
    summary: 'CHITA-CD: hard thresholding with exact steps on an active set, back-solve, swaps',
    needsGradients: true,
    defaults: ONE_STAGE,
    solver: ({ swaps }) => chitaCd(swaps === undefined ? {} : { swaps }),
  },
  'chita-block': {
    summary: 'CHITA in blocks within layers: for large models',
    needsGradients: true,
    defaults: ONE_STAGE,
    solver: ({ block, openPool }) => chitaBlock({ block, openPool }),
  },
  'chita++': {
    summary: 'CHITA in stages, with new gradients and the first-order term at each: the most accurate, the slowest',
    needsGradients: true,
    defaults: {
      samples: 1000,
      batch: 16,
      lambda: 1e-2,
      firstOrder: 'auto',
      stages: 15,
      schedule: 'exp',
      baseSparsity: 0.1,
    },
    solver: ({ swaps }) => chita(swaps === undefined ? {} : { swaps }),
  },
  falcon: {
    summary: 'FALCON: the discrete first-order method under limits of MACs and weights at once, then a back-solve',
    needsGradients: true,
    defaults: ONE_STAGE,
    solver: ({ swaps }) => named('falcon', chitaCd(swaps === undefined ? {} : { swaps })),
  },
  'falcon-bs': {
    summary:
      'the short form that FALCON was published with: the integer program of magnitudes, then a back-solve in blocks',
    needsGradients: true,
    defaults: ONE_STAGE,
    solver: ({ block, openPool }) => named('falcon-bs', chitaBlock({ block, openPool })),
  },
  'falcon++': {
    summary: 'FALCON in stages: the limits close in on a schedule, with new gradients at each',
    needsGradients: true,
    defaults: {
      samples: 1000,
      batch: 16,
      lambda: 1e-2,
      firstOrder: 'auto',
      stages: 20,
      schedule: 'poly',
      baseSparsity: 0.1,
    },
    solver: ({ swaps }) => named('falcon++', chita(swaps === undefined ? {} : { swaps })),
  },
};

/** An entry with the name of its method or solver. */
export type ResolvedEntry = MethodEntry & { readonly name: string };

/** Whether a method reads data. */
export function needsData(method: Method): boolean {
  const { needsGradients, trains, reconstructs } = METHODS[method];
  return needsGradients || trains === true || reconstructs === true;
}

/**
 * The entry of a method (where none is named, of {@link usualMethod}), or one for a solver in its place: with the defaults of the method of its name, else those of
 * chita.
 *
 * @throws OptionError if both are given, or the method is not known
 */
export function entryOf(choice: Hints & { readonly method?: Method; readonly solver?: AnySolver }): ResolvedEntry {
  const { method, solver } = choice;
  if (solver !== undefined) {
    if (method !== undefined)
      throw new OptionError(
        `Cannot prune by the method "${method}" and the solver "${solver.name}" at once: give one of them`,
      );
    const { summary, defaults } = Object.hasOwn(METHODS, solver.name)
      ? METHODS[solver.name as Method]
      : { summary: 'a solver of the caller', defaults: ONE_STAGE };
    return { name: solver.name, summary, defaults, needsGradients: solver.needs.length > 0, solver: () => solver };
  }
  const name = method ?? usualMethod(choice);
  if (!Object.hasOwn(METHODS, name))
    throw new OptionError(`Cannot prune by "${name}": the methods are ${Object.keys(METHODS).join(', ')}`);
  return { name, ...METHODS[name] };
}

/** The options with a method that solves, where neither a method nor a solver is named: for what a training would be too long or unfit. */
export function withSolvingMethod<T extends { readonly method?: Method; readonly solver?: AnySolver }>(options: T): T {
  return options.method === undefined && options.solver === undefined
    ? { ...options, method: SOLVING_METHOD }
    : options;
}
