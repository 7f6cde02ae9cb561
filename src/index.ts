export * from './apply/recalibrate.ts';
export * from './budget/budget.ts';
export * from './constraints/cardinality.ts';
export type * from './constraints/constraint.ts';
export * from './coppice.node.ts';
export type * from './curvature/gradient-rows.ts';
export * from './data/dataset.ts';
export * from './data/dataset-feeds.ts';
export * from './data/feeds.ts';
export * from './data/model-sides.ts';
export * from './data/open-dataset.node.ts';
export * from './data/preprocess.ts';
export * from './engine/engine.ts';
export * from './engine/linalg.ts';
export * from './engine/onnxruntime.node.ts';
export * from './engine/provider.node.ts';
export * from './engine/provider.ts';
export * from './errors/errors.ts';
export * from './evaluate/accuracy.ts';
export * from './finetune/finetune.ts';
export * from './finetune/optimizer.ts';
export * from './graph/weights.ts';
export type * from './ir/model.ts';
export * from './methods/list.ts';
export { type PruneResult, prune as prunePipeline } from './methods/prune.ts';
export { PRUNE_DEFAULTS, type PruneOptions, type ResolvedPrune, resolvePrune } from './methods/prune-options.ts';
export * from './onnx/files.node.ts';
export * from './pipeline/gradual.ts';
export * from './pipeline/inspect.ts';
export * from './pipeline/max-drop.ts';
export {
  type Platform,
  type Pruned,
  pruneAndReport,
  type ReportedPruneOptions,
  type Stopwatch,
} from './pipeline/prune-and-report.ts';
export * from './pipeline/report-facts.ts';
export * from './pipeline/sensitivity.ts';
export * from './pipeline/sweep.ts';
export * from './pipeline/sweep-summary.ts';
export * from './pipeline/tune.ts';
export * from './problem/back-solve.ts';
export * from './problem/columns.ts';
export * from './problem/quadratic.ts';
export * from './progress/progress.ts';
export * from './pruning/scaling.ts';
export type { StageResult } from './pruning/stage-result.ts';
export * from './report/files.node.ts';
export * from './report/make-report.ts';
export * from './report/report.ts';
export * from './schedule/learning-rate.ts';
export * from './schedule/stages.ts';
export * from './solvers/chita/active-set.ts';
export * from './solvers/chita/back-solving.ts';
export * from './solvers/chita/block-wise.ts';
export * from './solvers/drive.ts';
export * from './solvers/magnitude/magnitude.ts';
export * from './solvers/solver.ts';
export * from './solvers/woodfisher/woodfisher.ts';
export * from './tensor/tensor.ts';
