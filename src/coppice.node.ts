import type { Dataset } from './data/dataset.ts';
import { sidesOf } from './data/model-sides.ts';
import { openDataset } from './data/open-dataset.node.ts';
import type { PreprocessOptions } from './data/preprocess.ts';
import type { Engine } from './engine/engine.ts';
import { openProvider } from './engine/provider.node.ts';
import type { Provider } from './engine/provider.ts';
import { measureSize } from './evaluate/size.node.ts';
import type { Model } from './ir/model.ts';
import { modelHash } from './onnx/files.node.ts';
import {
  type Platform,
  type Pruned,
  pruneAndReport,
  type ReportedPruneOptions,
  stopwatch,
} from './pipeline/prune-and-report.ts';
import { peakRssMB, platformFacts, toolFacts } from './report/surroundings.node.ts';
import { blockPoolOpener } from './solvers/chita/block-pool.node.ts';

/** What {@link prune} is asked for. `budget` has to be given; gradients need `data`; all else has defaults. */
export interface PruneRequest extends Omit<ReportedPruneOptions, 'data' | 'evaluation'> {
  /** What runs the models; default onnxruntime on the device that `provider` says. */
  readonly engine?: Engine;
  /** Where onnxruntime runs the models; default the CPU. `auto` says in the report what it chose. */
  readonly provider?: Provider;
  /** Samples for the gradients: a data set, or its address (see {@link openDataset}). */
  readonly data?: Dataset | string;
  /** Samples on which accuracy and loss are measured before and after; without it they are not. */
  readonly evaluation?: Dataset | string;
  /** How data behind an address is preprocessed; a data set has its own ways. */
  readonly preprocess?: PreprocessOptions;
}

/**
 * Prunes a model and reports what that did: the sentence at the top of the README as one call.
 *
 *     const model = await readModel('resnet20.onnx');
 *     const { model: pruned, report } = await prune(model, { data, solver: chita(), budget: sparsity(0.9) });
 *     await writeModel('resnet20-90.onnx', pruned);
 *
 * @throws OptionError         for options that cannot be, or layers that are not there
 * @throws ProviderError       if the provider is not there
 * @throws UnsupportedOpError  if a layer's gradient cannot be computed; all nodes in the way are listed
 * @throws DataError           if data cannot be read, does not fit the model, or does not suffice
 * Deterministic given `seed`, measured times aside. Cost: that of the pipeline (stages x gradients and solver), one
 * pass over the evaluation data before and one after, and compressing both models for their sizes.
 */
export async function prune(model: Model, request: PruneRequest): Promise<Pruned> {
  const watch = stopwatch();
  const engine = request.engine ?? (await openProvider(request.provider ?? 'cpu'));
  const opened = async (given: Dataset | string | undefined): Promise<Dataset | undefined> =>
    typeof given === 'string' ? openDataset(given, { ...request.preprocess, sides: sidesOf(model) }) : given;
  const data = await watch.time('data', () => opened(request.data));
  const evaluation = await watch.time('data', () => opened(request.evaluation));
  const options = { openPool: blockPoolOpener(request.threads), ...request, data, evaluation };
  return pruneAndReport(model, options, nodePlatform(engine), watch);
}

function nodePlatform(engine: Engine): Platform {
  return {
    engine,
    measureSize,
    sha256: modelHash,
    facts: () => ({ tool: toolFacts(), platform: platformFacts(), peakRssMB: peakRssMB() }),
  };
}
