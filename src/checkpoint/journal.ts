import { z } from 'zod';
import { ResumeMismatchError } from '../errors/errors.ts';

/** The layout of a journal; it rises when a field changes its meaning. */
export const JOURNAL_SCHEMA = 'coppice/checkpoint@1';

const epoch = z.looseObject({
  epoch: z.number(),
  loss: z.number(),
  accuracy: z.number().nullable(),
  rate: z.number(),
  samplesPerSecond: z.number(),
});

/** A journal's layout with its checks. */
export const journalSchema = z.object({
  schema: z.literal(JOURNAL_SCHEMA),
  command: z.array(z.string()).describe('arguments of the run, program first'),
  folder: z.string().describe('the working folder, to which paths among the arguments are relative'),
  key: z.record(z.string(), z.string()).describe('what has to be the same for the run to go on, by what it is'),
  model: z.string().nullable().describe('file of the pruned model that is being trained; null before the first'),
  arrays: z.string().nullable().describe('file of the training state; null when a training has not begun'),
  pruning: z
    .number()
    .int()
    .nullable()
    .describe('the last pruning that is done, from 0; null for a training alone, or before the first'),
  stages: z.array(z.json()).describe('what is known of the prunings that are done'),
  epochs: z.array(epoch).describe('epochs that are done'),
  trials: z
    .array(z.object({ sparsity: z.number(), accuracy: z.number(), drop: z.number(), accepted: z.boolean() }))
    .optional()
    .describe('runs that are done of the search for the smallest model'),
  training: z
    .object({
      epoch: z.number().int(),
      step: z.number().int(),
      loss: z.number(),
      hits: z.number(),
      epochs: z.array(epoch),
      seen: z
        .object({ first: z.number().nullable(), last: z.array(z.number()), above: z.number().int() })
        .optional()
        .describe('of the losses, by which a divergence is told'),
    })
    .nullable(),
});

/** Where a run stands, and which run it is. Files are names within the checkpoint's folder. */
export type Journal = z.infer<typeof journalSchema>;

/**
 * Makes sure that a run that goes on is the one that was interrupted.
 *
 * @throws ResumeMismatchError  naming everything that differs
 */
export function checkSameRun(kept: Journal['key'], now: Journal['key']): void {
  const differing = [...new Set([...Object.keys(kept), ...Object.keys(now)])].filter(
    (name) => kept[name] !== now[name],
  );
  if (differing.length > 0)
    throw new ResumeMismatchError(
      `Cannot go on: not as it was when the run began: ${differing.join(', ')}; put it back, or begin anew`,
      { fields: { differing }, remedies: [{ option: 'restart' }] },
    );
}
