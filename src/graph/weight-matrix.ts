import { type Arrangement, positionsOf, reshapedArrangement, sameOrder, transposedArrangement } from './arrangement.ts';
import { readMatrix, type UseMatrix } from './use-matrix.ts';
import type { WeightLayer } from './weights.ts';

/** Whether the channels of a convolution's inputs follow on each other at each place of the kernel, or the places of the kernel in each channel. */
export type KernelOrder = 'channels-last' | 'channels-first';

/** The weights of a layer as its first use reads them: outputs x inputs for each group of channels. */
export interface WeightMatrix {
  readonly groups: number;
  readonly outputs: number;
  readonly inputs: number;
  /** The place of each element, [groups, outputs, inputs], in the layer's order; null = as they lie. */
  readonly places: Int32Array | null;
}

/**
 * The matrix of a layer: its rows are outputs, and what is added up for an output lies along a row, whatever the orientation in the file.
 * Of a recurrent layer the rows are those of its gates. Where several uses read it differently, the first one counts.
 *
 * @returns null where it is not known how the weight arrives at that use
 * Cost: 12 bytes a weight for the time being, 4 a weight that stay, where the elements do not lie in this order.
 */
export function weightMatrix(layer: WeightLayer, kernels: KernelOrder): WeightMatrix | null {
  const matrix = firstMatrix(layer);
  if (matrix === null) return null;
  const { groups, outputs, inputs } = matrix;
  const elements = kernels === 'channels-last' ? channelsLast(matrix) : matrix.elements;
  return { groups, outputs, inputs, places: placesIn(layer, elements) };
}

/** Whether {@link weightMatrix} knows how a layer is read. */
export function readsAsMatrix(layer: Pick<WeightLayer, 'uses'>): boolean {
  return firstMatrix(layer) !== null;
}

/** Whether all uses of a layer read it as the same matrix, as far as is known. */
export function readsAlike({ uses }: Pick<WeightLayer, 'uses'>): boolean {
  const [first, ...others] = uses.map(({ node, input, moved }) => moved && readMatrix(node, input, moved));
  return others.every(
    (other) =>
      !first ||
      !other ||
      (first.inputs === other.inputs && first.groups === other.groups && sameOrder(first.elements, other.elements)),
  );
}

function firstMatrix({ uses: [use] }: Pick<WeightLayer, 'uses'>): UseMatrix | null {
  return use?.moved ? readMatrix(use.node, use.input, use.moved) : null;
}

/** The place in a layer's order of each element of an arrangement of the same tensor; null = the same order. */
export function placesIn(
  { order, size }: Pick<WeightLayer, 'order' | 'size'>,
  elements: Arrangement,
): Int32Array | null {
  if (sameOrder(order, elements)) return null;
  const placeOf = new Int32Array(size);
  const own = positionsOf(order);
  for (let i = 0; i < size; i++) placeOf[own[i] as number] = i;
  const places = positionsOf(elements);
  for (let i = 0; i < size; i++) places[i] = placeOf[places[i] as number] as number;
  return places;
}

/** Elements of a convolution's matrix with the places of the kernel outside, the channels within; of other matrices as they are. */
function channelsLast({ groups, outputs, inputs, cells, elements }: UseMatrix): Arrangement {
  if (cells === 1) return elements;
  const parted = reshapedArrangement(elements, [groups, outputs, inputs / cells, cells]);
  return reshapedArrangement(transposedArrangement(parted, [0, 1, 3, 2]), [groups, outputs, inputs]);
}
