import { sameOrder } from '../graph/arrangement.ts';
import type { Captured } from '../graph/captured.ts';
import type { Operand } from '../graph/operators/operator.ts';
import { weightAt } from '../graph/operators/table.ts';
import type { UseMatrix } from '../graph/use-matrix.ts';
import { placesIn } from '../graph/weight-matrix.ts';
import type { WeightLayer, WeightUse } from '../graph/weights.ts';
import { sizeOf } from '../tensor/tensor.ts';

/** Uses of a layer that read it as the same matrix for each group: Y [groups, outputs, positions] = W [groups, outputs, inputs] X [groups, inputs, positions]. */
export interface LinearMap {
  readonly layer: WeightLayer;
  readonly uses: readonly MatrixUse[];
  readonly groups: number;
  readonly outputs: number;
  /** Weights of one output: channels of a group times cells of the kernel. */
  readonly inputs: number;
  /** Where each element of [groups, outputs, inputs] lies in the layer's order; null = there already. */
  readonly places: Int32Array | null;
}

/** A use of which it is known what matrix it is. */
export interface MatrixUse extends WeightUse {
  readonly matrix: UseMatrix;
  /** What it is multiplied by. */
  readonly operand: Operand;
  /** Whether what it is multiplied by has one axis. */
  readonly isVector: boolean;
}

/** A map of which every so manyth position of a sample is wanted; 1 = all. */
export type Thinned<T extends LinearMap = LinearMap> = T & { readonly step: number };

/**
 * A layer as linear maps, one for each way in which its uses read it: as a rule one. The layer problem of a weight that is used in
 * several ways is the sum of theirs.
 *
 * @param uses  of the layer in the model that is run, with the shapes there
 * @returns null if some use is no linear map
 */
export function linearMaps(
  layer: WeightLayer,
  { uses, captured }: { uses: readonly WeightUse[]; captured?: Captured },
): LinearMap[] | null {
  const maps: { uses: MatrixUse[]; matrix: UseMatrix }[] = [];
  for (const one of uses) {
    const { node, input, matrix } = one;
    const operand = weightAt(node, input)?.operand;
    if (matrix === null || operand === undefined) return null;
    const x = captured?.get(node.inputs[operand.input] ?? '');
    const use = { ...one, matrix, operand, isVector: x?.dims.length === 1 };
    const same = maps.find((map) => isSame(map.matrix, matrix));
    if (same === undefined) maps.push({ uses: [use], matrix });
    else same.uses.push(use);
  }
  return maps.map(({ uses, matrix }) => {
    const { groups, outputs, inputs } = matrix;
    return { layer, uses, groups, outputs, inputs, places: placesIn(layer, matrix.elements) };
  });
}

function isSame(a: UseMatrix, b: UseMatrix): boolean {
  const fits = a.groups === b.groups && a.outputs === b.outputs && a.inputs === b.inputs;
  return fits && sameOrder(a.elements, b.elements);
}

/** Positions of one sample that the uses of a map multiply their weights by, in a run of so many samples. */
export function positionsIn({ uses, ...map }: LinearMap, captured: Captured, samples: number): number {
  const { groups, outputs, inputs } = map;
  let positions = 0;
  for (const { node, operand } of uses) {
    if (operand.form === 'steps') {
      positions += sizeOf(captured.get(node.inputs[0] ?? '')?.dims ?? []) / inputs;
      continue;
    }
    const y = captured.get(node.outputs[0] ?? '')?.dims ?? [];
    positions += sizeOf(y) / (groups * outputs);
  }
  return positions / samples;
}

/** Values in the layer's order as [groups, outputs, inputs]: themselves, or a copy. */
export function toMatrix<T extends Float32Array | Uint8Array>({ places }: LinearMap, values: T): T {
  if (places === null) return values;
  const matrix = values.slice() as T;
  for (let i = 0; i < places.length; i++) matrix[i] = values[places[i] as number] as number;
  return matrix;
}

/** Adds [groups, outputs, inputs] times a factor to values in the layer's order. */
export function addFromMatrix(
  { places }: LinearMap,
  matrix: ArrayLike<number>,
  into: Float32Array | Float64Array,
  factor = 1,
): void {
  for (let i = 0; i < matrix.length; i++)
    (into[places === null ? i : (places[i] as number)] as number) += factor * (matrix[i] as number);
}
