import type { Node } from '../ir/model.ts';
import { sizeOf } from '../tensor/tensor.ts';
import type { Captured } from './captured.ts';
import { weightAt } from './operators/table.ts';

/** A use of a weight, as far as its costs go. */
export interface CountedUse {
  readonly node: Node;
  /** Which input of the node the weight is. */
  readonly input: number;
  /** Matrices of the use, and outputs of each; null where it is none. */
  readonly matrix: { readonly groups: number; readonly outputs: number } | null;
}

/** Multiply-accumulates that one weight costs one sample in a use: positions that it contributes to; 0 where shapes are not known. */
export function useMacs({ node, input, matrix }: CountedUse, captured: Captured, batch: number): number {
  const weight = weightAt(node, input);
  const x = captured.get(node.inputs[0] ?? '')?.dims;
  const y = captured.get(node.outputs[0] ?? '')?.dims;
  switch (weight?.macs) {
    case 'output-places':
      return placesOf(y) / batch;
    case 'input-places':
      return placesOf(x) / batch;
    case 'steps':
      return x === undefined ? 0 : sizeOf(x.slice(0, 2)) / batch;
    case 'products': {
      if (y === undefined) return 0;
      const outputs = weight.axes.form === 'matrices' ? weight.axes.outputs : -1;
      return sizeOf(y) / (matrix === null ? (y.at(outputs) ?? 1) : matrix.groups * matrix.outputs) / batch;
    }
    default:
      return 0;
  }
}

/** Places of all samples of [samples, channels, ...positions]. */
function placesOf(dims: readonly number[] | undefined): number {
  return dims === undefined ? 0 : sizeOf(dims.slice(2)) * (dims[0] ?? 1);
}
