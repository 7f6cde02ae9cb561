import { z } from 'zod';
import type { Budget } from '../budget/budget.ts';
import { TARGETS, WEIGHT_FORMS } from '../compile/forms.ts';
import type { PreprocessOptions } from '../data/preprocess.ts';
import { OptionError } from '../errors/errors.ts';
import { OPTIMIZERS, type OptimizerName } from '../finetune/optimizer.ts';
import { METHOD_NAMES } from '../methods/list.ts';
import { factsOf, METHOD_OPTIONS } from '../pruning/method-options.ts';
import { RATE_SCHEDULES, type RateSchedule } from '../schedule/learning-rate.ts';

/** The version of recipes; it rises when a field changes its meaning or goes away. */
export const RECIPE_SCHEMA = 'coppice/recipe@1';

const share = z.number().min(0).max(1);
const count = z.int().min(1);
const seed = z.int().min(0);
const names = z.array(z.string());
const loss = z.enum(['cross-entropy', 'binary-cross-entropy', 'mse']);
const numbers = z.union([z.number(), z.string(), z.array(z.number())]);

/** How a training goes. */
const training = {
  rate: z.number().gt(0),
  schedule: z.enum(Object.keys(RATE_SCHEDULES) as RateSchedule[]),
  warmup: z.number().min(0),
  restarts: z.int().min(0),
  optimizer: z.enum(Object.keys(OPTIMIZERS) as OptimizerName[]),
  momentum: z.number(),
  nesterov: z.boolean(),
  weightDecay: z.number().min(0),
  smoothing: share,
  batch: count,
  distill: z
    .strictObject({ share: share.optional(), temperature: z.number().gt(0).optional() })
    .describe("trains towards the dense model's outputs too"),
};

const budget = z
  .strictObject({
    sparsity: share.describe('share of the weights to remove'),
    flops: share.describe('share of the multiply-accumulates to keep'),
    params: z.int().min(0).describe('weights to keep at most'),
    scope: z.enum(['global', 'layer']),
    bounds: z.array(z.strictObject({ layer: z.string(), least: share, most: share })),
    pattern: z.string().describe('where zeros may lie, such as 2:4'),
    kernels: z.enum(['channels-last', 'channels-first']),
    maxDrop: share.describe('accuracy on held-out rows that may be lost: the smallest model within it is looked for'),
  })
  .partial();

const prune = z.strictObject({
  do: z.literal('prune'),
  method: z.enum(METHOD_NAMES).optional(),
  budget,
  options: z.strictObject(METHOD_OPTIONS).partial().default({}).describe("the method's own"),
  layers: names.optional(),
  exclude: names.optional(),
  loss: z.enum([...loss.options, 'random']).optional(),
  labels: z.enum(['data', 'model']).optional(),
  output: z.string().optional(),
  blocked: z.enum(['refuse', 'skip']).optional(),
  tune: z.boolean().optional().describe('chooses lambda on rows that are held out'),
  gradual: z
    .strictObject({ epochs: count, prunings: count, between: count, ...training })
    .partial()
    .optional()
    .describe('trains between prunings'),
  seed: seed.optional(),
});

const recalibrate = z.strictObject({ do: z.literal('recalibrate'), seed: seed.optional() });

const finetune = z.strictObject({
  do: z.literal('finetune'),
  epochs: count.optional(),
  ...z.strictObject(training).partial().shape,
  freezeStatistics: z.boolean().optional(),
  dense: z.boolean().optional().describe('zeros may become other numbers'),
  loss: loss.optional(),
  output: z.string().optional(),
  seed: seed.optional(),
});

const compact = z
  .strictObject({
    do: z.literal('compact'),
    macs: share.optional().describe('share of the multiply-adds to keep'),
    params: share.optional().describe('share of the weights to keep'),
    samples: count.optional().describe('samples that layers are solved on'),
    lambda: z.number().gt(0).optional().describe('ridge, in units of the mean square of the inputs'),
    seed: seed.optional(),
  })
  .describe('takes channels, neurons and heads out for good');

const compile = z.strictObject({
  do: z.literal('compile'),
  weights: z.enum(WEIGHT_FORMS).optional().describe('how weights are stored'),
  target: z.enum(TARGETS).optional().describe('instructions'),
  batch: count.optional().describe('samples of a run'),
  open: count.optional().describe('size of dimensions that the model leaves open'),
  inline: z.boolean().optional().describe('one file with everything in it'),
});

