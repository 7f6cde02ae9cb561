import { z } from 'zod';
import { OptionError } from '../errors/errors.ts';
import { SCHEDULES, type Schedule } from '../schedule/stages.ts';
import { SCALINGS, type Scaling } from './scaling.ts';

/** What is known of an option besides its type: how a command line and a form ask for it. */
export interface OptionFacts {
  /** One line for help texts, forms and tables. */
  readonly description: string;
  /** What its value is called, such as `n`. */
  readonly argument?: string;
  /** What its value has to be, for the sentence that refuses another. */
  readonly wanted: string;
  /** Whether `30k` and `2M` may be written. */
  readonly isAmount?: boolean;
}

/** An option's schema with what is known of it. */
export function described<T extends z.ZodType>(schema: T, facts: OptionFacts): T {
  return schema.meta({ ...facts });
}

/** An option with what it is to one method, where that is not what it is to the others. */
export function saying<T extends z.ZodType>(schema: T, description: string): T {
  return schema.meta({ ...factsOf(schema), description }) as T;
}

/** What holds for whole numbers from 1. */
const COUNT = { wanted: 'a whole number above 0' } as const;

function count(description: string, argument: string): z.ZodInt {
  return described(z.int().min(1), { description, argument, ...COUNT });
}

function whole(description: string, argument: string): z.ZodInt {
  return described(z.int().min(0), { description, argument, wanted: 'a whole number from 0' });
}

function choice<T extends string>(description: string, names: Readonly<Record<T, string>>) {
  const all = Object.keys(names) as T[];
  return described(z.enum(all), { description, wanted: `one of ${all.join(', ')}` });
}

/** Every option that a method may have; a method's schema picks from them and says its defaults. */
export const METHOD_OPTIONS = {
  /** Gradient rows n; samples that layers are solved on; steps of a training. */
  samples: count('gradient rows n', 'n'),
  /** Samples averaged into one row, m; samples of a training step. */
  batch: count('samples averaged into one row, m', 'm'),
  /** Ridge, in units of A'A/n; `auto` = each stage's by the true loss of samples that its gradients do not see. */
  lambda: described(z.union([z.number().gt(0), z.literal('auto')]), {
    description: "ridge, in units of A'A/n; auto = by the true loss of samples that the gradients do not see",
    argument: 'x',
    wanted: 'a number above 0, or auto',
  }),
  /** Scale of the first-order term; `auto` = 1/m. */
  firstOrder: described(z.union([z.number(), z.literal('auto')]), {
    description: 'scale of the first-order term, auto = 1/m',
    argument: 'a',
    wanted: 'a number, or auto',
  }),
  stages: count('stages, each with new gradients', 'T'),
  /** `auto` = by the budget: exp above a sparsity of 0.9, else poly. */
  schedule: choice<Schedule | 'auto'>('how stages approach the sparsity; auto = poly to 0.9, exp above', {
    ...SCHEDULES,
    auto: 'by the budget',
  }),
  /** Share of the weights, and of the MACs, that is removed where the stages start. */
  baseSparsity: described(z.number().min(0).lt(1), {
    description: 'share of the weights (and MACs) that is gone where the stages start',
    argument: 'b',
    wanted: 'a share from 0 and below 1',
  }),
  /**
   * Samples on whose true loss each stage's first-order part is scaled: the quadratic model knows its direction better
   * than its length. 0 = none; `auto` = half of the samples, at most 4,000, where they have labels or targets and the first-order term is on.
   */
  lineSearch: described(z.union([z.int().min(0), z.literal('auto')]), {
    description:
      'scale the first-order part of each stage by the true loss of so many samples; 0 = none, auto = by the data',
    argument: 'n',
    wanted: 'a whole number from 0, or auto',
  }),
  /** Re-estimates batch statistics after each stage; `auto` = where the model stores some. */
  recalibrateStages: described(z.union([z.boolean(), z.literal('auto')]), {
    description: 're-estimate batch statistics after each stage; auto = where the model has some',
    wanted: 'true, false or auto',
  }),
  /** The settings that the method was published with, in the place of the strongest. */
  asPublished: described(z.boolean(), {
    description: "the method as it was published: no setting chosen by the data, the paper's stages",
    wanted: 'true or false',
  }),
  /** Units in which weights are compared and the ridge measures changes. */
  scaling: choice<Scaling>('units of the weights within a layer', SCALINGS),
  /** Width of the blocks that are solved one by one. */
  block: count('width of the blocks', 'B'),
  /** Rounds of swaps after the back-solve; null = the method's own. */
  swaps: whole('rounds of swaps after the back-solve', 'r').nullable(),
  /** Compute budget of methods that train: sample gradients in all, in the place of `samples`. */
  gradients: described(z.number().gt(0), {
    description: 'compute of the training in sample gradients, such as 30k',
    argument: 'n',
    wanted: 'a number above 0',
    isAmount: true,
  }).nullable(),
  /** The same in minutes of this machine. */
  minutes: described(z.number().gt(0), {
    description: 'the same in minutes of this machine',
    argument: 'x',
    wanted: 'a number above 0',
  }).nullable(),
};

/** Names of the options that a method may have. */
export type MethodOption = keyof typeof METHOD_OPTIONS;

/** The options of all methods, as a caller gives them; each method takes those of its schema. */
export type MethodOptions = {
  readonly [Name in MethodOption]?: Exclude<z.input<(typeof METHOD_OPTIONS)[Name]>, null>;
};

/** The options of a method as it works with them: filled in, `auto` settled, but for a ridge that each stage chooses. */
export type SettledOptions = {
  readonly [Each in MethodOption]: Each extends 'lambda'
    ? z.output<(typeof METHOD_OPTIONS)[Each]>
    : Exclude<z.output<(typeof METHOD_OPTIONS)[Each]>, 'auto'>;
};

/** Some of {@link SettledOptions}. */
export type Settled<Name extends MethodOption = MethodOption> = Pick<SettledOptions, Name>;

/** The options of methods among others, those that are undefined left out. */
export function givenOptions(given: MethodOptions): MethodOptions {
  const names = (Object.keys(METHOD_OPTIONS) as MethodOption[]).filter((name) => given[name] !== undefined);
  return Object.fromEntries(names.map((name) => [name, given[name]]));
}

/** The facts of an option of a schema, whatever its default. */
export function factsOf(schema: z.core.$ZodType): OptionFacts | null {
  const own = z.globalRegistry.get(schema) as OptionFacts | undefined;
  if (own?.wanted !== undefined) return own;
  const { innerType } = schema._zod.def as { readonly innerType?: z.core.$ZodType };
  return innerType === undefined ? null : factsOf(innerType);
}

/**
 * The options of a schema, filled in.
 *
 * @throws OptionError that names the option, its value and what is wanted
 */
export function filled<T extends z.ZodObject>(schema: T, given: object): z.output<T> {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const name = String(parsed.error.issues[0]?.path[0] ?? '');
  const facts = schema.shape[name] && factsOf(schema.shape[name]);
  const value = (given as Record<string, unknown>)[name];
  throw new OptionError(
    `Cannot use ${name} ${typeof value === 'string' ? `"${value}"` : String(value)}: wanted ${facts?.wanted ?? parsed.error.issues[0]?.message}`,
  );
}
