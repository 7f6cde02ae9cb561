import { z } from 'zod';

/** The version of the stream of events; it rises when a field changes its meaning or goes away. */
export const EVENTS_SCHEMA = 'coppice/events@1';

const at = z.number().describe('seconds since the start');
const measure = z.number().nullable();
const count = z.number().int().nonnegative();

/** One line of a run's events, as JSON. Readers skip types and fields that they do not know. */
export const eventSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('start'), at, schema: z.literal(EVENTS_SCHEMA), command: z.array(z.string()) }),
  z.object({
    type: z.literal('progress'),
    at,
    step: z.string(),
    done: z.number(),
    total: z.number(),
    unit: z.string(),
    perSecond: measure.describe('of the unit, since the step began'),
    note: z.string().nullable(),
  }),
  z.object({
    type: z.literal('stage'),
    at,
    stage: count.describe('prunings that are done'),
    sparsity: z.number(),
    loss: measure,
    accuracy: measure.describe('on the first rows of the evaluation data'),
  }),
  z.object({
    type: z.literal('epoch'),
    at,
    epoch: count,
    of: count,
    loss: z.number(),
    accuracy: measure,
    rate: z.number(),
    samplesPerSecond: z.number(),
  }),
  z.object({
    type: z.literal('cell'),
    at,
    method: z.string(),
    sparsity: measure,
    flops: measure,
    seed: z.number().int(),
    accuracy: measure,
  }),
  z.object({
    type: z.literal('accuracy'),
    at,
    of: z.enum(['before', 'after', 'recalibrated', 'finetuned']),
    accuracy: measure,
    loss: measure,
  }),
  z.object({ type: z.literal('warning'), at, message: z.string() }),
  z.object({ type: z.literal('note'), at, message: z.string() }),
  z.object({ type: z.literal('failure'), at, message: z.string() }),
  z.object({ type: z.literal('end'), at, code: z.number().int() }),
]);

/** See {@link eventSchema}. */
export type RunEvent = z.infer<typeof eventSchema>;

/** An event before its time is known. */
export type NewEvent = RunEvent extends infer E ? (E extends RunEvent ? Omit<E, 'at'> : never) : never;
