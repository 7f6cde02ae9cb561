import type { SavedState } from '../../checkpoint/checkpoint.node.ts';
import { DataError } from '../../errors/errors.ts';
import type { TrainingState } from '../../finetune/finetune.ts';
import type { GradualState } from '../../pipeline/gradual.ts';

/** The same as plain data, as a journal holds it. */
export function jsonOf<T>(value: unknown): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

/** The training of a saved state. @throws DataError if there is none in it */
export function trainingStateOf({ journal: { training }, arrays }: SavedState): TrainingState {
  if (training === null || arrays === null) throw new DataError('Cannot go on: the state holds no training');
  return { ...training, arrays };
}

/** The gradual run of a saved state. @throws DataError if it is none */
export function gradualStateOf(saved: SavedState): GradualState {
  const { journal, model, arrays } = saved;
  if (journal.pruning === null || model === null) throw new DataError('Cannot go on: the state holds no pruning');
  return {
    pruning: journal.pruning,
    model,
    stages: journal.stages as unknown as GradualState['stages'],
    epochs: journal.epochs as unknown as GradualState['epochs'],
    training: arrays === null ? null : trainingStateOf(saved),
  };
}
