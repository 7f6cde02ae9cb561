import { z } from 'zod';
import { messageOf } from '../../errors/errors.ts';
import { METHOD_NAMES, METHODS, type Method } from '../../methods/list.ts';
import { filled, METHOD_OPTIONS, type MethodOption, type MethodOptions } from '../../pruning/method-options.ts';
import { isSwitchOrAuto } from '../method-flags.ts';
import { flagOfName } from '../remedies.ts';

/** The version of what the studio keeps of a run. */
export const STUDIO_SCHEMA = 'coppice/studio@1';

/** A word of a command line. */
const text = z
  .string()
  .max(4000)
  .refine((word) => !word.includes('\0'), { error: 'a NUL cannot stand in it' });
const optional = text.optional();
const share = z.number().gt(0).lt(1);
const method = z.enum(METHOD_NAMES);
const whole = z.number().int().positive().max(1e9);

/** How data is read; the flags of the same names. */
const preprocessSchema = z.strictObject({
  scale: optional,
  mean: optional,
  std: optional,
  layout: z.enum(['nchw', 'nhwc']).optional(),
});

/** The parts of a run that the form asks for. */
const requestParts = z.strictObject({
  name: z.string().max(80).optional(),
  model: text.min(1),
  data: optional,
  eval: optional,
  preprocess: preprocessSchema.default({}),
  method,
  sweep: z
    .strictObject({
      methods: z.array(method).min(1).max(20),
      kind: z.enum(['sparsity', 'flops']),
      budgets: z.array(share).min(1).max(100),
    })
    .optional()
    .describe('several methods at several budgets; method, sparsity and flops do not count then'),
  options: z
    .record(z.string().max(40), z.union([text, z.number(), z.boolean()]))
    .default({})
    .describe('of the method, or of any of a sweep; those left out take its defaults'),
  sparsity: share.optional(),
  flops: share.optional(),
  pattern: text.min(1).optional().describe('where zeros may lie, such as 2:4'),
  recalibrate: z.boolean().optional(),
  gradual: z.boolean().optional(),
  epochs: whole.optional(),
  prunings: whole.optional(),
  latency: z.boolean().optional(),
  compile: z.boolean().optional(),
  seed: z.number().int().nonnegative().optional(),
});

/** A run as the form asks for it: its options are those of the method, with values that it takes. */
export const runRequestSchema = requestParts.superRefine(({ method: name, sweep, options }, context) => {
  const message = wrongOption(sweep?.methods ?? [name], options);
  if (message !== null) context.addIssue({ code: 'custom', message, path: ['options'] });
});

/** The same as it is kept with a run; older ones have the options of the method among the others. */
export const keptRequestSchema = z.preprocess((kept) => {
  if (typeof kept !== 'object' || kept === null || 'options' in kept) return kept;
  const { samples, batch, stages, minutes, ...rest } = kept as Record<string, unknown>;
  const given = Object.entries({ samples, batch, stages, minutes }).filter(([, value]) => value !== undefined);
  return { ...rest, options: Object.fromEntries(given) };
}, requestParts);

/** What is wrong with options: one that no method has, or a value that one cannot take; null = nothing. */
function wrongOption(methods: readonly Method[], options: RunOptions): string | null {
  const names = Object.keys(options);
  const known = new Set(methods.flatMap((name) => Object.keys(METHODS[name].options.shape)));
  const unknown = names.find((name) => !known.has(name));
  if (unknown !== undefined)
    return `Cannot prune by ${methods.join(', ')} with "${unknown}": the options are ${[...known].join(', ')}`;
  try {
    for (const name of methods) {
      const { options: schema, settle } = METHODS[name];
      const own = Object.fromEntries(Object.entries(options).filter(([option]) => option in schema.shape));
      settle(filled(schema, own), own as MethodOptions);
    }
    return null;
  } catch (thrown) {
    return messageOf(thrown);
  }
}

/** What is asked to show what a budget would keep. */
export const previewRequestSchema = requestParts
  .pick({
    model: true,
    data: true,
    preprocess: true,
  })
  .extend({ kind: z.enum(['sparsity', 'flops']), loss: z.boolean().default(false) });

/** How a run stands. */
export const runStateSchema = z.enum(['running', 'finished', 'failed', 'stopped', 'interrupted']);

const measure = z.number().nullable();

