import { z } from 'zod';
import { detailsSchema } from './details.ts';

/** The version of the report's layout: it rises when a field changes its meaning or goes away, not when one is added. */
export const REPORT_SCHEMA = 'coppice/report@1';

const count = z.number().int().nonnegative();
const measure = z.number().nullable();
const share = z.number().min(0).max(1);

const pair = <T extends z.ZodType>(value: T) => z.object({ before: value.nullable(), after: value.nullable() });

const size = z.object({
  raw: count.describe('bytes as they are'),
  gzip: count.nullable().describe('bytes after gzip -9'),
  brotli: count.nullable().describe('bytes after brotli, quality 9'),
});

const latency = z.object({
  median: z.number(),
  p10: z.number(),
  p90: z.number(),
  runs: count.describe('timed passes behind the figures'),
});

const file = z.object({
  name: z.string().describe('base name, without folders'),
  sha256: z.string().nullable(),
  bytes: count.nullable(),
});

const dataSource = z.object({
  address: z.string(),
  sha256: z.string().nullable().describe('of the selected raw rows and labels, before preprocessing'),
  rows: count,
});

const layer = z.object({
  name: z.string().describe('the weight; with several uses, its first'),
  op: z.string().describe('operator that reads it'),
  shape: z.array(count),
  weights: count,
  kept: count.describe('nonzero weights afterwards'),
  removed: count.describe('weights that are zero afterwards'),
  sparsity: share,
  macs: pair(count).describe('multiply-accumulates of one sample'),
  sensitivity: measure
    .default(null)
    .describe('rise of the loss that the diagonal of the quadratic model foretells for one removed weight, the mean'),
  pattern: z
    .object({
      groups: count,
      uneven: count.describe('groups at an edge that the pattern does not divide'),
      violations: count.describe('groups that break the pattern, counted in the weights as written'),
    })
    .nullable()
    .default(null)
    .describe('null where no pattern was asked for'),
});

const stage = z.object({
  sparsity: share.describe('share of the prunable weights that its budget removes'),
  lambda: measure.optional().describe('its ridge, where the data chose it; absent or null where it was given'),
  loss: measure.describe('mean loss of its gradient samples, before it'),
  accuracy: measure.describe('after it (before any training that follows), on `accuracyRows` of the evaluation data'),
  accuracyRows: count.nullable(),
  objective: pair(z.number()).describe('its quadratic model at the start and at the result'),
  predictedLossChange: measure.describe('by its quadratic model, without the ridge'),
  seconds: z.object({ gradients: z.number(), solve: z.number() }),
});

const compiled = z.object({
  refused: z.string().nullable().describe('why it could not be compiled; null where it was'),
  files: z
    .array(z.object({ name: z.string(), ...size.shape }))
    .describe('what a page loads; empty where nothing was compiled or written'),
  batch: count.nullable().describe('samples of a run'),
  weights: z.enum(['f32', 'f16', 'int8']).describe('how its weights are stored'),
  kept: count.nullable().describe('weights of layers that it holds'),
  memory: count.nullable().describe('bytes of memory while it runs'),
  difference: measure.describe(
    'the largest difference of its outputs from those of the runtime above, over the largest output; on rows of data, or made-up inputs where rows is 0',
  ),
  rows: count.describe('rows behind difference'),
  accuracy: share.nullable().describe('of the program itself, on the evaluation data'),
  loss: measure,
  agreement: share.nullable().describe('rows of the evaluation data that it puts into the class of the pruned model'),
  latency: z
    .object({ batch: count, ...pair(latency).shape, compiled: latency })
    .nullable()
    .describe(
      'milliseconds of one run of the program on one thread, and of both models in the runtime above, interleaved',
    ),
});

const untouched = z.object({
  name: z.string(),
  op: z.string(),
  weights: count,
  reason: z.string(),
});

