import { type Checks, callback, checkOptions, count, listOf, share } from '../errors/arguments.ts';
import { OptionError } from '../errors/errors.ts';
import type { Evaluation } from '../evaluate/accuracy.ts';
import type { Inspection } from '../pipeline/inspect.ts';
import type { Sensitivity } from '../pipeline/sensitivity.ts';
import {
  budgetCheck,
  checkModel,
  DATA_CHECKS,
  ENGINE_CHECKS,
  LAYER_CHECKS,
  OUTPUT_CHECKS,
  PREPROCESS_CHECKS,
  RUN_CHECKS,
  requireOption,
} from './checks.ts';
import type { ModelSource } from './model.node.ts';
import { perform } from './perform.node.ts';
import type {
  Compared,
  CompareRequest,
  EvaluateRequest,
  InspectRequest,
  Plan,
  PlanRequest,
  SensitivityRequest,
} from './requests.node.ts';

const RUNS = { ...ENGINE_CHECKS, ...RUN_CHECKS } satisfies Checks;
const { evaluation, preprocess } = DATA_CHECKS;
const { output, loss } = OUTPUT_CHECKS;
const EVALUATE_CHECKS = { evaluation, preprocess, output, loss, batch: count, ...RUNS } satisfies Checks;

/**
 * Accuracy and loss of a model on labelled rows.
 *
 * @param model  an ONNX model, or a compiled one: a path or URL of its `.wasm` or `.js`, or its bytes
 * @throws OptionError  for arguments that cannot be, before any work
 * @throws DataError    if data cannot be read, or labels or targets fit no output of the model
 * Cost: one forward pass a sample.
 */
export async function evaluate(model: ModelSource, request: EvaluateRequest): Promise<Evaluation> {
  checkModel('evaluate', model);
  checkOptions('evaluate', request, EVALUATE_CHECKS);
  requireOption('evaluate', request, 'evaluation', 'rows with labels or targets');
  checkOptions('preprocess the data', request.preprocess ?? {}, PREPROCESS_CHECKS);
  return perform('evaluate', [model], request);
}

/**
 * Several models side by side: accuracy and loss, agreement with the first, nonzero weights, size, latency.
 *
 * @param models  ONNX models and compiled ones, as {@link evaluate} takes them
 * @throws OptionError  for arguments that cannot be, before any work
 * @throws DataError    if data cannot be read or does not fit a model
 * Cost: one forward pass a sample and model; each model is compressed twice.
 */
export async function compare(models: readonly ModelSource[], request: CompareRequest = {}): Promise<Compared[]> {
  if (!Array.isArray(models)) throw new OptionError('Cannot compare: wanted a list of models, such as [before, after]');
  for (const model of models) checkModel('compare', model);
  checkOptions('compare', request, { ...EVALUATE_CHECKS, latency: listOf(count, 'batch sizes') });
  checkOptions('preprocess the data', request.preprocess ?? {}, PREPROCESS_CHECKS);
  return perform('compare', models, request);
}

/**
 * What a model is made of: its weights, which of them can be pruned, what each layer costs.
 *
 * @throws OnnxDecodeError  if its graph is not sound
 * Cost: the model is run once for its shapes.
 */
export async function inspect(model: ModelSource, request: InspectRequest = {}): Promise<Inspection> {
  checkModel('inspect', model);
  checkOptions('inspect', request, RUNS);
  return perform('inspect', [model], request);
}

/**
 * Prunes one layer at a time by magnitude, all others dense, and measures the whole model: which layers bear pruning.
 *
 * @throws OptionError  for arguments that cannot be, before any work
 * @throws DataError    if data cannot be read or does not fit the model
 * Cost: one pass over the rows for each layer and sparsity, and one for the dense model.
 */
export async function sensitivity(model: ModelSource, request: SensitivityRequest): Promise<Sensitivity> {
  checkModel('measure sensitivity', model);
  checkOptions('measure sensitivity', request, {
    evaluation,
    preprocess,
    ...LAYER_CHECKS,
    sparsities: listOf(share, 'shares of zeros'),
    judge: callback,
    ...RUNS,
  });
  if (request.judge === undefined)
    requireOption('measure sensitivity', request, 'evaluation', 'rows with labels or targets, or a judge of your own');
  checkOptions('preprocess the data', request.preprocess ?? {}, PREPROCESS_CHECKS);
  return perform('sensitivity', [model], request);
}

/**
 * What a budget would keep of each layer, predicted by magnitudes: other methods put zeros in about the same places.
 *
 * @throws OptionError      for arguments that cannot be
 * @throws InfeasibleError  if the bounds of layers ask for more than the budget allows
 * Cost: the model is run once for its shapes, its weights are sorted.
 */
export async function plan(model: ModelSource, request: PlanRequest): Promise<Plan> {
  checkModel('plan', model);
  checkOptions('plan', request, { budget: budgetCheck, ...LAYER_CHECKS, ...RUNS });
  requireOption('plan', request, 'budget', 'sparsity(0.9), flops(0.3), or budget({ ... }) of several parts');
  return perform('plan', [model], request);
}
