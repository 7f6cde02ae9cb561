import type { Budget } from '../budget/budget.ts';
import { TARGETS, WEIGHT_FORMS } from '../compile/forms.ts';
import { isGivenRows } from '../data/given.ts';
import {
  anything,
  type Check,
  type Checks,
  callback,
  count,
  countOrNone,
  either,
  flag,
  having,
  listOf,
  objectOf,
  oneOf,
  positive,
  record,
  shown,
  signal,
  text,
} from '../errors/arguments.ts';
import { OptionError } from '../errors/errors.ts';

const names = listOf(text, 'names or globs, such as ["conv*"]');
const seed = countOrNone;

/** A budget is made by a function, which checks its parts: an object that was not is refused with the name of that function. */
export const budgetCheck: Check = (value) => {
  if (typeof value === 'number') return `a budget, not a number: did you mean sparsity(${value})`;
  if (record(value) !== null) return 'a budget: sparsity(0.9), flops(0.3), or budget({ ... }) of several parts';
  const { sparsity, flops, params, scope } = value as Partial<Budget>;
  if (scope === undefined) {
    const parts = Object.entries({ sparsity, flops, params }).filter(([, part]) => part !== undefined);
    return `a budget, which has a scope: did you mean budget({ ${parts.map((part) => part.join(': ')).join(', ')} })`;
  }
  return null;
};

/** A solver is a value that a function makes: the function itself, or a method's name, is refused with what was meant. */
const solverCheck: Check = (value) => {
  const wanted = 'a solver, which chita() and its like make';
  if (typeof value === 'string') return `${wanted}; a method is named by "method": did you mean method: "${value}"`;
  if (typeof value === 'function') return `${wanted}: did you mean ${value.name || 'the function'}()`;
  return having(wanted, 'name', 'needs', 'init', 'step', 'status', 'current')(value);
};

/** How much may be lost, of accuracy or of a measure of one's own. */
const dropCheck: Check = (value) => {
  const wanted =
    'a share such as 0.01, or { of, most }: of "accuracy", "loss" or a function of outputs and the row, at most so much';
  if (typeof value === 'number') return value > 0 && value < 1 ? null : wanted;
  if (record(value) !== null) return wanted;
  const { of, most, ...more } = value as { readonly of?: unknown; readonly most?: unknown };
  const isMeasure = of === 'accuracy' || of === 'loss' || typeof of === 'function';
  return isMeasure && positive(most) === null && Object.keys(more).length === 0 ? null : wanted;
};

const methodCheck: Check = (value) => {
  const wanted = 'the name of a method, such as "chita"';
  if (typeof value === 'function') return `${wanted}: did you mean solver: ${value.name || 'the function'}()`;
  if (record(value) === null && 'init' in (value as object)) return `${wanted}; a solver is given by "solver"`;
  return text(value) === null ? null : wanted;
};

/** Data by its address, as rows in memory, or as a data set. */
export const dataCheck: Check = (value) =>
  typeof value === 'string' || (isDataset(value) && !('x' in value)) || isGivenRows(value)
    ? null
    : 'an address such as "npz:train.npz", arrays { x, labels }, rows one after another, { count, row(index) } or a Dataset';

function isDataset(value: unknown): value is object {
  return having('', 'count', 'sampleDims', 'batch', 'hash')(value) === null;
}

/** Of everything that loops. */
export const RUN_CHECKS = { onProgress: callback, signal } satisfies Checks;
/** Of everything that runs models. */
export const ENGINE_CHECKS = {
  engine: having('an engine', 'name', 'version', 'createSession'),
  provider: oneOf(['cpu', 'webgpu', 'cuda', 'auto']),
  threads: count,
  thread: flag,
} satisfies Checks;
/** Of preprocessing. */
export const PREPROCESS_CHECKS = {
  scale: anything,
  mean: anything,
  std: anything,
  size: anything,
  resize: anything,
  interpolation: oneOf(['nearest', 'bilinear', 'bicubic', 'lanczos']),
  layout: oneOf(['nchw', 'nhwc']),
  channels: oneOf(['stored', 'rgb', 'bgr', 'gray']),
  augment: record,
} satisfies Checks;
/** Of data and how it is read. */
export const DATA_CHECKS = { data: dataCheck, evaluation: dataCheck, preprocess: record } satisfies Checks;
/** Which layers. */
export const LAYER_CHECKS = { layers: names, exclude: names } satisfies Checks;
/** What outputs are. */
export const OUTPUT_CHECKS = {
  loss: oneOf(['cross-entropy', 'binary-cross-entropy', 'mse', 'random']),
  labels: oneOf(['data', 'model']),
  output: text,
} satisfies Checks;
/** Settings of a pruning besides the options of methods, which come from their schemas (METHOD_CHECKS). */
export const SETTING_CHECKS = {
  blocked: oneOf(['refuse', 'skip']),
  augment: flag,
  store: callback,
  factored: anything,
  openPool: callback,
} satisfies Checks;

