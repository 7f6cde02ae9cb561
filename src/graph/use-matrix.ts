import { intAttribute } from '../ir/access.ts';
import type { Node } from '../ir/model.ts';
import { sizeOf } from '../tensor/tensor.ts';
import { type Arrangement, dimsOf, reshapedArrangement, transposedArrangement } from './arrangement.ts';

/** A weight as one operator uses it: a matrix for each group of channels, or for each matrix of a batch. */
export interface UseMatrix {
  readonly groups: number;
  readonly outputs: number;
  /** Weights of one output. */
  readonly inputs: number;
  /** Places of the kernel among the inputs, the last axis of which they are; 1 = no kernel. */
  readonly cells: number;
  /** Its elements, [groups, outputs, inputs]. */
  readonly elements: Arrangement;
  /** Shape in which the weight arrives at the operator. */
  readonly dims: readonly number[];
}

/**
 * What an operator makes of a weight: Y = W X for each group, before its activation. A recurrent layer's directions are groups, its gates
 * outputs; of its weights those are matrices that its input is multiplied by, not those of its state.
 *
 * @param input  which input of the node the weight is
 * @param moved  the weight as it arrives there
 * @returns null for an operator that is no convolution and no linear layer, or a weight that does not fit it
 */
export function useMatrix(node: Node, input: number, moved: Arrangement): UseMatrix | null {
  const dims = dimsOf(moved);
  switch (node.op) {
    case 'Conv':
    case 'FusedConv':
    case 'ConvTranspose':
      return input === 1 && dims.length > 2 ? convolutionMatrix(node, moved) : null;
    case 'Gemm':
    case 'FusedGemm': {
      if (input > 1 || dims.length !== 2) return null;
      const isTransposed = intAttribute(node, input === 0 ? 'transA' : 'transB', 0) !== 0;
      return matrices(moved, (input === 1) !== isTransposed);
    }
    case 'MatMul':
      return input > 1 || dims.length === 0 ? null : matrices(moved, input === 1);
    case 'LSTM':
    case 'GRU':
    case 'RNN':
      return input === 1 && dims.length === 3 ? matrices(moved, false) : null;
    default:
      return null;
  }
}

/** Matrices of a product, transposed where outputs lie along the last axis; the axes of the batch as groups. A vector is a matrix of one output. */
export function matrices(moved: Arrangement, isTransposed: boolean): UseMatrix {
  const dims = dimsOf(moved);
  const [rows, columns] = dims.length === 1 ? [1, dims[0] as number] : (dims.slice(-2) as [number, number]);
  const batch = reshapedArrangement(moved, [sizeOf(dims.slice(0, -2)), rows, columns]);
  const elements = isTransposed && dims.length > 1 ? transposedArrangement(batch, [0, 2, 1]) : batch;
  const [groups, outputs, inputs] = dimsOf(elements) as [number, number, number];
  return { groups, outputs, inputs, cells: 1, elements, dims };
}

/** Conv, FusedConv: [outputs, inputs of a group, ...kernel]; ConvTranspose: [inputs, outputs of a group, ...kernel]. */
export function convolutionMatrix(node: Node, moved: Arrangement): UseMatrix | null {
  const groups = intAttribute(node, 'group', 1);
  const dims = dimsOf(moved);
  const [first, second, ...kernel] = dims as [number, number, ...number[]];
  if (!(groups >= 1) || first % groups !== 0) return null;
  const cells = sizeOf(kernel);
  if (node.op !== 'ConvTranspose') {
    const [outputs, inputs] = [first / groups, second * cells];
    return { groups, outputs, inputs, cells, elements: reshapedArrangement(moved, [groups, outputs, inputs]), dims };
  }
  const parted = reshapedArrangement(moved, [groups, first / groups, second, cells]);
  const inputs = (first / groups) * cells;
  const elements = reshapedArrangement(transposedArrangement(parted, [0, 2, 1, 3]), [groups, second, inputs]);
  return { groups, outputs: second, inputs, cells, elements, dims };
}
