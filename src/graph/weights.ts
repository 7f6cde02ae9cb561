import { intAttribute, operatorKey } from '../ir/access.ts';
import type { Constant, Graph, Node } from '../ir/model.ts';
import { sizeOf } from '../tensor/tensor.ts';
import { type Arrangement, dimsOf, sameOrder, storedArrangement } from './arrangement.ts';
import type { Captured } from './captured.ts';
import { isMove, type Known, movedArrangement } from './moves.ts';
import { factsOf } from './operators/table.ts';
import { constantsToInitializers } from './passes/constants-to-initializers.ts';
import { type Quantisation, sameQuantisation } from './quantised.ts';
import { everyNode } from './scopes.ts';
import { hasInputsFirst, type UseMatrix, useMatrix } from './use-matrix.ts';
import { useMacs } from './weight-macs.ts';
import { type Storage, storageOf } from './weight-storage.ts';

/** One use of a weight by an operator. */
export interface WeightUse {
  readonly node: Node;
  /** Which input of the node the weight (or what is moved from it) is. */
  readonly input: number;
  /** The weight as it arrives there; null where that is not known. */
  readonly moved: Arrangement | null;
  /** The weight as the matrices that this operator makes of it; null where that is not known. */
  readonly matrix: UseMatrix | null;
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
   * Order of its elements among the prunable weights: as its uses read it, [groups x out, in, ...kernel] row-major (ConvTranspose:
   * [in, out, ...kernel]), wherever that lies in the file; as stored where two uses read it in different orders.
   */
  readonly order: Arrangement;
  /** Rows of that order: outputs over all groups (ConvTranspose: inputs); where uses differ the first axis of the file. */
  readonly filters: number;
  /** Multiply-accumulates that one weight costs for one sample, over all its uses; null where no shapes were captured. */
  readonly macsPerWeight: number | null;
  readonly uses: readonly WeightUse[];
  /** An operator that reads the tensor for something else, such as Gather from a table that is the last layer too; absent = none. */
  readonly alsoReadBy?: string;
  /** Why its magnitudes alone say what may go: no gradient reaches it, and no layer is solved; null = every method takes it. */
  readonly magnitudeOnly: string | null;
  /** How its elements are to be read where the file has whole numbers. */
  readonly quantisation?: Quantisation;
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

/** Longer chains of moves are not followed. */
const MOST_MOVES = 64;

/** A use with the order in which it reads the weight; null = not known. */
interface FoundUse {
  readonly use: WeightUse;
  readonly order: Arrangement | null;
  readonly storage: Storage;
}

/**
 * Finds the weights of convolutions, linear and recurrent layers, in subgraphs too, through Identity, Transpose, Cast, DequantizeLinear
 * and the like, shared ones once. Tensors without elements are none.
 *
 * @param captured  shapes of a run with `batch` samples, for the multiply-accumulates; without it they are null
 */
export function findWeights(model: { readonly graph: Graph }, captured?: Captured, batch = 1): Weights {
  const graph = constantsToInitializers(model.graph);
  const nodes = everyNode(graph);
  const makers = new Map(nodes.flatMap(({ node }) => node.outputs.map((y) => [y, node] as const)));
  const uses = new Map<string, FoundUse[]>();
  const unprunable = new Map<string, UnprunableWeight>();
  for (const { node, holder } of nodes) {
    for (const input of weightInputs(node)) {
      const found = source(graph, makers, node.inputs[input] ?? '');
      if (found === undefined || sizeOf(found.constant.dims) === 0) continue;
      const { name, constant } = found;
      const moved = arrived(found, { graph });
      const others = uses.get(name) ?? [];
      const storage = storageOf({ ...found, graph, node, input, holder });
      const reason = refusal(constant, moved) ?? storage.refused ?? differing(others, storage);
      if (reason !== undefined)
        unprunable.set(name, { name, node: node.name, op: operatorKey(node), dims: constant.dims, reason });
      else uses.set(name, others);
      others.push(foundUse(node, input, { moved, ran: moved ?? arrived(found, { graph, captured }), storage }));
    }
    noteOthers(graph, node, unprunable);
  }
  for (const [name, { reason }] of unprunable) if (reason === DIFFERING) uses.delete(name);
  for (const name of uses.keys()) unprunable.delete(name);
  const readers = otherReaders(graph, makers, uses);
  const prunable = [...uses].map(([name, found]): WeightLayer => {
    const { dims } = graph.constants.get(name) as Constant;
    const [{ use: first, storage }] = found as [FoundUse];
    const order = commonOrder(found);
    const reader = readers.get(name);
    return {
      name,
      node: first.node.name,
      op: operatorKey(first.node),
      dims,
      size: sizeOf(dims),
      uses: found.map(({ use }) => use),
      ...(reader !== undefined && { alsoReadBy: reader }),
      order: order ?? storedArrangement(dims),
      filters: filtersOf(first, order) ?? dims[0] ?? 1,
      macsPerWeight:
        captured === undefined ? null : found.reduce((sum, { use }) => sum + useMacs(use, captured, batch), 0),
      magnitudeOnly: found.map((one) => one.storage.magnitudeOnly).find((reason) => reason !== null) ?? null,
      ...(storage.quantisation && { quantisation: storage.quantisation }),
    };
  });
  return { prunable, unprunable: [...unprunable.values()] };
}

function weightInputs(node: Node): readonly number[] {
  return factsOf(node).weights?.map(({ input }) => input) ?? [];
}

/** Operators that read some of the weights for what is no use of a weight, by the weight's name. Its shape alone is nothing of it. */
function otherReaders(
  graph: Graph,
  makers: ReadonlyMap<string, Node>,
  weights: ReadonlyMap<string, unknown>,
): Map<string, string> {
  const readers = new Map<string, string>();
  for (const { node } of everyNode(graph)) {
    if (isMove(node) || node.op === 'Shape' || node.op === 'Size') continue;
    const own = weightInputs(node);
    for (const [i, value] of node.inputs.entries()) {
      const name = own.includes(i) ? undefined : source(graph, makers, value)?.name;
      if (name !== undefined && weights.has(name)) readers.set(name, node.op);
    }
  }
  return readers;
}

const DIFFERING = 'its uses read its whole numbers by different scales';

/** Why a weight of several uses means no one number. */
function differing([first]: readonly FoundUse[], { quantisation }: Storage): string | undefined {
  if (first === undefined) return undefined;
  return sameQuantisation(first.storage.quantisation, quantisation) ? undefined : DIFFERING;
}

/** The weight as it arrives at its use; null if that is not known. */
function arrived({ constant, moves }: Source, known: Known): Arrangement | null {
  return moves.reduceRight<Arrangement | null>(
    (arrangement, move) => arrangement && movedArrangement(move, arrangement, known),
    storedArrangement(constant.dims),
  );
}

/** The order must not depend on whether shapes were captured, so it is that by constants alone: `moved`; the matrix may: `ran`. */
function foundUse(
  node: Node,
  input: number,
  { moved, ran, storage }: { moved: Arrangement | null; ran: Arrangement | null; storage: Storage },
): FoundUse {
  const matrix = ran && useMatrix(node, input, ran);
  const isReordered = moved !== null && matrix !== null && !hasInputsFirst(node, input);
  return { use: { node, input, moved: ran, matrix }, order: isReordered ? matrix.elements : moved, storage };
}

/** The order in which all uses read the weight; null where they differ, or it is not known. */
function commonOrder([first, ...others]: readonly FoundUse[]): Arrangement | null {
  const order = first?.order ?? null;
  const agree = order !== null && others.every((other) => other.order !== null && sameOrder(order, other.order));
  return agree ? order : null;
}

function filtersOf({ node, input, matrix }: WeightUse, order: Arrangement | null): number | undefined {
  if (order === null) return undefined;
  return matrix === null || hasInputsFirst(node, input) ? dimsOf(order)[0] : matrix.groups * matrix.outputs;
}

interface Source {
  readonly name: string;
  readonly constant: Constant;
  /** What lies between, the last one first. */
  readonly moves: readonly Node[];
}

/** The constant behind a value, if only operators that move elements lie between. */
function source(graph: Graph, makers: ReadonlyMap<string, Node>, value: string): Source | undefined {
  const moves: Node[] = [];
  let name = value;
  while (moves.length < MOST_MOVES) {
    const constant = graph.constants.get(name);
    if (constant !== undefined) return { name, constant, moves };
    const maker = makers.get(name);
    if (maker === undefined || !isMove(maker)) return undefined;
    moves.push(maker);
    name = maker.inputs[0] ?? '';
  }
  return undefined;
}

/** @param moved  the constant as it arrives at its use, if known */
function refusal(constant: Constant, moved: Arrangement | null): string | undefined {
  const rank = Math.max(constant.dims.length, moved === null ? 0 : dimsOf(moved).length);
  return rank < 2 ? `it has ${rank === 1 ? 'one dimension' : 'no dimension'}, as a bias has` : undefined;
}

function notePacked({ constants }: Graph, node: Node, into: Map<string, UnprunableWeight>): void {
  const { packed } = factsOf(node);
  const name = node.inputs[packed?.input ?? 0] ?? '';
  if (packed === undefined || !constants.has(name)) return;
  const [rows, columns, bits] = [packed.rows, packed.columns, packed.bits].map((key) => intAttribute(node, key, 4));
  const dims = [rows as number, columns as number];
  into.set(name, { name, node: node.name, op: operatorKey(node), dims, reason: `they are packed, ${bits} bits each` });
}

/** Float constants with two or more dimensions that other operators use: said, so that nobody wonders. */
function noteOthers(graph: Graph, node: Node, into: Map<string, UnprunableWeight>): void {
  if (weightInputs(node).length > 0 || isMove(node)) return;
  notePacked(graph, node, into);
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
    const reason = `${operatorKey(node)} is not a convolution or a linear layer`;
    into.set(name, { name, node: node.name, op: operatorKey(node), dims: constant.dims, reason });
  }
}