/** A run as the list shows it. */
export const runSummarySchema = z.object({
  id: z.string(),
  name: z.string(),
  state: runStateSchema,
  /** Seconds since 1970. */
  created: z.number(),
  kind: z.enum(['run', 'sweep']),
  cells: z.number().int().nullable().describe('runs that a sweep is made of'),
  model: z.string().nullable(),
  method: z.string().nullable(),
  sparsity: measure,
  before: measure,
  after: measure,
  macs: measure.describe('share that is left'),
  bytes: measure.describe('by brotli'),
  latency: measure.describe('milliseconds, first batch size'),
  compiled: z
    .object({
      files: z.array(z.string()).describe('what a page loads'),
      bytes: measure.describe('of these by brotli'),
      latency: measure.describe('milliseconds of one run'),
      refused: z.string().nullable(),
    })
    .nullable()
    .describe('of a run that compiles'),
  message: z.string().nullable().describe('why it ended, where it did not finish'),
  resumable: z.enum(['from-state', 'anew']).nullable(),
  hasReport: z.boolean(),
});

/** Layers and what each level of a budget keeps of them. */
export const previewSchema = z.object({
  layers: z.array(z.object({ name: z.string(), weights: z.number(), macs: measure })),
  levels: z.array(
    z.object({ budget: z.number(), kept: z.array(z.number()), loss: measure.describe('predicted change') }),
  ),
  note: z.string().nullable(),
});

type RunOptions = z.infer<typeof requestParts>['options'];
/** See {@link runRequestSchema}. */
export type RunRequest = z.infer<typeof runRequestSchema>;
/** See {@link previewRequestSchema}. */
export type PreviewRequest = z.infer<typeof previewRequestSchema>;
/** See {@link runStateSchema}. */
export type RunState = z.infer<typeof runStateSchema>;
/** See {@link runSummarySchema}. */
export type RunSummary = z.infer<typeof runSummarySchema>;
/** See {@link previewSchema}. */
export type Preview = z.infer<typeof previewSchema>;

/** The command line of a run. @param places  files of its folder */
export function argumentsOf(
  request: RunRequest,
  { output, report, checkpoint }: { readonly output: string; readonly report: string; readonly checkpoint?: string },
): string[] {
  const { sweep } = request;
  const isGradual = request.gradual === true && sweep === undefined;
  const valued: (readonly [string, string | number | undefined])[] = [
    ['data', request.data],
    ['eval', request.eval],
    ['scale', request.preprocess.scale],
    ['mean', request.preprocess.mean],
    ['std', request.preprocess.std],
    ['layout', request.preprocess.layout],
    ...(sweep === undefined
      ? ([
          ['method', request.method],
          ['sparsity', request.sparsity],
          ['flops', request.flops],
        ] as const)
      : ([
          ['methods', sweep.methods.join(',')],
          [sweep.kind, sweep.budgets.join(',')],
        ] as const)),
    ['pattern', request.pattern],
    ['epochs', isGradual ? request.epochs : undefined],
    ['prunings', isGradual ? request.prunings : undefined],
    [sweep === undefined ? 'seed' : 'seeds', request.seed],
  ];
  const given = valued.filter(([, value]) => value !== undefined && value !== '');
  return [
    sweep === undefined ? 'prune' : 'sweep',
    // What begins with a dash would be taken for a flag.
    request.model.startsWith('-') ? `./${request.model}` : request.model,
    ...given.map(([flag, value]) => `--${flag}=${value}`),
    ...Object.entries(request.options).flatMap(([name, value]) => flagsOf(name as MethodOption, value)),
    ...(request.recalibrate ? ['--recalibrate'] : []),
    ...(isGradual ? ['--gradual'] : []),
    ...(request.compile ? ['--compile'] : []),
    ...latencyOf(request),
    '--events=ndjson',
    ...(sweep !== undefined && checkpoint !== undefined ? [`--checkpoint=${checkpoint}`] : []),
    ...(sweep === undefined ? [`--output=${output}`] : []),
    `--report=${report}`,
  ];
}

/** The flag of an option; one that is only yes or no has none for no, which is what it is by default. */
function flagsOf(name: MethodOption, value: RunOptions[string]): string[] {
  const flag = flagOfName(name);
  if (value === false) return isSwitchOrAuto(METHOD_OPTIONS[name]) ? [flag.replace('--', '--no-')] : [];
  if (value === true) return [flag];
  return [`${flag}=${value}`];
}

/** A run times the models unless told not to, a sweep if told to. */
function latencyOf({ latency, sweep }: RunRequest): string[] {
  if (sweep !== undefined) return latency ? ['--latency'] : [];
  return latency ? [] : ['--no-latency'];
}
