import { intAttribute } from '../ir/access.ts';
import type { Constant, Graph, Node } from '../ir/model.ts';
import { sizeOf } from '../tensor/tensor.ts';
import type { Captured } from './captured.ts';
import { constantsToInitializers } from './passes/constants-to-initializers.ts';

/** One use of a weight by an operator. */
export interface WeightUse {
  readonly node: Node;
  /** Which input of the node the weight (or what is moved from it) is. */
  readonly input: number;
}

/** A constant tensor whose elements may be pruned. */
export interface WeightLayer {
  /** Name of the tensor in the file. */
  readonly name: string;
  /** Name of the first node that uses it. */
  readonly node: string;
  readonly op: string;
  /** Shape as stored. */
  readonly dims: readonly number[];
  readonly size: number;
  /**
   * Order of its elements among the prunable weights: `stored`, or `transposed` for a matrix that is stored
   * [in, out]; so every layer reads [out, in, ...kernel], row-major (ConvTranspose: as stored, [in, out, ...kernel]).
   */
  readonly order: 'stored' | 'transposed';
  /** Multiply-accumulates that one weight costs for one sample, over all its uses; null where no shapes were captured. */
  readonly macsPerWeight: number | null;
  readonly uses: readonly WeightUse[];
}

/** A float constant of an operator that is not prunable, and why. */
export interface UnprunableWeight {
  readonly name: string;
  readonly node: string;
  readonly op: string;
  readonly dims: readonly number[];
  readonly reason: string;
}

/** What {@link findWeights} returns. */
export interface Weights {
  /** In the order in which the graph first uses them: the order of the prunable weights everywhere. */
  readonly prunable: readonly WeightLayer[];
  readonly unprunable: readonly UnprunableWeight[];
}

const WEIGHT_INPUTS: ReadonlyMap<string, readonly number[]> = new Map([
  ['Conv', [1]],
  ['ConvTranspose', [1]],
  ['Gemm', [1, 0]],
  ['MatMul', [1, 0]],
]);
const MOVES = new Set(['Identity', 'Transpose', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze']);
const RECURRENT = new Set(['LSTM', 'GRU', 'RNN']);

/**
 * Finds the weights of convolutions and linear layers, through Identity, Transpose and the like, shared ones once.
 *
 * @param captured  shapes of a run with `batch` samples, for the multiply-accumulates; without it they are null
 */
export function findWeights(model: { readonly graph: Graph }, captured?: Captured, batch = 1): Weights {
  const graph = constantsToInitializers(model.graph);
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((y) => [y, node] as const)));
  const uses = new Map<string, { use: WeightUse; transposed: boolean }[]>();
  const unprunable = new Map<string, UnprunableWeight>();
  for (const node of graph.nodes) {
    for (const input of node.domain === '' ? (WEIGHT_INPUTS.get(node.op) ?? []) : []) {
      const found = source(graph, makers, node.inputs[input] ?? '');
      if (found === undefined) continue;
      const reason = refusal(found.constant, node);
      if (reason !== undefined)
        unprunable.set(found.name, {
          name: found.name,
          node: node.name,
          op: node.op,
          dims: found.constant.dims,
          reason,
        });
      else
        uses.set(found.name, [
          ...(uses.get(found.name) ?? []),
          { use: { node, input }, transposed: isTransposed(node, input) !== found.transposed },
        ]);
    }
    noteOthers(graph, node, unprunable);
  }
  for (const name of uses.keys()) unprunable.delete(name);
  const prunable = [...uses].map(([name, found]): WeightLayer => {
    const { dims } = graph.constants.get(name) as Constant;
    const first = (found[0] as { use: WeightUse }).use.node;
    return {
      name,
      node: first.name,
      op: first.op,
      dims,
      size: sizeOf(dims),
      uses: found.map((f) => f.use),
      order: dims.length === 2 && found.every((f) => f.transposed) ? 'transposed' : 'stored',
      macsPerWeight:
        captured === undefined ? null : found.reduce((sum, { use }) => sum + macs(use, captured, batch), 0),
    };
  });
  return { prunable, unprunable: [...unprunable.values()] };
}

interface Source {
  readonly name: string;
  readonly constant: Constant;
  readonly transposed: boolean;
}

/** The constant behind a value, if only operators that move elements lie between. */
function source(graph: Graph, makers: ReadonlyMap<string, Node>, value: string): Source | undefined {
  let [name, transposed] = [value, false];
  for (let hops = 0; hops < 64; hops++) {
    const constant = graph.constants.get(name);
    if (constant !== undefined) return { name, constant, transposed };
    const maker = makers.get(name);
    if (maker === undefined || maker.domain !== '' || !MOVES.has(maker.op)) return undefined;
    if (maker.op === 'Transpose') transposed = !transposed;
    name = maker.inputs[0] ?? '';
  }
  return undefined;
}

/** Whether the operator reads a matrix as [in, out]. */
function isTransposed(node: Node, input: number): boolean {
  if (node.op === 'MatMul') return input === 1;
  if (node.op === 'Gemm')
    return input === 1 ? intAttribute(node, 'transB', 0) === 0 : intAttribute(node, 'transA', 0) !== 0;
  return false;
}

function refusal(constant: Constant, node: Node): string | undefined {
  if (constant.type !== 'float32' && constant.type !== 'float16')
    return `its elements are ${constant.type}; only float32 and float16 weights are pruned`;
  if (constant.dims.length < 2)
    return `it has ${constant.dims.length === 1 ? 'one dimension' : 'no dimension'}, as a bias has`;
  if (node.op === 'MatMul' && constant.dims.length > 2) return 'it is a batch of matrices, which is not supported yet';
  return undefined;
}

/** Float constants with two or more dimensions that other operators use: said, so that nobody wonders. */
function noteOthers(graph: Graph, node: Node, into: Map<string, UnprunableWeight>): void {
  if (WEIGHT_INPUTS.has(node.op) && node.domain === '') return;
  for (const name of node.inputs) {
    const constant = graph.constants.get(name);
    if (
      constant === undefined ||
      constant.dims.length < 2 ||
      sizeOf(constant.dims) < 16 ||
      !constant.type.startsWith('float') ||
      into.has(name)
    )
      continue;
    const what = node.domain === '' ? node.op : `${node.domain}.${node.op}`;
    const reason = RECURRENT.has(node.op)
      ? `it belongs to a recurrent layer (${node.op}), which is not pruned`
      : `${what} is not a convolution or a linear layer`;
    if (!MOVES.has(node.op)) into.set(name, { name, node: node.name, op: what, dims: constant.dims, reason });
  }
}

/** Output positions of one sample that each weight contributes to. */
function macs({ node, input }: WeightUse, captured: Captured, batch: number): number {
  const y = captured.get(node.outputs[0] ?? '')?.dims;
  const x = captured.get(node.inputs[1 - input] ?? '')?.dims;
  if (node.op === 'Conv') return y === undefined ? 0 : (sizeOf(y.slice(2)) * (y[0] ?? 1)) / batch;
  if (x === undefined) return 0;
  if (node.op === 'ConvTranspose') return (sizeOf(x.slice(2)) * (x[0] ?? 1)) / batch;
  return sizeOf(x) / contracted(node, input, x) / batch;
}

/** Length of the axis of x that a product with the weight sums over. */
function contracted(node: Node, input: number, x: readonly number[]): number {
  const flipped = node.op === 'Gemm' && intAttribute(node, input === 1 ? 'transA' : 'transB', 0) !== 0;
  const isLast = x.length === 1 || (input === 1) !== flipped;
  return x.at(isLast ? -1 : -2) ?? 1;
}