/** The report's layout with its checks; {@link reportJsonSchema} is the same for other languages. */
export const reportSchema = z.object({
  schema: z.literal(REPORT_SCHEMA),
  tool: z.object({ name: z.string(), version: z.string() }),
  runtime: z
    .object({
      name: z.string(),
      version: z.string(),
      threads: count.nullable(),
      chosen: z.string().optional().describe('what the provider auto chose, and why'),
    })
    .describe('what ran the models'),
  platform: z
    .object({ node: z.string().nullable(), os: z.string().nullable(), cpu: z.string().nullable() })
    .describe('where it ran; node is null in a browser'),
  command: z.array(z.string()).nullable().describe('arguments that reproduce the run, program first'),
  seed: z.number().int(),
  model: file,
  output: file.nullable().describe('the pruned model; null when it was not written'),
  data: dataSource.nullable().describe('rows behind gradients and calibration'),
  eval: dataSource.nullable().describe('rows behind accuracy and loss'),
  asked: z.object({
    method: z.string(),
    sparsity: share.nullable(),
    flops: share.nullable().default(null).describe('share of the prunable multiply-accumulates to keep'),
    params: count.nullable().default(null).describe('prunable weights to keep at most'),
    pattern: z.string().nullable().default(null).describe('N:M or block:HxW; null where zeros may lie anywhere'),
    options: z.record(z.string(), z.json()).describe('every option of the run, defaults filled in'),
  }),
  recipe: z
    .record(z.string(), z.json())
    .nullable()
    .default(null)
    .describe('what was done, to do it again; null in reports of earlier versions'),
  status: z
    .object({ code: z.string(), message: z.string() })
    .nullable()
    .describe('how the solver ended; null for methods without one'),
  objective: measure.describe('quadratic model of the loss at the result; the same as predicted.objective.after'),
  predicted: z
    .object({
      objective: pair(z.number()).describe('quadratic model before the solver refined its start, and at the result'),
      lossChange: measure.describe('loss after minus before, by the quadratic model'),
    })
    .nullable()
    .describe('null for methods without a quadratic model'),
  sparsity: share.describe('achieved: removed share of the prunable weights'),
  nonzeros: count.describe('prunable weights that are not zero afterwards'),
  prunable: count.describe('weights that the method could remove'),
  layers: z.array(layer).describe('one entry per prunable weight tensor'),
  stages: z.array(stage).default([]).describe('one entry per pruning, in their order'),
  untouched: z.array(untouched).describe('weight tensors that were left alone, and why'),
  accuracy: pair(share).describe('share of rows classified correctly, 0 to 1'),
  loss: pair(z.number()).describe('mean loss of a row'),
  recalibrated: z
    .object({
      accuracy: share.nullable(),
      loss: measure,
      rows: count.nullable().describe('calibration rows'),
    })
    .nullable()
    .describe('the pruned model with its statistics re-estimated; null when not asked for'),
  finetuned: z
    .object({ accuracy: share.nullable(), loss: measure, epochs: count })
    .nullable()
    .default(null)
    .describe('the model trained afterwards; null when not asked for'),
  macs: pair(count).describe('multiply-accumulates of one sample; zeros are not counted afterwards'),
  bytes: pair(size).describe('the model file'),
  latency: z
    .array(z.object({ batch: count, ...pair(latency).shape }))
    .nullable()
    .describe('milliseconds of one forward pass in the runtime above, both models interleaved; null when not measured'),
  compiled: compiled.nullable().default(null).describe('the pruned model as a program; null when not asked for'),
  gradientRows: z
    .object({
      where: z.enum(['memory', 'disk']),
      type: z.enum(['f32', 'bf16']),
      bytes: count,
      factored: z.array(z.string()).describe('layers kept as factors of their rows'),
    })
    .nullable()
    .default(null)
    .describe('where the gradient rows were kept; null for methods without, and where nobody decided'),
  dependsOn: z
    .array(z.enum(['threads', 'clock']))
    .default([])
    .describe(
      'what the weights may depend on besides model, rows, options, seed and runtime: the number of threads, in which trainings add up; the speed of the machine, where minutes were asked for',
    ),
  seconds: z.record(z.string(), z.number()).describe('wall time by step'),
  peakRssMB: measure.describe('largest resident memory of the process, 10^6 bytes'),
  warnings: z.array(z.string()),
  details: detailsSchema
    .nullable()
    .default(null)
    .describe('what the page shows besides; null where it was not asked for'),
});

/** What one run was asked, what was predicted, achieved and measured: plain data; what is not known is null. */
export type Report = z.infer<typeof reportSchema>;

/** One pruning of a run. */
export type StageReport = z.infer<typeof stage>;

/** The pruned model as a program. */
export type CompiledReport = z.infer<typeof compiled>;

/** One prunable weight tensor, before and after. */
export type LayerReport = z.infer<typeof layer>;

/** The JSON schema (draft 2020-12) of a report, as published in docs/report.schema.json; unknown fields are allowed. */
export function reportJsonSchema(): object {
  const schema = z.toJSONSchema(reportSchema, { io: 'input' });
  return { ...schema, title: 'Coppice report', description: 'What a pruning did.' };
}
