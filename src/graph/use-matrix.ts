import { intAttribute } from '../ir/access.ts';
import type { Node } from '../ir/model.ts';
import { sizeOf } from '../tensor/tensor.ts';
import { type Arrangement, dimsOf, reshapedArrangement, transposedArrangement } from './arrangement.ts';
import type { WeightAxes } from './operators/operator.ts';
import { weightAt } from './operators/table.ts';

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
 * @returns null for an operator that is no linear map of one operand, or a weight that does not fit it
 */
export function useMatrix(node: Node, input: number, moved: Arrangement): UseMatrix | null {
  return weightAt(node, input)?.operand === undefined ? null : readMatrix(node, input, moved);
}

/** {@link useMatrix}, and what operators make of a weight that are no linear maps to be solved: quantised, of a state. */
export function readMatrix(node: Node, input: number, moved: Arrangement): UseMatrix | null {
  const axes = weightAt(node, input)?.axes;
  if (axes === undefined) return null;
  return axes.form === 'kernels' ? kernelMatrix(node, axes, moved) : productMatrix(node, axes, moved);
}

/** Whether the first axis of a weight holds its inputs: so it is stored, and its filters are rows of inputs. */
export function hasInputsFirst(node: Node, input: number): boolean {
  const axes = weightAt(node, input)?.axes;
  return axes?.form === 'kernels' && axes.outputs === 1;
}

type Axes<Form extends WeightAxes['form']> = Extract<WeightAxes, { readonly form: Form }>;

/** Outputs along the rows or the columns; the axes of the batch are groups. A vector is a matrix of one output. */
function productMatrix(node: Node, axes: Axes<'matrices'>, moved: Arrangement): UseMatrix | null {
  const dims = dimsOf(moved);
  const is = (attribute: string | undefined): boolean =>
    attribute !== undefined && intAttribute(node, attribute, 0) !== 0;
  if (dims.length === 0 || dims.length !== (axes.rank ?? dims.length) || is(axes.partedBy)) return null;
  const isTransposed = (axes.outputs === -1) !== is(axes.swappedBy);
  const [rows, columns] = dims.length === 1 ? [1, dims[0] as number] : (dims.slice(-2) as [number, number]);
  const batch = reshapedArrangement(moved, [sizeOf(dims.slice(0, -2)), rows, columns]);
  const elements = isTransposed && dims.length > 1 ? transposedArrangement(batch, [0, 2, 1]) : batch;
  const [groups, outputs, inputs] = dimsOf(elements) as [number, number, number];
  return { groups, outputs, inputs, cells: 1, elements, dims };
}

/** [outputs, inputs of a group, ...kernel], or [inputs, outputs of a group, ...kernel]. */
function kernelMatrix(node: Node, axes: Axes<'kernels'>, moved: Arrangement): UseMatrix | null {
  const groups = intAttribute(node, 'group', 1);
  const dims = dimsOf(moved);
  const [first, second, ...kernel] = dims as [number, number, ...number[]];
  if (kernel.length === 0 || !(groups >= 1) || first % groups !== 0) return null;
  const cells = sizeOf(kernel);
  if (axes.outputs === 0) {
    const [outputs, inputs] = [first / groups, second * cells];
    return { groups, outputs, inputs, cells, elements: reshapedArrangement(moved, [groups, outputs, inputs]), dims };
  }
  const parted = reshapedArrangement(moved, [groups, first / groups, second, cells]);
  const inputs = (first / groups) * cells;
  const elements = reshapedArrangement(transposedArrangement(parted, [0, 2, 1, 3]), [groups, second, inputs]);
  return { groups, outputs: second, inputs, cells, elements, dims };
}
