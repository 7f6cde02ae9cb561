// Everything that a user of the package sees. What is loaded with it is small: the runtime, readers and solvers come when they are needed.
export type { Recalibrated } from './apply/recalibrate.ts';
export type { LossName } from './autodiff/loss.ts';
export {
  type Budget,
  type BudgetedLayer,
  budget,
  flops,
  type LayerBound,
  type OwnConstraint,
  pattern,
  sparsity,
} from './budget/budget.ts';
export type { CompiledFiles } from './compile/output.ts';
export type { Constraint } from './constraints/constraint.ts';
export type { Augment } from './data/augment.ts';
export type { Batch, BatchOptions, Dataset, InputRoom } from './data/dataset.ts';
export type { GivenArrays, GivenFunction, GivenRow, GivenRows, NestedNumbers } from './data/given.ts';
export type { OpenOptions } from './data/open-rows.ts';
export type {
  Channels,
  Interpolation,
  Layout,
  Numbers,
  PreprocessOptions,
  Size as PictureSize,
} from './data/preprocess.ts';
export type { ModelInput } from './data/rows-dataset.ts';
export type { Engine, Feeds, Held, Room, Session, SessionOptions, Tensors } from './engine/engine.ts';
export { DEVICES, type Device, PROVIDERS, type Provider } from './engine/provider.ts';
export * from './errors/errors.ts';
export type { Evaluation } from './evaluate/accuracy.ts';
export type { Measure, MeasuredRow, RowMeasure } from './evaluate/measure.ts';
export type { Size } from './evaluate/size.node.ts';
export type { EpochFacts, Finetuned } from './finetune/finetune.ts';
export type { OptimizerName, OptimizerOptions } from './finetune/optimizer.ts';
export type { WeightLayer } from './graph/weights.ts';
export type * from './ir/model.ts';
export { type DataSource, openDataset } from './library/data.node.ts';
export { openProvider } from './library/engine.node.ts';
export * from './library/measure.node.ts';
export { type ModelSource, modelBytes, readModel, writeModel } from './library/model.node.ts';
export { prune } from './library/prune.node.ts';
export { type RecipeSource, readRecipe } from './library/recipe.node.ts';
export { type ReportFiles, writeReport } from './library/report.node.ts';
export type * from './library/requests.node.ts';
export { run } from './library/run.node.ts';
export { sweep } from './library/sweep.node.ts';
export { finetune, recalibrate } from './library/train.node.ts';
export type { Method } from './methods/list.ts';
export type { PruneResult } from './methods/prune.ts';
export type { ReadOptions } from './onnx/files.node.ts';
export type { WriteOptions } from './onnx/write-model.node.ts';
export type { LabelSource, OutputChoice, Outputs } from './outputs/outputs.ts';
export type { Inspection, Port, PrunableFacts, UnprunableFacts } from './pipeline/inspect.ts';
export type { Pruned } from './pipeline/prune-and-report.ts';
export type { Recipe, Step } from './pipeline/recipe.ts';
export type { StepFacts } from './pipeline/run.ts';
export type { Ran } from './pipeline/run-and-report.ts';
export type { LayerSensitivity, Sensitivity, SensitivityPoint } from './pipeline/sensitivity.ts';
export type { SweepCell } from './pipeline/sweep.ts';
export type { OnProgress, Progress, RunOptions } from './progress/progress.ts';
export type { LayerChoice } from './pruning/layers.ts';
export type { Scaling } from './pruning/scaling.ts';
export type { StageResult } from './pruning/stage-result.ts';
export type { LayerReport, Report, StageReport } from './report/report.ts';
export type { RateSchedule } from './schedule/learning-rate.ts';
export type { Schedule } from './schedule/stages.ts';
export { type ChitaCdOptions, chitaCd } from './solvers/chita/active-set.ts';
export { type ChitaOptions, chita } from './solvers/chita/back-solving.ts';
export { type ChitaBlockOptions, chitaBlock } from './solvers/chita/block-wise.ts';
export { magnitude } from './solvers/magnitude/magnitude.ts';
export type { AnySolver } from './solvers/solver.ts';
export { woodfisher } from './solvers/woodfisher/woodfisher.ts';
export type { Random } from './tensor/random.ts';
export type { DataType, Tensor, TensorData } from './tensor/tensor.ts';
