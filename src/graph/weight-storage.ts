import type { Constant, Graph, Node } from '../ir/model.ts';
import type { DataType } from '../tensor/tensor.ts';
import { factsOf, weightAt } from './operators/table.ts';
import { dequantisation, type Quantisation, quantisationOf } from './quantised.ts';
import { scaleBehind } from './scale-behind.ts';

/** How a use finds a weight in the file. */
export interface Storage {
  /** Why it cannot be pruned there; undefined = it can. */
  readonly refused: string | undefined;
  /** Why its magnitudes alone can be used; null = it is a constant of the model's own arithmetic. */
  readonly magnitudeOnly: string | null;
  readonly quantisation?: Quantisation | undefined;
}

/** A use and the constant behind it. */
export interface StoredUse {
  readonly graph: Graph;
  readonly node: Node;
  readonly input: number;
  /** The node of the outermost graph that holds the use; null = it stands there itself. */
  readonly holder: Node | null;
  readonly constant: Constant;
  /** What lies between, the last one first. */
  readonly moves: readonly Node[];
}

const REALS: ReadonlySet<DataType> = new Set<DataType>(['float32', 'float16', 'bfloat16', 'float64']);

/** Finds how a weight is stored, and what that leaves to do with it. */
export function storageOf(use: StoredUse): Storage {
  const { node, holder, constant, moves } = use;
  const inside = holder === null ? null : `it lies in ${placeIn(holder)}`;
  if (REALS.has(constant.type)) {
    const isRounded =
      computesWithWholes(node) || moves.some(({ op }) => op.endsWith('quantizeLinear') || op === 'QuantizeLinear');
    const rounded = isRounded ? 'it is rounded on its way to where it is used' : null;
    const wide = constant.type === 'float64' ? 'its elements are float64' : null;
    return { refused: undefined, magnitudeOnly: inside ?? rounded ?? wide };
  }
  const quantisation = quantisationOfUse(use);
  if (quantisation === undefined)
    return {
      refused: `its elements are ${constant.type}, and no constant scale says what they mean`,
      magnitudeOnly: null,
    };
  return { refused: undefined, magnitudeOnly: inside ?? `its elements are ${constant.type}`, quantisation };
}

/** Whether a node computes with whole numbers that stand for real ones. */
function computesWithWholes(node: Node): boolean {
  return factsOf(node).weights?.some(({ scale }) => scale !== undefined) ?? false;
}

function placeIn({ op, name, outputs }: Node): string {
  const what = op === 'If' ? 'a branch' : 'the body';
  return `${what} of ${op} "${name || (outputs[0] ?? '')}"`;
}

/** The scale of the whole numbers: that of the DequantizeLinear behind them, or of the operator itself. */
function quantisationOfUse({ graph, node, input, constant, moves }: StoredUse): Quantisation | undefined {
  const constantOf = (name: string): Constant | undefined => graph.constants.get(name);
  const at = moves.findIndex(({ op }) => op === 'DequantizeLinear');
  const found =
    at < 0
      ? ownQuantisation({ graph, node, input, constant })
      : dequantisation(moves[at] as Node, constant, constantOf);
  const isFirst = at < 0 ? moves.length === 0 : at === moves.length - 1;
  return isFirst || found?.scale.length === 1 ? found : undefined;
}

/** How an operator on whole numbers reads a weight; undefined where scale and zero point are no constants that fit. */
function ownQuantisation({
  graph,
  node,
  input,
  constant,
}: Pick<StoredUse, 'graph' | 'node' | 'input' | 'constant'>): Quantisation | undefined {
  const at = weightAt(node, input)?.scale;
  if (at === undefined) return undefined;
  const zeroName = node.inputs[at.zero] ?? '';
  const zero = graph.constants.get(zeroName);
  if (zeroName !== '' && zero === undefined) return undefined;
  const scale = at.scale === null ? scaleBehind(graph, node) : graph.constants.get(node.inputs[at.scale] ?? '');
  return quantisationOf(constant, { scale, zero }, { axis: at.axis });
}
