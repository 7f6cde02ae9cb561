import { type Grouping, groupsOf } from '../constraints/grouping.ts';
import { type KernelOrder, weightMatrix } from '../graph/weight-matrix.ts';
import type { WeightLayer } from '../graph/weights.ts';
import { patternOf } from './pattern.ts';

/** The groups of a layer's weights that a pattern speaks of; null where it is not known how the layer's uses read them. */
export function patternGroups(layer: WeightLayer, text: string, kernels: KernelOrder): Grouping | null {
  const pattern = patternOf(text);
  const matrix = weightMatrix(layer, kernels);
  const shape = pattern.kind === 'n:m' ? { height: 1, width: pattern.m } : pattern;
  return matrix && groupsOf(matrix, shape);
}
