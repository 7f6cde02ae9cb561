import type { Dataset } from './data/dataset.ts';
import { type GivenRows, isGivenRows } from './data/given.ts';
import { openGivenRows } from './data/given-rows.ts';
import { hashBytes, hashRows } from './data/hash.web.ts';
import { sidesOf } from './data/model-sides.ts';
import type { PreprocessOptions } from './data/preprocess.ts';
import type { Engine } from './engine/engine.ts';
import { onnxruntimeWeb } from './engine/onnxruntime.web.ts';
import { checkOptions } from './errors/arguments.ts';
import { measureSize } from './evaluate/size.web.ts';
import type { Model } from './ir/model.ts';
import { checkModel, PREPROCESS_CHECKS, requireOption, WEB_PRUNE_CHECKS } from './library/checks.ts';
import { METHOD_CHECKS } from './library/method-checks.ts';
import { fetched } from './onnx/fetched.ts';
import { readGivenModel } from './onnx/given-files.ts';
import { type Pruned, pruneAndReport, type ReportedPruneOptions } from './pipeline/prune-and-report.ts';
import type { Platform } from './pipeline/run-and-report.ts';
import type { Report } from './report/report.ts';
import { platformFacts } from './report/surroundings.web.ts';
import { TOOL } from './report/tool.ts';

export { type Budget, budget, flops, type LayerBound, sparsity } from './budget/budget.ts';
export type { Dataset } from './data/dataset.ts';
export type { GivenArrays, GivenFunction, GivenRow, GivenRows } from './data/given.ts';
export * from './data/open-files.web.ts';
export type { Engine } from './engine/engine.ts';
export * from './engine/onnxruntime.web.ts';
export * from './errors/errors.ts';
export type { Model } from './ir/model.ts';
export { encodeModel as modelBytes } from './onnx/encode.ts';
export * from './onnx/given-files.ts';
export type { Pruned } from './pipeline/prune-and-report.ts';
export type { Report } from './report/report.ts';
export { chitaCd } from './solvers/chita/active-set.ts';
export { chita } from './solvers/chita/back-solving.ts';
export { chitaBlock } from './solvers/chita/block-wise.ts';
export { magnitude } from './solvers/magnitude/magnitude.ts';
export { woodfisher } from './solvers/woodfisher/woodfisher.ts';

/** What {@link prune} is asked for in a browser. `budget` has to be given; gradients need `data`; all else has defaults. */
export interface WebPruneRequest extends Omit<ReportedPruneOptions, 'data' | 'evaluation'> {
  /** What runs the models; default onnxruntime in WebAssembly, see {@link onnxruntimeWeb}. */
  readonly engine?: Engine;
  /** Samples for the gradients: arrays, rows, a function of the row, or a data set (see {@link openFiles}). */
  readonly data?: Dataset | GivenRows | undefined;
  /** Samples on which accuracy and loss are measured before and after. */
  readonly evaluation?: Dataset | GivenRows | undefined;
  /** How rows are preprocessed; a Dataset has its own ways. */
  readonly preprocess?: PreprocessOptions;
  /** Who is named in the report; default this package. */
  readonly tool?: Report['tool'];
}

/**
 * Prunes a model in a browser and reports what that did: the pipeline of Node, on another runtime.
 *
 * @param source  a model, its bytes, or a URL that it is fetched from
 * @throws OptionError         for arguments that cannot be, before any work
 * @throws UnsupportedOpError, DataError, EngineError  as in Node
 * Deterministic given `seed`. To be called in a worker: it keeps its thread busy.
 */
export async function prune(source: Model | Uint8Array | URL, request: WebPruneRequest): Promise<Pruned> {
  checkModel('prune', source);
  checkOptions('prune', request, { ...WEB_PRUNE_CHECKS, ...METHOD_CHECKS });
  requireOption('prune', request, 'budget', 'sparsity(0.9), flops(0.3), or budget({ ... }) of several parts');
  const { engine, tool = TOOL, data, evaluation, preprocess = {}, ...options } = request;
  checkOptions('preprocess the data', preprocess, PREPROCESS_CHECKS);
  const model = await modelOf(source);
  const opened = async (given: Dataset | GivenRows | undefined): Promise<Dataset | undefined> =>
    given === undefined || 'batch' in given || !isGivenRows(given)
      ? (given as Dataset | undefined)
      : openGivenRows(given, { ...preprocess, sides: sidesOf(model) }, hashRows);
  const platform: Platform = {
    engine: engine ?? (await onnxruntimeWeb()),
    measureSize,
    sha256: hashBytes,
    facts: () => ({ tool, platform: platformFacts(), peakRssMB: null }),
  };
  return pruneAndReport(
    model,
    { ...options, data: await opened(data), evaluation: await opened(evaluation) },
    platform,
  );
}

async function modelOf(source: Model | Uint8Array | URL): Promise<Model> {
  if ('graph' in source) return source;
  const bytes = source instanceof URL ? await fetched(source) : source;
  return readGivenModel({ name: source instanceof URL ? source.href : 'given bytes', bytes });
}
