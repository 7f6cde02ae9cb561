import { hashBytes } from './data/hash.web.ts';
import type { Engine } from './engine/engine.ts';
import { measureSize } from './evaluate/size.web.ts';
import type { Model } from './ir/model.ts';
import { type Platform, type Pruned, pruneAndReport, type ReportedPruneOptions } from './pipeline/prune-and-report.ts';
import type { Report } from './report/report.ts';
import { platformFacts } from './report/surroundings.web.ts';

export * from './data/open-files.web.ts';
export * from './engine/onnxruntime.web.ts';
export * from './onnx/given-files.ts';

/** What a browser needs besides {@link ReportedPruneOptions}. */
export interface WebPruneRequest extends ReportedPruneOptions {
  /** What runs the models; see `onnxruntimeWeb`. */
  readonly engine: Engine;
  /** Name and version of this package, which a page does not find out by itself. */
  readonly tool: Report['tool'];
}

/**
 * Prunes a model in a browser and reports what that did: the pipeline of Node, on another runtime.
 *
 * @throws OptionError, UnsupportedOpError, DataError, EngineError  as in Node
 * Deterministic given `seed`. To be called in a worker: it keeps its thread busy.
 */
export async function prune(model: Model, { engine, tool, ...options }: WebPruneRequest): Promise<Pruned> {
  const platform: Platform = {
    engine,
    measureSize,
    sha256: hashBytes,
    facts: () => ({ tool, platform: platformFacts(), peakRssMB: null }),
  };
  return pruneAndReport(model, options, platform);
}
