import { tensorOf } from '../../../ir/access.ts';
import type { Constant, Graph, Node } from '../../../ir/model.ts';
import type { DataType } from '../../../tensor/tensor.ts';
import type { Captured } from '../../captured.ts';
import { constantOfNode } from '../constants-to-initializers.ts';

/** What is known about values without running the model: from captured runs, constants, declarations, and ranks handed on. */
export interface KnownValues {
  readonly rank: (value: string) => number | undefined;
  /** Dimensions; null for one that is not known. */
  readonly dims: (value: string) => readonly (number | null)[] | undefined;
  readonly type: (value: string) => DataType | undefined;
  /** The elements of a constant, initializer or Constant node. */
  readonly numbers: (value: string) => readonly number[] | undefined;
  /** The type of a float whose type nobody names: float32 where the model holds no other. */
  readonly usualFloat: DataType | undefined;
}

/** Operators whose first output has the rank of their first input. */
const SAME_RANK = new Set(
  (
    'Conv ConvTranspose MaxPool AveragePool LpPool GlobalAveragePool GlobalMaxPool GlobalLpPool BatchNormalization InstanceNormalization LRN ' +
    'Relu LeakyRelu PRelu Elu Selu Sigmoid Tanh Softmax LogSoftmax Hardmax HardSigmoid Softplus Softsign Clip Abs Neg Exp Log Sqrt Floor Ceil ' +
    'Reciprocal Identity Dropout Cast Pad Upsample Resize Slice Concat Split Transpose Tile ImageScaler Affine Crop Not Sin Cos ' +
    'DepthToSpace SpaceToDepth ThresholdedRelu MeanVarianceNormalization LpNormalization'
  ).split(' '),
);
/** Operators whose output has the larger rank of their inputs. */
const LARGER_RANK = new Set('Add Sub Mul Div Pow Sum Max Min Mean And Or Xor Equal Greater Less MatMul'.split(' '));

/**
 * Gathers what is known about the values of a graph and its subgraphs.
 *
 * Cost: one pass over the nodes.
 */
export function knownValues(graphs: readonly Graph[], captured: Captured = new Map()): KnownValues {
  const constants = new Map<string, Constant>();
  const declared = new Map<string, { type: DataType | null; shape: readonly unknown[] | null }>();
  const ranks = new Map<string, number>();
  for (const graph of graphs) {
    for (const [name, constant] of graph.constants) constants.set(name, constant);
    for (const info of [...graph.valueInfo, ...graph.outputs, ...graph.inputs]) declared.set(info.name, info);
    for (const node of graph.nodes) noteConstant(node, constants);
  }
  const rank = (value: string): number | undefined =>
    (captured.get(value) ?? constants.get(value))?.dims.length ??
    declared.get(value)?.shape?.length ??
    ranks.get(value);
  for (const graph of graphs) for (const node of graph.nodes) handOn(node, rank, ranks);
  return {
    rank,
    dims: (value) =>
      (captured.get(value) ?? constants.get(value))?.dims ??
      declared.get(value)?.shape?.map((d) => (typeof d === 'number' ? d : null)),
    type: (value) => (captured.get(value) ?? constants.get(value))?.type ?? declared.get(value)?.type ?? undefined,
    numbers: (value) => elements(constants.get(value)),
    usualFloat: onlyFloat32([...constants.values(), ...declared.values()]) ? 'float32' : undefined,
  };
}

function noteConstant(node: Node, constants: Map<string, Constant>): void {
  if (node.op !== 'Constant' || node.domain !== '') return;
  const [constant, name] = [constantOfNode(node), node.outputs[0]];
  if (constant !== undefined && name !== undefined) constants.set(name, constant);
}

function handOn(node: Node, rank: (value: string) => number | undefined, ranks: Map<string, number>): void {
  if (node.domain !== '') return;
  const found = node.inputs.filter((name) => name !== '').map(rank);
  const first = found[0];
  for (const output of node.outputs) {
    if (SAME_RANK.has(node.op) && first !== undefined) ranks.set(output, first);
    else if (LARGER_RANK.has(node.op) && found.every((r) => r !== undefined))
      ranks.set(
        output,
        found.reduce((a, b) => Math.max(a, b), 0),
      );
    else if (node.op === 'Gemm' || node.op === 'Flatten') ranks.set(output, 2);
  }
}

function elements(constant: Constant | undefined): number[] | undefined {
  return constant?.raw instanceof Uint8Array ? Array.from(tensorOf(constant).data, Number) : undefined;
}

function onlyFloat32(values: readonly { type: DataType | null }[]): boolean {
  return !values.some(({ type }) => type === 'float16' || type === 'float64' || type === 'bfloat16');
}
