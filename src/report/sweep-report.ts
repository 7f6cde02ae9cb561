import { z } from 'zod';
import { reportSchema } from './report.ts';

/** The version of a sweep's layout; it rises when a field changes its meaning or goes away. */
export const SWEEP_SCHEMA = 'coppice/sweep@1';

const count = z.number().int().nonnegative();
const measure = z.number().nullable();
const {
  tool,
  runtime,
  platform,
  command,
  model,
  data,
  eval: evaluation,
  seconds,
  peakRssMB,
  warnings,
} = reportSchema.shape;

const compiled = z
  .object({
    accuracy: measure,
    loss: measure,
    bytes: measure.describe('by brotli, everything that a page loads'),
    latency: measure.describe('milliseconds of one run, the median'),
    refused: z.string().nullable().describe('why it cannot be compiled'),
  })
  .nullable()
  .default(null)
  .describe('the compiled model, measured; null where that was not asked for');

const sweepCell = z.object({
  method: z.string(),
  sparsity: measure.describe('as asked; null where not limited'),
  flops: measure.describe('share of the MACs to keep, as asked; null where not limited'),
  seed: z.number().int(),
  accuracy: measure,
  loss: measure,
  recalibrated: z.object({ accuracy: measure, loss: measure }).nullable(),
  nonzeros: count,
  prunable: count,
  macs: measure.describe('share of the prunable multiply-accumulates that is left'),
  objective: measure,
  predictedLossChange: measure.default(null),
  kept: z.array(count).default([]).describe('nonzero weights of each layer'),
  bytes: measure.default(null).describe('the model file by brotli; null where not measured'),
  latency: measure.default(null).describe('milliseconds, batch 1, median; null where not measured'),
  compiled,
  seconds: z.number(),
});

const sweepLayer = z.object({
  name: z.string(),
  op: z.string(),
  shape: z.array(count),
  weights: count,
  macs: measure.describe('multiply-accumulates of one sample, all weights'),
});

/** The layout of a sweep with its checks. */
export const sweepReportSchema = z.object({
  schema: z.literal(SWEEP_SCHEMA),
  tool,
  runtime,
  platform: platform.nullable().default(null),
  command: command,
  model,
  data,
  eval: evaluation,
  dense: z.object({
    accuracy: measure,
    loss: measure,
    bytes: measure.default(null),
    latency: measure.default(null),
    compiled,
    macs: measure.default(null).describe('multiply-accumulates of one sample, all prunable weights'),
  }),
  methods: z.array(z.string()),
  sparsities: z.array(z.number()).nullable(),
  flops: z.array(z.number()).nullable(),
  seeds: z.array(z.number().int()),
  layers: z.array(sweepLayer).default([]),
  cells: z.array(sweepCell),
  seconds,
  peakRssMB,
  warnings,
});

/** A finished sweep: plain data; what is not known is null. */
export type SweepReport = z.infer<typeof sweepReportSchema>;
/** One run of a sweep. */
export type SweepCellReport = z.infer<typeof sweepCell>;
