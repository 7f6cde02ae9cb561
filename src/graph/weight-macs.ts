import type { Node } from '../ir/model.ts';
import { sizeOf } from '../tensor/tensor.ts';
import type { Captured } from './captured.ts';

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
  const y = captured.get(node.outputs[0] ?? '')?.dims;
  const x = captured.get(node.inputs[1 - input] ?? node.inputs[0] ?? '')?.dims;
  switch (node.op) {
    case 'Conv':
    case 'FusedConv':
    case 'DeformConv':
    case 'QLinearConv':
    case 'ConvInteger':
      return y === undefined ? 0 : (sizeOf(y.slice(2)) * (y[0] ?? 1)) / batch;
    case 'ConvTranspose':
      return x === undefined ? 0 : (sizeOf(x.slice(2)) * (x[0] ?? 1)) / batch;
    case 'LSTM':
    case 'GRU':
    case 'RNN':
      return sizeOf((captured.get(node.inputs[0] ?? '')?.dims ?? [0]).slice(0, 2)) / batch;
    default:
      if (y === undefined) return 0;
      return (
        sizeOf(y) / (matrix === null ? (y.at(input === 0 ? -2 : -1) ?? 1) : matrix.groups * matrix.outputs) / batch
      );
  }
}
