import type { Recalibrated } from '../apply/recalibrate.ts';
import {
  type Checks,
  callback,
  checkOptions,
  count,
  countOrNone,
  either,
  flag,
  having,
  listOf,
  nothing,
  number,
  objectOf,
  oneOf,
  positive,
  text,
} from '../errors/arguments.ts';
import type { Finetuned } from '../finetune/finetune.ts';
import {
  checkModel,
  DATA_CHECKS,
  ENGINE_CHECKS,
  modelCheck,
  OUTPUT_CHECKS,
  PREPROCESS_CHECKS,
  RUN_CHECKS,
  requireOption,
} from './checks.ts';
import type { ModelSource } from './model.node.ts';
import { perform } from './perform.node.ts';
import type { FinetuneRequest, RecalibrateRequest } from './requests.node.ts';

const { data, preprocess } = DATA_CHECKS;
const { loss, output } = OUTPUT_CHECKS;
const RECALIBRATE_CHECKS = {
  data,
  preprocess,
  samples: count,
  batch: count,
  seed: countOrNone,
  ...ENGINE_CHECKS,
  ...RUN_CHECKS,
} satisfies Checks;
const { samples: _, ...TRAINING_CHECKS } = RECALIBRATE_CHECKS;
const FINETUNE_CHECKS = {
  ...TRAINING_CHECKS,
  loss,
  output,
  units: listOf(either(number, nothing), 'numbers, or null'),
  epochs: count,
  steps: count,
  part: count,
  rate: positive,
  schedule: oneOf(['cosine', 'step', 'linear', 'const']),
  warmup: number,
  restarts: countOrNone,
  smoothing: number,
  teacher: objectOf(
    'a teacher { model, share, temperature }',
    { model: modelCheck, ends: listOf(text, 'names'), share: positive, temperature: positive },
    'model',
    'share',
    'temperature',
  ),
  masked: either(oneOf(['all', 'none']), listOf(text, 'names of weights')),
  supports: callback,
  frozenStatistics: flag,
  augment: flag,
  onEpoch: callback,
  retreat: objectOf('{ times, factor }', { times: countOrNone, factor: positive }, 'times', 'factor'),
  unit: number,
  from: having('a state of a training, which onStep gave', 'epoch', 'step', 'epochs', 'arrays'),
  optimizer: oneOf(['sgd', 'adam', 'adamw']),
  momentum: number,
  nesterov: flag,
  weightDecay: number,
  secondMoment: number,
} satisfies Checks;

/**
 * Trains a model on, its zeros kept.
 *
 * @throws OptionError  for arguments that cannot be, before any work
 * @throws DataError    if data cannot be read, does not fit the model, or has no answers where they are needed
 * Deterministic given `seed`. Cost: one training step a batch; epochs x samples.
 */
export async function finetune(model: ModelSource, request: FinetuneRequest): Promise<Finetuned> {
  checkModel('finetune', model);
  checkOptions('finetune', request, FINETUNE_CHECKS);
  requireOption('finetune', request, 'data', 'samples to train on');
  checkOptions('preprocess the data', request.preprocess ?? {}, PREPROCESS_CHECKS);
  return perform('finetune', [model], request);
}

/**
 * Re-estimates batch statistics that pruning put out of tune; channels of folded models are scaled and shifted. Zeros stay zeros.
 *
 * @param dense  the model before pruning
 * @throws DataError if there is no sample
 * Cost: two or three forward passes a sample. Deterministic given `seed`.
 */
export async function recalibrate(
  pruned: ModelSource,
  dense: ModelSource,
  request: RecalibrateRequest,
): Promise<Recalibrated> {
  for (const model of [pruned, dense]) checkModel('recalibrate', model);
  checkOptions('recalibrate', request, RECALIBRATE_CHECKS);
  requireOption('recalibrate', request, 'data', 'samples to calibrate on');
  checkOptions('preprocess the data', request.preprocess ?? {}, PREPROCESS_CHECKS);
  return perform('recalibrate', [pruned, dense], request);
}
