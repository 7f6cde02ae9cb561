import { readWeightsNarrow, writeWeights } from '../apply/weights.ts';
import { constraintOf } from '../budget/constraint-of.ts';
import { countNonzeros, projection } from '../constraints/constraint.ts';
import type { Model } from '../ir/model.ts';
import type { StageResult } from './stage-result.ts';
import type { Staged, StagedOption, StagePlace } from './stages.ts';

/**
 * A stage of a method that keeps the largest weights as they are: no quadratic model, no solver.
 *
 * Cost: O(p); the weights once in the narrowest type that holds them, a byte each for the support, and once more where they are
 * compared in units or lie in another order in the file.
 */
export async function keepLargest(
  { layers, budgeted, units, resolved }: Staged<StagedOption>,
  model: Model,
  { budget }: StagePlace,
): Promise<{ model: Model; stage: StageResult }> {
  const started = performance.now();
  const constraint = constraintOf(budget, budgeted);
  const w = readWeightsNarrow(model, layers);
  const support = projection(constraint, resolved.scaling === 'none' ? w : inUnits(w, layers, units));
  for (let i = 0; i < w.length; i++) if (support[i] === 0) w[i] = 0;
  const stage: StageResult = {
    budget,
    scale: null,
    kept: countNonzeros(w),
    lossBefore: null,
    start: null,
    value: null,
    status: 'converged',
    message: 'The largest weights were kept.',
    sensitivity: null,
    seconds: { gradients: 0, solve: (performance.now() - started) / 1000 },
  };
  return { model: writeWeights(model, layers, w), stage };
}

function inUnits<T extends Float64Array | Float32Array>(
  w: T,
  layers: Staged<never>['layers'],
  units: readonly number[],
): T {
  const scaled = w.slice() as T;
  let start = 0;
  layers.forEach(({ size }, at) => {
    const unit = units[at] as number;
    for (let i = start; i < start + size; i++) (scaled[i] as number) /= unit;
    start += size;
  });
  return scaled;
}
