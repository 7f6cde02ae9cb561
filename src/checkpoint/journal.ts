import { z } from 'zod';
import { ResumeMismatchError } from '../errors/errors.ts';

/** The layout of a journal; it rises when a field changes its meaning. */
export const JOURNAL_SCHEMA = 'coppice/checkpoint@2';

const epoch = z.looseObject({
  epoch: z.number(),
  // NaN where every step was given up, which JSON does not have
  loss: z.preprocess((loss) => loss ?? Number.NaN, z.union([z.number(), z.nan()])),
  accuracy: z.number().nullable(),
  rate: z.number(),
  samplesPerSecond: z.number(),
});

const measure = z.number().nullable();

const cell = z.looseObject({
  method: z.string(),
  sparsity: measure,
  flops: measure,
  seed: z.number(),
  accuracy: measure,
  nonzeros: z.number(),
  prunable: z.number(),
  kept: z.array(z.number()),
  seconds: z.number(),
});

/** A name of a file within the folder, and no way out of it. */
const fileName = (form: RegExp) => z.string().regex(form).nullable();

/** A journal's layout with its checks. */
export const journalSchema = z
  .object({
    schema: z.literal(JOURNAL_SCHEMA),
    command: z.array(z.string()).describe('arguments of the run, program first'),
    folder: z.string().describe('the working folder, to which paths among the arguments are relative'),
    key: z.record(z.string(), z.string()).describe('what has to be the same for the run to go on, by what it is'),
    files: z
      .record(z.string(), z.string().regex(/^[0-9a-f]{64}$/))
      .describe('SHA-256 of each file of the state, by its name'),
    model: fileName(/^pruned-\d+\.onnx$/).describe(
      'file of the pruned model that is being trained; null before the first',
    ),
    arrays: fileName(/^state-\d+\.safetensors$/).describe(
      'file of the training state; null when a training has not begun',
    ),
    pruning: z
      .int()
      .min(0)
      .nullable()
      .describe('the last pruning that is done, from 0; null for a training alone, or before the first'),
    stages: z
      .array(
        z.looseObject({
          kept: z.number(),
          message: z.string(),
          seconds: z.object({ gradients: z.number(), solve: z.number() }),
        }),
      )
      .describe('what is known of the prunings that are done'),
    epochs: z.array(epoch).describe('epochs that are done'),
    trials: z
      .array(z.object({ sparsity: z.number(), accuracy: z.number(), drop: z.number(), accepted: z.boolean() }))
      .optional()
      .describe('runs that are done of the search for the smallest model'),
    pieces: z
      .record(z.string(), z.string().regex(/^piece-\d+\.safetensors$/))
      .optional()
      .describe('files of the long steps that are done, by their names within the run'),
    cells: z.array(cell).optional().describe('runs of a sweep that are done, in their order'),
    training: z
      .object({
        epoch: z.int().min(0),
        step: z.int().min(0),
        loss: z.number(),
        hits: z.number(),
        epochs: z.array(epoch),
        seen: z
          .object({ first: z.number().nullable(), last: z.array(z.number()), above: z.number().int() })
          .optional()
          .describe('of the losses, by which a divergence is told'),
        of: z.int().min(0).optional().describe('the step of a recipe whose training it is, where several are kept'),
        done: z.int().min(0).optional().describe('steps that are done, without those that were given up'),
        guard: z
          .object({ left: z.int(), slowdown: z.number(), taken: z.int().min(0), given: z.int().min(0) })
          .optional()
          .describe(
            'of a training that may go back: how often, its rate, the step it would go back to, steps given up',
          ),
      })
      .nullable(),
  })
  .refine(
    ({ pruning, model, stages }) => pruning === null || (model !== null && stages.length > pruning),
    'a pruning that is done has a model and stages',
  )
  .refine(({ training, arrays }) => (training === null) === (arrays === null), 'a training has its arrays');

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