const compileCheck = objectOf('how to compile, such as { batch: 8 }', {
  weights: oneOf(WEIGHT_FORMS),
  target: oneOf(TARGETS),
  batch: count,
  open: count,
  inline: flag,
});

/** Of a pruning. */
export const PRUNE_CHECKS = {
  budget: budgetCheck,
  method: methodCheck,
  solver: solverCheck,
  ...DATA_CHECKS,
  ...LAYER_CHECKS,
  ...OUTPUT_CHECKS,
  ...SETTING_CHECKS,
  seed,
  recalibrate: flag,
  compile: either(flag, compileCheck),
  maxDrop: dropCheck,
  latency: listOf(count, 'batch sizes'),
  about: record,
  onStage: callback,
  ...ENGINE_CHECKS,
  ...RUN_CHECKS,
} satisfies Checks;

/** Of a run of a recipe. */
export const RECIPE_RUN_CHECKS = {
  ...DATA_CHECKS,
  teacher: anything,
  latency: listOf(count, 'batch sizes'),
  about: record,
  ...ENGINE_CHECKS,
  ...RUN_CHECKS,
} satisfies Checks;

/** Of a pruning in a browser, which has no addresses, and no threads of its own. */
export const WEB_PRUNE_CHECKS: Checks = (() => {
  const { provider: _, thread: __, store: ___, openPool: ____, ...rest } = PRUNE_CHECKS;
  return { ...rest, tool: record };
})();

/** Of a sweep. */
export const SWEEP_CHECKS = {
  methods: listOf(text, 'names of methods'),
  budgets: listOf((value) => budgetCheck(value), 'budgets, such as [sparsity(0.8), sparsity(0.9)]'),
  seeds: listOf(seed, 'whole numbers'),
  ...DATA_CHECKS,
  ...LAYER_CHECKS,
  ...OUTPUT_CHECKS,
  ...SETTING_CHECKS,
  recalibrate: flag,
  compile: either(flag, compileCheck),
  onCell: callback,
  ...ENGINE_CHECKS,
  ...RUN_CHECKS,
} satisfies Checks;

/** Refuses a request that lacks something. @throws OptionError */
export function requireOption(what: string, request: object, name: string, wanted: string): void {
  if ((request as Record<string, unknown>)[name] === undefined)
    throw new OptionError(`Cannot ${what} without "${name}": give ${wanted}`, { fields: { option: name } });
}

/** A model in memory. */
export const modelCheck: Check = (value) => {
  const wanted = 'a model, which readModel() gives';
  if (having(wanted, 'graph', 'opsets', 'irVersion')(value) !== null) return wanted;
  const { graph, opsets } = value as { readonly graph: unknown; readonly opsets: unknown };
  return opsets instanceof Map && having(wanted, 'nodes', 'inputs', 'outputs')(graph) === null ? null : wanted;
};

/** Refuses what is no model in memory. @throws OptionError */
export function checkOpenModel(what: string, model: unknown): void {
  const wanted = modelCheck(model);
  if (wanted !== null) throw new OptionError(`Cannot ${what}: wanted ${wanted}; got ${shown(model)}`);
}

/** Refuses what is no path and no URL. @throws OptionError */
export function checkPlace(what: string, place: unknown): void {
  const isPlace = (typeof place === 'string' && place !== '') || (place instanceof URL && place.protocol === 'file:');
  if (!isPlace) throw new OptionError(`Cannot ${what}: wanted a path or a file: URL to write to; got ${shown(place)}`);
}

/** Refuses what is no model in any form. @throws OptionError */
export function checkModel(what: string, model: unknown): void {
  if (typeof model === 'string' || model instanceof URL || model instanceof Uint8Array || modelCheck(model) === null)
    return;
  throw new OptionError(
    `Cannot ${what}: wanted a model: what readModel() gives, a path, a URL or the bytes of an ONNX file; got ${shown(model)}`,
  );
}
