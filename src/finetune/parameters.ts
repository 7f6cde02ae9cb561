import type { Graph } from '../ir/model.ts';
import { sizeOf } from '../tensor/tensor.ts';

/** A constant that is trained. */
export interface Parameter {
  readonly name: string;
  readonly dims: readonly number[];
  readonly size: number;
}

/** Inputs that hold parameters, by operator. */
const PARAMETER_INPUTS: ReadonlyMap<string, readonly number[]> = new Map([
  ['Conv', [1, 2]],
  ['ConvTranspose', [1, 2]],
  ['Gemm', [0, 1, 2]],
  ['MatMul', [0, 1]],
  ['Add', [0, 1]],
  ['BatchNormalization', [1, 2]],
  ['LayerNormalization', [1, 2]],
  ['InstanceNormalization', [1, 2]],
  ['PRelu', [1]],
]);

/** Operators between a parameter and its use. */
const MOVES = new Set(['Identity', 'Transpose', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze']);

/**
 * The float32 constants that training changes: weights and biases of linear layers and convolutions, scales and shifts of
 * normalisation, addends of more than one element; through Transpose and the like. Running statistics are not among them.
 */
export function parametersOf(graph: Graph): Parameter[] {
  const source = new Map<string, string>();
  for (const [name, { type, dims }] of graph.constants)
    if (type === 'float32' && sizeOf(dims) > 1) source.set(name, name);
  const found = new Set<string>();
  for (const node of graph.nodes) {
    if (node.domain !== '') continue;
    const moved = MOVES.has(node.op) ? source.get(node.inputs[0] ?? '') : undefined;
    if (moved !== undefined) source.set(node.outputs[0] as string, moved);
    for (const input of PARAMETER_INPUTS.get(node.op) ?? []) {
      const name = source.get(node.inputs[input] ?? '');
      if (name !== undefined) found.add(name);
    }
  }
  return [...found].map((name) => {
    const dims = graph.constants.get(name)?.dims ?? [];
    return { name, dims, size: sizeOf(dims) };
  });
}
