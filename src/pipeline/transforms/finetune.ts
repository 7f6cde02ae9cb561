import type { FeedSource } from '../../data/feeds.ts';
import { FINETUNE_DEFAULTS, type Finetuned, finetune } from '../../finetune/finetune.ts';
import type { Distillation } from '../../finetune/training-program.ts';
import type { Model } from '../../ir/model.ts';
import { decideOutputs } from '../../outputs/decide.ts';
import { type FinetuneStep, withoutUndefined } from '../recipe.ts';
import type { RunPorts } from '../run-ports.ts';
import { epochLine } from './epoch-line.ts';
import { DISTILL_TEMPERATURE, distillShare, TEACHER_SHARE, trainingOf } from './training.ts';

/** What a training did. */
export interface FinetuneFacts {
  readonly do: 'finetune';
  readonly trained: Omit<Finetuned, 'model'>;
}

/** Parameters that a warning names one by one. */
const MOST_NAMED = 5;

/** Trains with the zeros kept; where a teacher was named, or the data has no answers, towards the outputs of the dense model. */
export async function finetuneTransform(
  { model, dense }: { readonly model: Model; readonly dense: Model },
  step: FinetuneStep,
  ports: RunPorts,
): Promise<FinetuneFacts & { readonly model: Model }> {
  const { engine, keeper, threads, onProgress, signal, tell, note, warn, emit, time, augment } = ports;
  const source = ports.data as FeedSource; // a run without data is refused before its first step
  const distillation = distillationOf(step, source, teacherOf(ports.teacher, { model, dense }));
  const choice = withoutUndefined({ output: step.output ?? ports.judged.output, loss: step.loss });
  const labels = distillation?.share === 1 ? 'model' : 'data';
  note((await time('outputs', () => decideOutputs(model, { engine, source, ...choice, labels }))).says);
  const { freezeStatistics: frozenStatistics = false, dense: isDense = false, seed } = step;
  const { epochs = FINETUNE_DEFAULTS.epochs } = step;
  const { model: after, ...trained } = await time('train', () =>
    finetune(model, {
      engine,
      source,
      ...choice,
      ...trainingOf(step),
      epochs,
      ...(distillation && { teacher: distillation }),
      frozenStatistics,
      masked: isDense ? 'none' : 'all',
      augment,
      ...withoutUndefined({ seed, threads, onProgress, signal }),
      ...(keeper?.training && { from: keeper.training }),
      onEpoch: (epoch) => {
        emit({ type: 'epoch', ...epoch, of: epochs });
        tell(epochLine(epoch, { epochs, samples: source.count }));
      },
      ...(keeper && { onStep: (state) => keeper.onTraining(state) }),
    }),
  );
  if (trained.remark !== undefined) warn(trained.remark);
  if (trained.blocked.length > 0)
    warn(
      `${trained.blocked.length} parameters stayed as they were, behind an operator that cannot be differentiated: ${trained.blocked.slice(0, MOST_NAMED).join(', ')}${trained.blocked.length > MOST_NAMED ? ', ...' : ''}`,
    );
  return { do: 'finetune', trained, model: after };
}

interface Teacher {
  readonly model: Model;
  /** Its weight where the step says none. */
  readonly share?: number;
}

/** The teacher that was given, else the model before the first step; null where that is the one that is trained. */
function teacherOf(
  given: Model | undefined,
  { model, dense }: { readonly model: Model; readonly dense: Model },
): Teacher | null {
  if (given !== undefined) return { model: given, share: TEACHER_SHARE };
  return model === dense ? null : { model: dense };
}

/** Whose outputs the training goes by besides the data's answers; undefined = nobody's. */
function distillationOf(
  { distill }: FinetuneStep,
  source: FeedSource,
  teacher: Teacher | null,
): Distillation | undefined {
  if (teacher === null) return undefined;
  const share = distillShare(distill?.share, source) ?? teacher.share;
  if (share === undefined) return undefined;
  return { model: teacher.model, share, temperature: distill?.temperature ?? DISTILL_TEMPERATURE };
}