/** A recipe: where its rows come from, and what is done to a model, in order. */
export const recipeSchema = z.strictObject({
  schema: z.literal(RECIPE_SCHEMA),
  data: z.string().optional().describe('address of the rows that the steps learn from'),
  eval: z.string().optional().describe('address of the rows that the model is judged on'),
  preprocess: z
    .strictObject({
      scale: z.union([z.number(), z.string()]),
      mean: numbers,
      std: numbers,
      size: z.union([z.number(), z.string()]),
      resize: z.union([z.number(), z.string()]),
      interpolation: z.enum(['nearest', 'bilinear', 'bicubic', 'lanczos']),
      layout: z.enum(['nchw', 'nhwc']),
      channels: z.enum(['stored', 'rgb', 'bgr', 'gray']),
    })
    .partial()
    .default({}),
  augment: z
    .strictObject({ crop: z.int().min(0), flip: z.boolean() })
    .partial()
    .optional(),
  steps: z
    .array(z.discriminatedUnion('do', [prune, compact, recalibrate, finetune, compile]))
    .min(1)
    .refine((steps) => steps.slice(0, -1).every((step) => step.do !== 'compile'), 'only the last step can compile')
    .refine(
      (steps) => !['prune', 'compact'].every((step) => steps.some((one) => one.do === step)),
      'one recipe takes channels out and another sets weights to zero',
    ),
});

/** See {@link recipeSchema}. */
export type Recipe = z.output<typeof recipeSchema>;
/** One transform of a recipe with its options. */
export type Step = Recipe['steps'][number];
/** See {@link Step}. */
export type PruneStep = Extract<Step, { do: 'prune' }>;
/** See {@link Step}. */
export type CompactStep = Extract<Step, { do: 'compact' }>;
/** See {@link Step}. */
export type RecalibrateStep = Extract<Step, { do: 'recalibrate' }>;
/** See {@link Step}. */
export type FinetuneStep = Extract<Step, { do: 'finetune' }>;
/** See {@link Step}. */
export type CompileStep = Extract<Step, { do: 'compile' }>;

/**
 * Checks a recipe.
 *
 * @throws OptionError that names the place and what is wanted there
 */
export function recipeOf(value: unknown): Recipe {
  const parsed = recipeSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const place = issue?.path.join('.') ?? '';
  const option = issue?.path.at(-2) === 'options' ? METHOD_OPTIONS[issue.path.at(-1) as 'samples'] : undefined;
  const wanted = option && factsOf(option)?.wanted;
  throw new OptionError(
    `Cannot use the recipe${place === '' ? '' : `, at ${place}`}: ${wanted === undefined ? issue?.message : `wanted ${wanted}`}`,
  );
}

/** The budget of a pruning step without the accuracy that it may cost. */
export function budgetPart({ budget: { maxDrop, ...asked } }: PruneStep): Partial<Budget> {
  return withoutUndefined(maxDrop === undefined ? asked : { sparsity: 0, ...asked });
}

/** Of options of preprocessing those that a recipe says. */
export function preprocessOf({
  scale,
  mean,
  std,
  size,
  resize,
  interpolation,
  layout,
  channels,
}: PreprocessOptions): Recipe['preprocess'] {
  const numbers = <T>(value: T | readonly number[]): T | number[] => (Array.isArray(value) ? [...value] : (value as T));
  const sides = <T>(value: T | readonly number[]): T | string =>
    Array.isArray(value) ? value.join('x') : (value as T);
  return withoutUndefined({
    ...{
      scale,
      mean: numbers(mean),
      std: numbers(std),
      size: sides(size),
      resize: sides(resize),
      interpolation,
      layout,
      channels,
    },
  });
}

/** A budget as a step says it; a constraint of one's own is no data. */
export function stepBudget({ bounds, constraint: _, ...rest }: Budget): PruneStep['budget'] {
  return withoutUndefined({ ...rest, bounds: bounds && [...bounds] });
}

/** An object without the keys that are undefined. */
export function withoutUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as never;
}

/** The JSON schema of recipes, for editors. */
export function recipeJsonSchema(): object {
  return z.toJSONSchema(recipeSchema, { io: 'input' });
}
